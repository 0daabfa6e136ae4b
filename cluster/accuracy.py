"""Foretold and measured in the reader's words: of one operation, of one cluster, on screen and on paper."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from msgspec import Struct

from cluster.foretelling import Taught, worst_of
from cluster.models import MigrationFit, Operation
from cluster.shown import day, number, quantity
from cluster.visible import visible
from cluster.wording import say

PERCENT: Final = 100.0
MS_DECIMALS: Final = 0
ONE_DECIMAL: Final = 1
HELD_PERCENT: Final = 90


class Beside(Struct, frozen=True, kw_only=True):
    """One thing of a migration: what was foretold, what was measured, how far off that was."""

    label: str
    foretold: str
    measured: str
    error: str

    @property
    def said(self) -> str:
        """All of it in one line."""
        line = _("{what}: {foretold} foretold, {measured} measured").format(
            what=self.label, foretold=self.foretold, measured=self.measured
        )
        return f"{line} ({self.error})" if self.error else line


def beside(operation: Operation) -> tuple[Beside, ...]:
    """Foretold beside measured; nothing of an operation that moves no memory."""
    before, after = operation.predicted, operation.measured
    if not before:
        return ()
    lines = (
        _line(_("Time"), "s", ONE_DECIMAL, before.get("total_s"), after.get("total_s")),
        _line(_("Stop of the VM"), "ms", MS_DECIMALS, before.get("downtime_ms"), after.get("downtime_ms")),
        _line(_("Sent"), "MiB", MS_DECIMALS, before.get("sent_mib"), after.get("sent_mib")),
    )
    return (*lines, _pings(before, after))


def off_by(operation: Operation) -> str:
    """How far off the time was foretold, with its sign; empty where either is unknown."""
    return _off(operation.predicted.get("total_s"), operation.measured.get("total_s"))


def lines_of(taught: Taught) -> tuple[tuple[str, str], ...]:
    """How good the foretelling of a cluster is: label and value, one line each."""
    fit = taught.fit
    if fit is None:
        return ((_("Error of the time foretold"), too_few(taught)),)
    return (
        (_("Error of the time foretold, median"), _percent(fit.median)),
        (_("Error of the time foretold, 95th percentile"), _percent(fit.p95)),
        (_("Measured migrations"), number(fit.count)),
        (_("Worst case"), _worst(fit)),
        (_("A stop is at most"), _bound(fit)),
        (_("Set-up time"), quantity(fit.setup_s, "s", 2)),
        (_("Links carry"), _links(fit)),
        (_("Fitted on"), day(fit.fitted_at)),
    )


def too_few(taught: Taught) -> str:
    """Why nothing is said yet."""
    return _("unknown: too few measurements ({count} of {needed})").format(
        count=number(taught.measured), needed=number(taught.needed)
    )


def _line(label: str, unit: str, decimals: int, foretold: Any, measured: Any) -> Beside:
    return Beside(
        label=label,
        foretold=quantity(foretold, unit, decimals),
        measured=quantity(measured, unit, decimals),
        error=_off(foretold, measured),
    )


def _pings(before: dict[str, Any], after: dict[str, Any]) -> Beside:
    chances = before.get("lost_chances") or ()
    foretold = " · ".join(
        _("{count}: {percent} %").format(count=number(count), percent=number(PERCENT * chance, ONE_DECIMAL))
        for count, chance in enumerate(chances)
    )
    return Beside(
        label=_("Pings lost, one a second"),
        foretold=foretold or _("unknown"),
        measured=quantity(after.get("lost_pings"), ""),
        error="",
    )


def _off(foretold: Any, measured: Any) -> str:
    if foretold is None or not measured:
        return ""
    error = round(PERCENT * (foretold - measured) / measured, ONE_DECIMAL)
    sign = "+" if error > 0 else "−" if error < 0 else "±"
    return f"{sign}{quantity(abs(error), '%', ONE_DECIMAL)}"


def _percent(share: float) -> str:
    return quantity(PERCENT * share, "%", ONE_DECIMAL)


def _worst(fit: MigrationFit) -> str:
    return _("{vm}, {percent} off: {why}").format(
        vm=visible(fit.worst_case), percent=_percent(fit.worst), why=say(worst_of(fit))
    )


def _bound(fit: MigrationFit) -> str:
    if fit.bound is None:
        return _("unknown: the servers told too few stops")
    return _("{factor} times the one foretold, in {percent} % of cases").format(
        factor=number(fit.bound, 2), percent=number(HELD_PERCENT)
    )


def _links(fit: MigrationFit) -> str:
    return " · ".join(
        _("{rate} MiB/s of {mbit} Mbit/s").format(rate=number(rate, ONE_DECIMAL), mbit=number(float(mbit)))
        for mbit, rate in sorted(fit.links_mib_s.items(), key=lambda link: float(link[0]))
    )

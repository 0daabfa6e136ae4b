"""What a report was made of, printed on every kind of it: who has the same inputs can make it again.

The day it was made stands on it too, but not here: the same inputs give the same bytes of JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.utils.translation import gettext as _
from msgspec import Struct

from cluster.exports.version import version
from cluster.labels import label_of
from cluster.shown import number
from cluster.visible import visible
from planner.cost.first import rows_used
from planner.report import PlanReport


class Origin(Struct, frozen=True, kw_only=True):
    """The file that was imported, and the revision of the estate; `seed` where chance played.

    Empty, or None: nobody told, as of an estate that was read from a server.
    """

    file: str = ""
    sha256: str = ""
    revision: int | None = None
    seed: int | None = None
    years: float | None = None


class Made(Struct, frozen=True, kw_only=True):
    """One line of the origin, in the reader's language."""

    label: str
    value: str


def document(report: PlanReport, origin: Origin) -> dict[str, Any]:
    """The origin for programs."""
    return {
        "headroom": version(),
        "input": {
            "file": origin.file or None,
            "sha256": origin.sha256 or None,
            "revision": origin.revision,
        },
        "parameters": msgspec.to_builtins(report.parameters),
        "chance": None if origin.seed is None else {"seed": origin.seed, "years": origin.years},
        "prices": [
            {
                "key": row.key,
                "low": str(row.low),
                "high": str(row.high),
                "unit": row.unit,
                "source": row.source,
                "date": row.date,
            }
            for row in rows_used(report.parameters.licence)
        ],
    }


def lines(report: PlanReport, origin: Origin) -> tuple[Made, ...]:
    """The origin for a reader, one line a fact."""
    unknown = _("not known")
    return (
        Made(label=_("Imported file"), value=visible(origin.file) or unknown),
        Made(label="SHA-256", value=origin.sha256 or unknown),
        Made(
            label=_("Revision of the estate"),
            value=unknown if origin.revision is None else number(origin.revision),
        ),
        Made(label="Headroom", value=version()),
        Made(label=_("Parameters"), value=_parameters(report)),
        Made(label=_("Seed of the chance"), value=_chance(origin)),
        Made(label=_("Date of the price rows"), value=_prices(report)),
    )


def in_one_line(report: PlanReport, origin: Origin) -> str:
    """The same where there is room for one cell alone."""
    return "; ".join(f"{line.label}: {line.value}" for line in lines(report, origin))


def _parameters(report: PlanReport) -> str:
    asked = msgspec.to_builtins(report.parameters)
    told = {
        "failures": label_of("failures_asked"),
        "vcpu_per_core": label_of("vcpu_per_core"),
        "host_cores": _("Cores of the host described"),
        "host_sockets": _("Sockets of the host described"),
        "host_memory_gib": _("Memory of the host described"),
        "cluster": _("Cluster"),
        "template": label_of("template"),
        "host_price": _("Your quote for a host ({currency})").format(currency=report.parameters.currency),
        "currency": _("Currency"),
        "licence": _("Licence"),
    }
    return ", ".join(
        f"{told.get(name, name)} = {number(value) if isinstance(value, int | float) else visible(value)}"
        for name, value in asked.items()
        if value is not None
    )


def _chance(origin: Origin) -> str:
    if origin.seed is None:
        return _("none: no chance is in it")
    return _("{seed}, over {years} years").format(seed=number(origin.seed), years=number(origin.years or 0))


def _prices(report: PlanReport) -> str:
    return ", ".join(f"{row.key} {row.date}" for row in rows_used(report.parameters.licence))

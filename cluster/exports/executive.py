"""The first page: five questions of a buyer, each with its answer; whoever reads no further knows enough.

    Does it fit?   What is to be done?   What does it cost?   What is single?   Until when?

Everything on it stands in the annex again with its formula.  No day is counted from today: the page says
the same whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cluster import verdict
from cluster.component_names import KIND_NAMES
from cluster.exports.beside import Beside
from cluster.exports.costs import TOTAL, repeats
from cluster.exports.paper import Answered, Executive, HostBar
from cluster.exports.redundant import Redundant
from cluster.labels import measured_of, name_of, resource_of
from cluster.outlook import Line, Outlook
from cluster.shown import day, money_range, number
from cluster.wording import say
from planner.report import ClusterPlan, Money, PlanReport

STEPS_MAX: Final = 6
NAMES_MAX: Final = 3
BARS_MAX: Final = 12


def page(report: PlanReport, beside: Beside) -> Executive:
    """The page, every sentence in the active language."""
    whole = verdict.of_estate(report)
    shown = [one for one in report.clusters if one.hosts_needed is not None][:BARS_MAX]
    most = max((max(one.hosts_today, one.hosts_needed or 0) for one in shown), default=0)
    hidden = len(report.clusters) - len(shown)
    return Executive(
        answers=(
            Answered(question=_("Does it fit?"), state=whole.state, answer=whole.sentence),
            _to_do(report, beside),
            _costs(report),
            _single(beside.redundancy),
            _until(beside.outlook),
        ),
        chart_title=_("Hosts there and hosts needed"),
        bars=tuple(_bar(one, most) for one in shown if most),
        bars_more=_("{count} more clusters stand in the annex.").format(count=number(hidden))
        if hidden > 0 and shown
        else "",
        there=_("there today"),
        needed=_("needed, with those spare for a failure"),
    )


def _bar(cluster: ClusterPlan, most: int) -> HostBar:
    needed = cluster.hosts_needed or 0
    return HostBar(
        name=name_of(cluster.name),
        today=cluster.hosts_today / most,
        needed=needed / most,
        state="unknown" if cluster.fits is None else "ok" if cluster.fits else "bad",
        words=_("{today} of {needed}").format(today=number(cluster.hosts_today), needed=number(needed)),
    )


def _to_do(report: PlanReport, beside: Beside) -> Answered:
    steps = [*_host_steps(report.clusters), *_quote_step(report), *_other_steps(beside)]
    if not steps:
        return Answered(
            question=_("What is to be done?"),
            state="ok" if verdict.of_estate(report).state == "ok" else "unknown",
            answer=_("Nothing has to be bought for what was asked."),
        )
    more = len(steps) - STEPS_MAX
    return Answered(
        question=_("What is to be done?"),
        state="bad" if verdict.of_estate(report).state == "bad" else "unknown",
        answer=_("In this order:"),
        details=(
            *steps[:STEPS_MAX],
            *((_("and {count} more").format(count=number(more)),) if more > 0 else ()),
        ),
    )


def _host_steps(clusters: Sequence[ClusterPlan]) -> Iterator[str]:
    for cluster in clusters:
        if cluster.fits is not False:
            continue
        name, missing = name_of(cluster.name), (cluster.hosts_needed or 0) - cluster.hosts_today
        if missing <= 0:
            yield _("{cluster}: the hosts are enough and yet it does not fit; its page says why.").format(
                cluster=name
            )
            continue
        told = ngettext("{cluster}: add {count} host.", "{cluster}: add {count} hosts.", missing)
        step = told.format(cluster=name, count=number(missing))
        if cluster.binding is not None:
            first = _("{resource} runs out first.").format(resource=resource_of(cluster.binding))
            step = f"{step} {first}"
        yield step


def _quote_step(report: PlanReport) -> Iterator[str]:
    if any(_is_open(line) and line.scope == "planned" for line in report.cost):
        yield _("Ask for a quote for the hosts and enter it: their price is in no sum yet.")


def _other_steps(beside: Beside) -> Iterator[str]:
    found = beside.redundancy
    if found is None:
        yield _("Have the wiring examined: whether a single component cuts somebody off is not known.")
    elif found.paths.single_points:
        yield _("Double what is single: {names}.").format(names=_points(found))
    if beside.outlook is not None:
        for line in beside.outlook.lines:
            if line.alarm:
                yield _("Decide now about {name}, {resource}: it is full soon.").format(
                    name=name_of(line.name), resource=measured_of(line.resource)
                )


def _costs(report: PlanReport) -> Answered:
    details = tuple(_amounts(report.cost))
    is_open = any(_is_open(line) for line in report.cost)
    if not details:
        return Answered(question=_("What does it cost?"), state="unknown", answer=_("No price is known yet."))
    said = _("What is known, all clusters as one order.")
    if is_open:
        said = _("What is known, all clusters as one order; hosts to buy wait for your quote.")
    return Answered(
        question=_("What does it cost?"), state="unknown" if is_open else "ok", answer=said, details=details
    )


def _amounts(lines: Sequence[Money]) -> Iterator[str]:
    for per, today_words, both_words in (
        ("once", _("Once, planned: {planned}."), _("Once: {today} for today, {planned} as planned.")),
        ("year", _("Every year, planned: {planned}."), _("Every year: {today} today, {planned} as planned.")),
    ):
        totals = [line for line in lines if line.item == TOTAL and line.per == per and line.low is not None]
        for currency in dict.fromkeys(line.currency for line in totals):
            by_scope = {
                line.scope: money_range(line.low, line.high, line.currency)
                for line in totals
                if line.currency == currency
            }
            planned, today = by_scope.get("planned"), by_scope.get("today")
            if planned and today:
                yield both_words.format(today=today, planned=planned)
            elif planned:
                yield today_words.format(planned=planned)


def _is_open(line: Money) -> bool:
    """Whether its price is asked for and nobody gave it."""
    return line.item != TOTAL and line.low is None and line.quantity > 0 and not repeats(line)


def _single(found: Redundant | None) -> Answered:
    question = _("What is single?")
    if found is None:
        return Answered(
            question=question, state="unknown", answer=_("The wiring of this estate was not examined.")
        )
    count = len(found.paths.single_points)
    if count:
        said = ngettext(
            "{count} component cuts somebody off if it fails: {names}.",
            "{count} components cut somebody off if one of them fails: {names}.",
            count,
        )
        return Answered(
            question=question, state="bad", answer=said.format(count=number(count), names=_points(found))
        )
    if found.paths.unknown:
        return Answered(
            question=question,
            state="unknown",
            answer=_("Nothing is proven single, but not everything is known."),
        )
    return Answered(question=question, state="ok", answer=_("Nothing: no single component cuts anybody off."))


def _points(found: Redundant) -> str:
    points = found.paths.single_points
    named = ", ".join(f"{KIND_NAMES.get(one.kind, one.kind)} {one.component}" for one in points[:NAMES_MAX])
    more = len(points) - NAMES_MAX
    return f"{named}, {_('and {count} more').format(count=number(more))}" if more > 0 else named


def _until(found: Outlook | None) -> Answered:
    question = _("Until when?")
    lines = found.lines if found is not None else ()
    dated = [line for line in lines if line.full_on is not None]
    if dated:
        alarmed = any(line.alarm for line in dated)
        return Answered(
            question=question,
            state="bad" if alarmed else "ok",
            answer=_full(dated[0]),
            details=tuple(_full(line) for line in dated[1:NAMES_MAX]),
        )
    if any(line.verdict == "not-within-a-year" for line in lines):
        said = _("Nothing is full within a year, as far as the trend goes.")
        return Answered(question=question, state="ok", answer=said)
    return Answered(
        question=question,
        state="unknown",
        answer=_("Until when it suffices cannot be told yet."),
        details=(say(lines[0].why),) if lines else (),
    )


def _full(line: Line) -> str:
    what = {"name": name_of(line.name), "resource": measured_of(line.resource)}
    if line.verdict == "full" or line.full_on is None:
        return _("{name}, {resource}: full.").format(**what)
    if line.earliest_on is not None and line.latest_on is not None:
        return _("{name}, {resource}: full on {date} (between {earliest} and {latest}).").format(
            **what, date=_on(line.full_on), earliest=_on(line.earliest_on), latest=_on(line.latest_on)
        )
    return _("{name}, {resource}: full on {date}.").format(**what, date=_on(line.full_on))


def _on(ordinal: int) -> str:
    found = date.fromordinal(ordinal)
    return day(datetime(found.year, found.month, found.day, tzinfo=UTC))

"""The six questions about an estate, each with its answer in a line and the page that proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from msgspec import Struct

from cluster.component_names import KIND_NAMES
from cluster.models import CostStudy, Estate, Event, Redundancy
from cluster.shown import money_range, number
from cluster.tallies import CostTally, RedundancyTally
from cluster.verdict import Verdict
from cluster.views.ahead import Headline
from cluster.visible import visible
from planner.report import ClusterPlan, PlanReport

State = Literal["ok", "warn", "bad", "unknown", "info"]
NAMES_SHOWN: Final = 3


class Tile(Struct, frozen=True, kw_only=True):
    """A question, its answer as a state with a word, what stands behind it, and where it is proven.

    Where the answer is not known, `more` says how to know it and `url` leads there.
    """

    key: str
    question: str
    state: State
    word: str
    more: str
    url: str
    detail: str = ""


class Day(Struct, frozen=True, kw_only=True):
    """What was told of an estate within a day."""

    counts: Mapping[str, int] = {}


def tiles_of(
    estate: Estate,
    report: PlanReport | None,
    verdict: Verdict | None,
    ahead: Headline | None,
    cost_a_year: str,
    day: Day,
) -> tuple[Tile, ...]:
    """The six answers; what the database keeps beside large answers was fetched with the estate."""
    redundancy: Sequence[Redundancy] = estate.newest_redundancies  # type: ignore[attr-defined]
    prices: Sequence[CostStudy] = estate.newest_prices  # type: ignore[attr-defined]
    return (
        _fits(estate, report, verdict),
        _host_dies(estate, report),
        _until_when(estate, ahead),
        _cost(estate, prices[0] if prices else None, cost_a_year),
        _single(estate, redundancy[0] if redundancy else None),
        _today(estate, day),
    )


def _fits(estate: Estate, report: PlanReport | None, verdict: Verdict | None) -> Tile:
    question, url = gettext("Does it fit?"), reverse("estate", args=[estate.pk])
    if report is None or verdict is None:
        more = gettext("There is no plan of this estate yet: open it and plan it.")
        return _unknown("fits", question, more, url)
    return Tile(
        key="fits", question=question, state=verdict.state, word=verdict.word, more=verdict.sentence, url=url
    )


def _host_dies(estate: Estate, report: PlanReport | None) -> Tile:
    question = gettext("What if a host dies?")
    judged = [
        (one, one.failures_tolerated_today)
        for one in (report.clusters if report else ())
        if one.failures_tolerated_today is not None
    ]
    if not judged:
        more = gettext("No cluster could be judged: a plan needs hosts and VMs.")
        return _unknown("dies", question, more, reverse("estate", args=[estate.pk]))
    weak = [one for one, tolerated in judged if tolerated < 1]
    least, tolerated = min(judged, key=lambda each: each[1])
    url = _failures_url(estate, least)
    if weak:
        names = _names([one.name for one in weak])
        more = ngettext(
            "No host may fail in {names}.", "No host may fail in {count} clusters: {names}.", len(weak)
        ).format(count=number(len(weak)), names=names)
        return Tile(
            key="dies", question=question, state="bad", word=gettext("VMs stay down"), more=more, url=url
        )
    more = ngettext(
        "In every cluster {count} host may fail; {name} has the least to spare.",
        "In every cluster {count} hosts may fail; {name} has the least to spare.",
        tolerated,
    ).format(count=number(tolerated), name=visible(least.name))
    return Tile(key="dies", question=question, state="ok", word=gettext("All restart"), more=more, url=url)


def _until_when(estate: Estate, ahead: Headline | None) -> Tile:
    question, url = gettext("Until when?"), reverse("ahead", args=[estate.pk])
    if ahead is None:
        more = gettext("Nothing was measured yet: every import is kept by date, or add a history.")
        return _unknown("until", question, more, url)
    words = {
        "ok": gettext("Lasts"),
        "warn": gettext("Full soon"),
        "bad": gettext("Full"),
        "unknown": gettext("Not known"),
    }
    return Tile(
        key="until",
        question=question,
        state=ahead.state,  # type: ignore[arg-type]
        word=words[ahead.state],
        more=ahead.text,
        detail=ahead.more,
        url=url,
    )


def _cost(estate: Estate, study: CostStudy | None, cost_a_year: str) -> Tile:
    question, url = gettext("What does it cost?"), reverse("costs", args=[estate.pk])
    if study is not None:
        tally = msgspec.convert(study.tally, CostTally)
        first, *others = tally.designs
        amount = money_range(first.low, first.high, tally.currency)
        more = gettext("{design}, over {years} years, by what is known.").format(
            design=first.shown_name, years=number(tally.years)
        )
        cheaper = [
            gettext("{design}: {amount}.").format(
                design=one.shown_name, amount=money_range(one.low, one.high, tally.currency)
            )
            for one in others
        ]
        missing = ngettext("{count} price is missing.", "{count} prices are missing.", tally.missing).format(
            count=number(tally.missing)
        )
        detail = " ".join([*cheaper, *([missing] if tally.missing else [])])
        state: State = "unknown" if tally.missing else "info"
        return Tile(
            key="cost", question=question, state=state, word=amount, more=more, detail=detail, url=url
        )
    if cost_a_year:
        more = gettext("Licences and electricity a year, as planned. Price it, and all the rest is told.")
        return Tile(key="cost", question=question, state="info", word=cost_a_year, more=more, url=url)
    more = gettext("Nothing was priced yet: open it and press “Price it”.")
    return _unknown("cost", question, more, url)


def _single(estate: Estate, redundancy: Redundancy | None) -> Tile:
    question, url = gettext("What is single?"), reverse("wiring", args=[estate.pk])
    if redundancy is None or not redundancy.tally:
        more = gettext("The wiring was not examined yet: open it and press “Examine the wiring”.")
        return _unknown("single", question, more, url)
    tally = msgspec.convert(redundancy.tally, RedundancyTally)
    unknown = ngettext(
        "Of {count} service too little is known.", "Of {count} services too little is known.", tally.unknown
    ).format(count=number(tally.unknown))
    detail = unknown if tally.unknown else ""
    if redundancy.estate_revision != estate.revision:
        changed = gettext("The estate has changed since it was examined.")
        detail = f"{changed} {detail}".strip()
    if tally.points:
        word = ngettext("{count} single point", "{count} single points", tally.points)
        more = ", ".join(f"{KIND_NAMES.get(kind, kind)} {visible(name)}" for kind, name in tally.first)
        if tally.points > len(tally.first):
            more = gettext("{names} and {count} more").format(
                names=more, count=number(tally.points - len(tally.first))
            )
        word = word.format(count=number(tally.points))
        return Tile(
            key="single", question=question, state="bad", word=word, more=f"{more}.", detail=detail, url=url
        )
    if tally.unknown:
        return _unknown("single", question, detail, url)
    return Tile(
        key="single",
        question=question,
        state="ok",
        word=gettext("Nothing"),
        more=gettext("The loss of no single component cuts anybody off."),
        detail=detail,
        url=url,
    )


def _today(estate: Estate, day: Day) -> Tile:
    question, url = gettext("What happened today?"), reverse("estate_events", args=[estate.pk])
    count = sum(day.counts.values())
    if not count:
        more = gettext("Nothing was told of this estate in the last 24 hours.")
        return Tile(key="today", question=question, state="info", word=gettext("Quiet"), more=more, url=url)
    errors = day.counts.get(Event.Level.ERROR, 0)
    warnings = day.counts.get(Event.Level.WARNING, 0)
    state: State = "bad" if errors else "warn" if warnings else "ok"
    word = ngettext("{count} event", "{count} events", count).format(count=number(count))
    said = [
        ngettext("{count} error", "{count} errors", errors).format(count=number(errors)) if errors else "",
        ngettext("{count} warning", "{count} warnings", warnings).format(count=number(warnings))
        if warnings
        else "",
    ]
    more = ", ".join(filter(None, said)) or gettext("No warning, no error.")
    return Tile(key="today", question=question, state=state, word=word, more=more, url=url)


def _failures_url(estate: Estate, cluster: ClusterPlan) -> str:
    address = reverse("study", args=[estate.pk, "failures"])
    return f"{address}?{urlencode({'name': cluster.name})}"


def _unknown(key: str, question: str, more: str, url: str) -> Tile:
    return Tile(key=key, question=question, state="unknown", word=gettext("Not known"), more=more, url=url)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(visible(name) for name in names[:NAMES_SHOWN])
    left = len(names) - NAMES_SHOWN
    return gettext("{names} and {count} more").format(names=shown, count=number(left)) if left > 0 else shown

"""Variants side by side: cost, hosts, ratios, failures tolerated, minutes of outage, electricity, carbon."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from planner.admission import failures_tolerated, tolerates
from planner.consolidation import Members, members, summarize
from planner.cost.answer import (
    Answer,
    Asked,
    Priced,
    Shown,
    grown_designs,
    growth_remarks,
    shown_together,
)
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill
from planner.cost.book import BookError, Prices
from planner.cost.carbon import footprint
from planner.cost.design import Design
from planner.cost.money import ZERO, Span
from planner.cost.outage import outage
from planner.cost.study import TODAY, Question, chosen_clusters, rules_of, study
from planner.demand import capacity_of, load_of
from planner.estate import Estate
from planner.sentence import Sentence
from planner.variant import Variant, applied, told

COMPARED_MAX: Final = 8
COMPLETED: Final = "today-complete"  # the estate as it is, with the hosts that it lacks
VARIANT: Final = "variant:"  # before the key of a design that is a variant


class Result(Struct, frozen=True, kw_only=True):
    """One variant in a comparison; None where there is nothing to count or a card is empty.

    `bill` prices the variant's own hosts, new ones bought, and those that are missing beside them;
    `planned` as many hosts as the load needs.  `failures_tolerated` and `outage_minutes` (a VM and year,
    every cause that is recorded; `outage_unknown` are the others) are those of the hosts as they stand,
    before missing ones are bought.
    """

    name: str
    vms: int
    hosts: int
    hosts_to_buy: int | None
    hosts_needed: int | None
    failures_tolerated: int | None
    failures_asked: int
    vcpu_per_core: float | None
    vms_per_host: float | None
    bill: Bill | None
    planned: Bill | None
    total: Span | None
    kwh: Decimal | None
    carbon_kg: Decimal | None
    outage_minutes: float | None
    outage_unknown: tuple[str, ...] = ()
    remarks: tuple[Sentence, ...] = ()


class Row(Struct, frozen=True, kw_only=True):
    """The numbers of one variant and its changes, without its bill."""

    name: str
    changes: tuple[Sentence, ...]
    vms: int
    hosts: int
    hosts_to_buy: int | None
    hosts_needed: int | None
    failures_tolerated: int | None
    failures_asked: int
    vcpu_per_core: float | None
    vms_per_host: float | None
    outage_minutes: float | None
    kwh: Decimal | None
    carbon_kg: Decimal | None
    outage_unknown: tuple[str, ...] = ()
    remarks: tuple[Sentence, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """Variants in the order asked for, after today's estate as it stands; their bills are the designs."""

    rows: tuple[Row, ...]
    answer: Answer


def results(
    estate: Estate,
    variants: Sequence[Variant],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
) -> tuple[Result, ...]:
    """Put variants side by side: cost, hosts, ratios, failures tolerated, minutes, kWh, CO2e.

    Raises:
        BookError: a change of what is not there; an unknown platform or cluster.
    """
    return tuple(_result(estate, variant, question, assumptions, prices) for variant in variants)


def compare(
    estate: Estate, variants: Sequence[Variant], asked: Asked, prices: Prices, chance: np.random.Generator
) -> Comparison:
    """Compare variants with the estate as it stands, under one object of assumptions.

    Today's hosts are priced as they are; where they are too few, today with the missing ones stands beside
    it, so that no variant is charged for them alone.  A variant's missing hosts are bought beside those that
    stay, of the kind asked for or of the cluster's own kind.

    Raises:
        BookError: none or too many variants, two of one name, a change of what is not there.
    """
    _check_variants(variants)
    platform = asked.platforms[0]
    question = replace(asked.question, platforms=(platform,), platform_today=platform)
    standing = Variant(name=TODAY, changes=())
    pairs = [(standing, _result(estate, standing, question, asked.assumptions, prices, complete=False))]
    whole = replace(standing, name=COMPLETED)
    found = [(one, _result(estate, one, question, asked.assumptions, prices)) for one in (whole, *variants)]
    lacking = bool(found[0][1].hosts_to_buy)
    pairs += found if lacking else found[1:]
    priced = []
    for variant, result in pairs:
        if result.bill is None:
            continue
        changed, _, _ = applied(estate, asked.assumptions, variant)
        vms = [vm for cluster in chosen_clusters(changed, asked.cluster) for vm in cluster.vms]
        own = variant.name in (TODAY, COMPLETED)
        design = replace(
            result.bill.design,
            key=variant.name if own else f"{VARIANT}{variant.name}",
            name=variant.name,
        )
        grown = _grown(estate, variant, question, asked.assumptions, prices)
        priced.append(
            Priced(
                bill=replace(result.bill, design=design),
                vms=tuple(vms),
                grown=grown,
                short=lacking and variant.name == TODAY,
            )
        )
    remarks = {str(remark): remark for _, result in pairs for remark in result.remarks}
    designs = tuple(_without_idle_verdict(one) for one in shown_together(priced, prices, chance))
    return Comparison(
        rows=tuple(_row(variant, result) for variant, result in pairs),
        answer=Answer(
            asked=asked,
            designs=designs,
            remarks=(*remarks.values(), *growth_remarks(designs)),
        ),
    )


def _grown(
    estate: Estate, variant: Variant, question: Question, assumptions: Assumptions, prices: Prices
) -> tuple[Design, ...]:
    """The variant's design at other growths; none where it has a growth of its own."""
    changed, own, _ = applied(estate, assumptions, variant)
    asked = _question_of(estate, changed, question, complete=variant.name != TODAY)

    def bills_at(assumed: Assumptions) -> tuple[Bill, ...]:
        return study(changed, asked, assumed, prices).bills

    return grown_designs(own, (TODAY,), bills_at)[TODAY]


def _question_of(estate: Estate, changed: Estate, question: Question, *, complete: bool) -> Question:
    """The question for a changed estate: its new hosts have to be paid."""
    fresh = frozenset(host.name for host in changed.hosts) - {host.name for host in estate.hosts}
    return replace(question, bought_hosts=fresh, complete=complete)


def _without_idle_verdict(shown: Shown) -> Shown:
    """A variant that costs more does so for what it gives; that it never pays is no news."""
    found = shown.verdict
    return replace(shown, verdict=None) if found is not None and found.month is None else shown


def _check_variants(variants: Sequence[Variant]) -> None:
    names = [variant.name for variant in variants]
    if not 1 <= len(names) <= COMPARED_MAX:
        raise BookError(Sentence("between 1 and {most} variants are compared", {"most": COMPARED_MAX}))
    for name in names:
        if names.count(name) > 1 or name in (TODAY, COMPLETED):
            raise BookError(Sentence("two variants are called {name}", {"name": name}))


def _row(variant: Variant, result: Result) -> Row:
    return Row(
        name=variant.name,
        changes=tuple(told(change) for change in variant.stack),
        vms=result.vms,
        hosts=result.hosts,
        hosts_to_buy=result.hosts_to_buy,
        hosts_needed=result.hosts_needed,
        failures_tolerated=result.failures_tolerated,
        failures_asked=result.failures_asked,
        vcpu_per_core=result.vcpu_per_core,
        vms_per_host=result.vms_per_host,
        outage_minutes=result.outage_minutes,
        kwh=result.kwh,
        carbon_kg=result.carbon_kg,
        outage_unknown=result.outage_unknown,
        remarks=result.remarks,
    )


def _result(
    estate: Estate,
    variant: Variant,
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
    *,
    complete: bool = True,
) -> Result:
    changed, assumed, remarks = applied(estate, assumptions, variant)
    priced = study(changed, _question_of(estate, changed, question, complete=complete), assumed, prices)
    standing = priced.bill(TODAY)
    planned = priced.bill(question.platforms[0]) if question.platforms else None
    clusters = [one for one in members(changed) if question.cluster in (None, one.name)]
    summaries = [summarize(one) for one in clusters]
    cores, vcpus = sum(one.cores for one in summaries), sum(one.vcpus_on for one in summaries)
    hosts, vms = sum(one.hosts for one in summaries), sum(one.vms_on for one in summaries)
    found = footprint(standing.design, assumed, prices) if standing else None
    tolerated = _tolerated(changed, clusters, assumed)
    lost = outage(changed, clusters, tolerated, assumed, prices)
    return Result(
        name=variant.name,
        vms=vms,
        hosts=hosts,
        hosts_to_buy=standing.design.year(assumed.years - 1).hosts - hosts if standing else None,
        hosts_needed=planned.design.year(0).hosts if planned else None,
        failures_tolerated=min(tolerated.values(), default=None),
        failures_asked=assumed.failures,
        vcpu_per_core=vcpus / cores if cores else None,
        vms_per_host=vms / hosts if hosts else None,
        bill=standing,
        planned=planned,
        total=standing.total.amount if standing else None,
        kwh=found.kwh if found else None,
        carbon_kg=_carbon(found.grid_kg, found.made_kg) if found else None,
        outage_minutes=lost.minutes if lost else None,
        outage_unknown=lost.unknown if lost else (),
        remarks=(*remarks, *priced.remarks),
    )


def _carbon(grid_kg: Decimal | None, made_kg: Decimal | None) -> Decimal | None:
    return None if grid_kg is None else grid_kg + (made_kg or ZERO)


def _tolerated(estate: Estate, clusters: Sequence[Members], assumptions: Assumptions) -> dict[str, int]:
    """The failures that each cluster with hosts tolerates; 0 where it does not even carry its load."""
    found = {}
    for cluster in clusters:
        if not cluster.hosts:
            continue
        load, rules = load_of(cluster.vms), rules_of(estate, cluster)
        capacity = capacity_of(cluster.hosts, assumptions.vcpu_per_core)
        asked = tolerates(load, capacity, rules, assumptions.failures)
        found[cluster.name] = failures_tolerated(load, capacity, rules, asked) or 0
    return found

"""Which hosts to buy, as a page and a report show it: the search, and bills of the best of each platform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from planner.cost.answer import (
    Answer,
    Asked,
    Priced,
    grown_designs,
    growth_remarks,
    short_remarks,
    shown_together,
)
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, bill
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.machine import Machine
from planner.cost.study import TODAY, chosen_clusters, falling_short, study
from planner.estate import Estate
from planner.hardware.option import Option
from planner.hardware.search import Found, offered_again, search


class Advice(Struct, frozen=True, kw_only=True):
    """The search, and today beside the cheapest of each platform with all their lines."""

    found: Found
    answer: Answer


def advise(
    estate: Estate,
    machines: Sequence[Machine],
    asked: Asked,
    prices: Prices,
    chance: np.random.Generator,
    *,
    keep_hosts: bool = False,
) -> Advice:
    """Search, and price the best of each platform beside today's hosts, all under the same assumptions.

    Raises:
        BookError: an unknown platform, edition or cluster, or assumptions out of range.
    """
    question = replace(asked.question, machine=None)
    found = search(estate, machines, question, asked.assumptions, prices, keep_hosts=keep_hosts)
    standing = study(estate, replace(question, platforms=()), asked.assumptions, prices).bill(TODAY)
    bills = [] if standing is None else [standing]
    bills += [bill(_named(option), asked.assumptions, prices) for option in found.best]

    def bills_at(assumed: Assumptions) -> list[Bill]:
        again = study(estate, replace(question, platforms=()), assumed, prices).bill(TODAY)
        options = [offered_again(estate, one, question, assumed, prices) for one in found.best]
        offered = [bill(_named(one), assumed, prices) for one in options if one is not None]
        return offered if again is None else [again, *offered]

    grown = grown_designs(asked.assumptions, [one.design.key for one in bills], bills_at)
    vms = tuple(vm for cluster in chosen_clusters(estate, asked.cluster) for vm in cluster.vms)
    short = falling_short(estate, chosen_clusters(estate, asked.cluster), asked.assumptions)
    priced = [
        Priced(
            bill=one,
            vms=vms,
            grown=grown[one.design.key],
            short=bool(short) and one.design.key == TODAY,
        )
        for one in bills
    ]
    designs = shown_together(priced, prices, chance)
    return Advice(
        found=_lean(found),
        answer=Answer(
            asked=asked,
            designs=designs,
            remarks=(
                *short_remarks(designs, short, asked.assumptions),
                *found.remarks,
                *growth_remarks(designs),
            ),
        ),
    )


def _named(option: Option) -> Design:
    """The design under its platform's name and its hosts."""
    platform = option.design.choice.platform
    return replace(option.design, key=f"best:{platform.key}", name=f"{platform.name}: {option.design.name}")


def _lean(found: Found) -> Found:
    """Without the years of every option: what is kept needs their numbers alone."""

    def bare(options: Sequence[Option]) -> tuple[Option, ...]:
        return tuple(replace(option, design=replace(option.design, years=())) for option in options)

    return replace(found, front=bare(found.front), best=bare(found.best), grid=bare(found.grid))

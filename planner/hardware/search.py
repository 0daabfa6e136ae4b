"""The search: every model gets its hosts by placement and its bill; bounds decide where to look closely."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from planner.consolidation import Members
from planner.cost.assumptions import Assumptions, check_assumptions
from planner.cost.beside import fleet_beside
from planner.cost.bill import Bill, bill
from planner.cost.book import Prices
from planner.cost.carbon import footprint
from planner.cost.design import Design, Year
from planner.cost.features import Use
from planner.cost.fleets import Demand, Fleet, demands_of, fleet_of, joined
from planner.cost.machine import Machine
from planner.cost.money import ZERO
from planner.cost.platforms import PLATFORMS, Choice, choose
from planner.cost.study import Question, check_question, chosen_clusters, features_in_use, rules_of
from planner.cost.uncertainty import middle_total
from planner.estate import Estate, Rule
from planner.hardware.front import Scores, pareto
from planner.hardware.option import Option, explained, outage_minutes, scores_of, spare_percent
from planner.sentence import Sentence

BESIDE_MODELS: Final = 5
GRID_MODELS: Final = 12
EXTRAS: Final = (0, 1, 2)  # spare hosts of each cluster beyond the failures to carry
AT_ONCE: Final = 10**9  # "enough" hosts: the first greedy placement will do


class Found(Struct, frozen=True, kw_only=True):
    """The front, the cheapest first and with its bill; how much work it was; what to know.

    `best` is the cheapest option of each platform, on the front or not; `grid` every model on every
    platform without spare hosts, the cheapest first, where there are not too many of them.
    """

    front: tuple[Option, ...]
    bill: Bill | None
    why: tuple[Sentence, ...]
    models: int
    impossible: tuple[str, ...]
    placed_closely: int
    remarks: tuple[Sentence, ...]
    best: tuple[Option, ...] = ()
    grid: tuple[Option, ...] = ()


class _Cluster(Struct, frozen=True, kw_only=True, eq=False):
    """A cluster with all that does not hang on the model."""

    members: Members
    demands: tuple[Demand, ...]
    rules: tuple[Rule, ...]


class _Market(Struct, frozen=True, kw_only=True, eq=False):
    """What all models are judged by."""

    uses: tuple[Use, ...]
    choices: tuple[Choice, ...]
    question: Question
    assumptions: Assumptions
    prices: Prices


class _Tried(Struct, frozen=True, kw_only=True, eq=False):
    """A model with its fleets."""

    machine: Machine
    fleets: tuple[Fleet, ...]
    kept: bool = False

    @property
    def hosts(self) -> int:
        return sum(fleet.years[0].hosts for fleet in self.fleets)

    @property
    def bound(self) -> int:
        return sum(fleet.lower_bound for fleet in self.fleets)


def search(
    estate: Estate,
    machines: Sequence[Machine],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
    *,
    keep_hosts: bool = False,
) -> Found:
    """Find the hosts to buy: model and count, for the load, the failures to carry and the growth.

    Every model gets hosts from one greedy placement and a lower bound.  Where the two differ, the whole
    placement is asked, unless even the lower bound costs more and has nothing to offer over an option
    that is already known.  Each model is also tried with one and two spare hosts a cluster.  With
    `keep_hosts` the cheapest models are tried beside today's hosts too.

    Returns:
        The options that none beats in cost, spare capacity, carbon and minutes of outage at once.
        Models on which a VM finds no room are named.

    Raises:
        BookError: an unknown cluster or platform.
    """
    check_assumptions(assumptions)
    check_question(question)
    clusters = _loaded(estate, question, assumptions)
    market = _market(estate, clusters, question, assumptions, prices)
    tried = [_tried(machine, clusters, assumptions, AT_ONCE) for machine in machines]
    impossible = tuple(one.machine.name for one in tried if _refused(one))
    possible = [one for one in tried if not _refused(one)] if clusters else []
    closer, asked = _closely(possible, clusters, market)
    options = [option for one in closer for option in _options(one, market)]
    if keep_hosts:
        options += _beside(options, closer, clusters, market)
    front = pareto([(scores_of(option), option) for option in options])
    cheapest = front[0] if front else None
    return Found(
        front=tuple(front),
        bill=bill(cheapest.design, assumptions, prices) if cheapest else None,
        why=explained(cheapest, options, assumptions, prices) if cheapest else (),
        models=len(machines),
        impossible=impossible,
        placed_closely=asked,
        remarks=(*(reason for choice in market.choices for reason in choice.why), *_growing(assumptions)),
        best=_best(options, question.platforms),
        grid=_grid(options) if len(machines) <= GRID_MODELS else (),
    )


def offered_again(
    estate: Estate, option: Option, question: Question, assumptions: Assumptions, prices: Prices
) -> Option | None:
    """Count the hosts of an option's model again under other assumptions; None: they carry it no more."""
    clusters = _loaded(estate, question, assumptions)
    market = _market(estate, clusters, replace(question, platforms=(option.platform,)), assumptions, prices)
    tried = _tried(option.machine, clusters, assumptions, None)
    if _refused(tried):
        return None
    if not option.kept_hosts:
        return next((_option(tried, choice, option.extra, market) for choice in _able(market)), None)
    return next(iter(_beside(_options(tried, market), [tried], clusters, market)), None)


def _growing(assumptions: Assumptions) -> tuple[Sentence, ...]:
    growth = assumptions.growth
    said = {"low": float(growth.low), "high": float(growth.high), "middle": float(growth.middle)}
    told = Sentence("Growth of {low} to {high} % a year: the search counts hosts for {middle} %", {**said})
    return () if growth.certain else (told,)


def _loaded(estate: Estate, question: Question, assumptions: Assumptions) -> list[_Cluster]:
    return [
        _cluster(estate, one, assumptions)
        for one in chosen_clusters(estate, question.cluster)
        if any(vm.is_load for vm in one.vms)
    ]


def _cluster(estate: Estate, one: Members, assumptions: Assumptions) -> _Cluster:
    rules = tuple(rules_of(estate, one))
    return _Cluster(members=one, demands=demands_of(one, assumptions, rules), rules=rules)


def _best(options: Sequence[Option], platforms: Sequence[str]) -> tuple[Option, ...]:
    """The cheapest of each platform, in the order in which they were asked for."""
    found = []
    for key in dict.fromkeys(platforms):
        own = [option for option in options if option.platform == key]
        found += [min(own, key=lambda one: (one.cost, one.extra, one.machine.name))] if own else []
    return tuple(found)


def _grid(options: Sequence[Option]) -> tuple[Option, ...]:
    plain = [option for option in options if not option.extra and not option.kept_hosts]
    return tuple(sorted(plain, key=lambda one: (one.cost, one.platform, one.machine.name)))


def _market(
    estate: Estate,
    clusters: Sequence[_Cluster],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
) -> _Market:
    uses = features_in_use(estate, [one.members for one in clusters])
    return _Market(
        uses=uses,
        choices=tuple(choose_for(key, uses, question, assumptions, prices) for key in question.platforms),
        question=question,
        assumptions=assumptions,
        prices=prices,
    )


def choose_for(
    key: str, uses: Sequence[Use], question: Question, assumptions: Assumptions, prices: Prices
) -> Choice:
    """The edition of one platform for what is in use."""
    wanted = question.editions.get(key)
    return choose(PLATFORMS[key], uses, prices, assumptions.prices_day, wanted)


def _tried(
    machine: Machine, clusters: Sequence[_Cluster], assumptions: Assumptions, enough: int | None
) -> _Tried:
    fleets = []
    for one in clusters:
        fleet = fleet_of(one.members.name, one.demands, one.rules, machine, assumptions, enough=enough)
        fleets.append(fleet)
        if fleet.refused:
            break
    return _Tried(machine=machine, fleets=tuple(fleets))


def _refused(one: _Tried) -> bool:
    return any(fleet.refused for fleet in one.fleets)


def _closely(
    possible: Sequence[_Tried], clusters: Sequence[_Cluster], market: _Market
) -> tuple[list[_Tried], int]:
    """Place again, with all effort, where fewer hosts might be possible and would matter.

    Better placements change what matters, so this goes on until nothing on the front is open; the
    front is then what all effort for every model would have given.
    """
    result = list(possible)
    options = [_options(one, market) for one in result]
    closed = [one.bound >= one.hosts for one in result]
    hopes = [[] if done else _hopes(one, market) for one, done in zip(result, closed, strict=True)]
    asked = 0
    while True:
        known = pareto([(scores_of(option), scores_of(option)) for own in options for option in own])
        open_rows = [
            row
            for row in range(len(result))
            if not closed[row] and _could_matter([*options[row], *hopes[row]], known)
        ]
        if not open_rows:
            return result, asked
        for row in open_rows:
            result[row] = _tried(result[row].machine, clusters, market.assumptions, None)
            options[row], closed[row] = _options(result[row], market), True
        asked += len(open_rows)


def _could_matter(options: Sequence[Option], known: Sequence[Scores]) -> bool:
    """Whether one of these would be on the front of what is known."""
    return any(not any(other.beats(mine) for other in known) for mine in map(scores_of, options))


def _hopes(one: _Tried, market: _Market) -> list[Option]:
    """The options of a fleet as small as the bound allows, which may not exist."""
    return _options(replace(one, fleets=tuple(_at_bound(fleet) for fleet in one.fleets)), market)


def _at_bound(fleet: Fleet) -> Fleet:
    """The same fleet with as few hosts in its first year as the bound allows."""
    return replace(fleet, years=_all_resized(fleet.years, fleet.lower_bound - fleet.years[0].hosts))


def _all_resized(years: Sequence[Year], more: int) -> tuple[Year, ...]:
    return tuple(_resized(year, more) for year in years) if more else tuple(years)


def _resized(year: Year, more: int) -> Year:
    """The year with so many hosts more or fewer, all of one kind.

    A further host may run as many guests with a licence as the emptiest one.
    """
    [batch] = year.batches
    first = batch.bought == batch.count
    count = max(1, batch.count + more)
    percent = year.utilisation_percent
    return replace(
        year,
        batches=(replace(batch, count=count, bought=count if first else batch.bought),),
        windows=_stretched(year.windows, count),
        rhel=_stretched(year.rhel, count),
        sql=_stretched(year.sql, count),
        oracle=_stretched(year.oracle, count),
        utilisation_percent=None if percent is None else min(Decimal(100), percent * batch.count / count),
    )


def _stretched(guests: tuple[int, ...], hosts: int) -> tuple[int, ...]:
    return (*guests[:hosts], *(min(guests, default=0),) * (hosts - len(guests)))


def _options(one: _Tried, market: _Market) -> list[Option]:
    """The model on every platform that can do what is in use, with no, one and two spare hosts."""
    return [_option(one, choice, extra, market) for choice in _able(market) for extra in EXTRAS]


def _option(one: _Tried, choice: Choice, extra: int, market: _Market) -> Option:
    assumptions, prices = market.assumptions, market.prices
    fleets = [replace(fleet, years=_all_resized(fleet.years, extra)) for fleet in one.fleets]
    design = _design(one.machine, joined(fleets), choice, market)
    found = footprint(design, assumptions, prices)
    return Option(
        platform=choice.platform.key,
        machine=one.machine,
        hosts=design.years[0].hosts,
        hosts_for_load=design.years[0].hosts - len(fleets) * (assumptions.failures + extra),
        extra=extra,
        spare_percent=min(spare_percent(fleet, assumptions) for fleet in fleets),
        cost=middle_total(design, assumptions, prices),
        carbon_kg=None if found.grid_kg is None else found.grid_kg + (found.made_kg or ZERO),
        outage_minutes=outage_minutes(fleets, extra, assumptions, prices),
        proven=one.bound == one.hosts and not one.kept,
        design=design,
        kept_hosts=design.years[0].hosts - design.years[0].bought if one.kept else 0,
    )


def _beside(
    options: Sequence[Option], tried: Sequence[_Tried], clusters: Sequence[_Cluster], market: _Market
) -> list[Option]:
    """The cheapest models again, as additions to the hosts that are there."""
    cheapest = sorted(options, key=lambda option: (option.cost, option.machine.name))
    chosen = list(dict.fromkeys(option.machine for option in cheapest))[:BESIDE_MODELS]
    found = []
    for one in tried:
        if one.machine not in chosen:
            continue
        fleets = tuple(
            fleet_beside(
                cluster.members, cluster.demands, cluster.rules, one.machine, market.assumptions,
                fleet.years[-1].hosts,
            )
            for cluster, fleet in zip(clusters, one.fleets, strict=True)
        )  # fmt: skip
        mixed = replace(one, fleets=fleets, kept=True)
        if not _refused(mixed):
            found += [_option(mixed, choice, 0, market) for choice in _able(market)]
    return found


def _able(market: _Market) -> list[Choice]:
    return [choice for choice in market.choices if choice.edition is not None]


def _design(machine: Machine, years: tuple[Year, ...], choice: Choice, market: _Market) -> Design:
    new = choice.platform.key != market.question.platform_today
    new_hosts = sum(batch.count for batch in years[0].batches if batch.machine == machine)
    kept = years[0].hosts - new_hosts
    name = f"{new_hosts} x {machine.name}" + (f" + {kept}" if kept else "")
    return Design(
        key=f"{choice.platform.key}: {name}",
        name=name,
        choice=choice,
        years=years,
        uses=market.uses,
        moved_vms=years[0].vms if new else 0,
        new_platform=new,
    )

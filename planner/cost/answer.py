"""Everything that a page or a report shows of a cost question, computed at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from planner.catalogue.cards import Area
from planner.cost.assumptions import Assumptions, growing
from planner.cost.bill import Bill
from planner.cost.book import BookError, Prices
from planner.cost.carbon import Footprint, footprint
from planner.cost.comparison import Step, by_area_and_year, cumulated, pays_from_month, waterfall
from planner.cost.design import Design
from planner.cost.levels import Level, levels
from planner.cost.machine import Machine
from planner.cost.money import Span
from planner.cost.showback import OwnerShare, by_owner, shares
from planner.cost.study import TODAY, Question, Study, chosen_clusters, falling_short, own_kind, study
from planner.cost.tipping import Verdict, verdict
from planner.cost.uncertainty import Doubted, Outcome, Swing, growths_of, simulate_each, tornado
from planner.cost.units import PerUnit, per_unit
from planner.cost.ways import physical, ways
from planner.estate import VM, Estate
from planner.sentence import Sentence, Value
from planner.units import MIB_PER_GIB

STANDING: Final = (TODAY, "keep")  # designs of today's hosts as they are
Compare: TypeAlias = Literal["platforms", "ways", "protection", "physical"]


class Asked(Struct, frozen=True, kw_only=True):
    """What was asked on a page; host values None: hosts of today's kind.

    `host_model` is the name that the price book has a quote for, `host:<model>`.  `compare`: platforms;
    keeping, shrinking, refreshing and leaving; none, HA and FT; or one server for each VM, which may be
    smaller than a host (`server_cores`, `server_memory_gib`).
    """

    assumptions: Assumptions = Assumptions()
    platforms: tuple[str, ...] = ("vmware", "proxmox")
    editions: dict[str, str] = {}
    cluster: str | None = None
    host_cores: int | None = None
    host_sockets: int = 2
    host_memory_gib: int | None = None
    host_model: str = ""
    compare: Compare = "platforms"
    server_cores: int | None = None
    server_memory_gib: int | None = None

    @property
    def server(self) -> Machine | None:
        """The physical server that takes one VM each, where one is described."""
        if not (self.server_cores and self.server_memory_gib):
            return None
        return Machine(
            name=f"{self.server_cores} cores, {self.server_memory_gib} GiB",
            sockets=1,
            cores=self.server_cores,
            memory_mib=self.server_memory_gib * MIB_PER_GIB,
        )

    @property
    def question(self) -> Question:
        """The question to the study; a host needs cores and memory to be one."""
        machine = None
        if self.host_cores and self.host_memory_gib:
            machine = Machine(
                name=self.host_model or f"{self.host_cores} cores, {self.host_memory_gib} GiB",
                sockets=self.host_sockets,
                cores=self.host_cores,
                memory_mib=self.host_memory_gib * MIB_PER_GIB,
            )
        return Question(
            platforms=self.platforms, editions=self.editions, machine=machine, cluster=self.cluster
        )


class Layer(Struct, frozen=True, kw_only=True):
    """One area of a bill, year by year."""

    area: Area
    years: tuple[Span, ...]


class Shown(Struct, frozen=True, kw_only=True):
    """One design with all that is drawn of it.

    `steps` and `pays_from` compare it with the first design; both are empty for the first.
    `hosts_grown` are its hosts in the last year, from the low end of the growth to the high one.
    `short`: its hosts do not carry the load and the failures asked for.
    """

    bill: Bill
    unit: PerUnit
    footprint: Footprint
    layers: tuple[Layer, ...]
    months: tuple[Decimal, ...]
    swings: tuple[Swing, ...]
    outcome: Outcome
    owners: tuple[OwnerShare, ...]
    steps: tuple[Step, ...] = ()
    pays_from: int | None = None
    verdict: Verdict | None = None
    hosts_grown: tuple[int, ...] = ()
    short: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """The designs, the first of them what the others are compared with."""

    asked: Asked
    designs: tuple[Shown, ...]
    remarks: tuple[Sentence, ...]
    levels: tuple[Level, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Empty cards that any of the designs waits for."""
        return tuple(dict.fromkeys(card for shown in self.designs for card in shown.bill.missing))


class Priced(Struct, frozen=True, kw_only=True):
    """A bill, the VMs that it is shared out over, and its design at other growths where that is open.

    `short`: its hosts do not carry what was asked for.
    """

    bill: Bill
    vms: tuple[VM, ...]
    grown: tuple[Design, ...] = ()
    short: bool = False

    @property
    def doubted(self) -> Doubted:
        """What chance is let loose on."""
        return Doubted(
            design=self.bill.design, assumptions=self.bill.assumptions, grown=self.grown, short=self.short
        )


def answer(estate: Estate, asked: Asked, prices: Prices, chance: np.random.Generator) -> Answer:
    """Price, compare and doubt.

    Raises:
        BookError: an unknown platform, edition or cluster, or assumptions out of range.
    """
    priced, found = _priced(estate, asked, prices)
    vms = tuple(vm for cluster in chosen_clusters(estate, asked.cluster) for vm in cluster.vms)
    grown = grown_designs(
        asked.assumptions,
        [one.design.key for one in priced.bills],
        lambda assumed: _priced(estate, replace(asked, assumptions=assumed), prices)[0].bills,
    )
    short = falling_short(estate, chosen_clusters(estate, asked.cluster), asked.assumptions)
    together = [
        Priced(
            bill=one,
            vms=vms,
            grown=grown[one.design.key],
            short=bool(short) and one.design.key in STANDING,
        )
        for one in priced.bills
    ]
    designs = shown_together(together, prices, chance)
    if asked.compare == "protection":  # a level buys availability: that it never pays is no news
        designs = tuple(replace(shown, verdict=None) for shown in designs)
    return Answer(
        asked=asked,
        designs=designs,
        remarks=(
            *short_remarks(designs, short, asked.assumptions),
            *priced.remarks,
            *growth_remarks(designs),
        ),
        levels=found,
    )


def grown_designs(
    assumptions: Assumptions, keys: Sequence[str], bills_at: Callable[[Assumptions], Sequence[Bill]]
) -> dict[str, tuple[Design, ...]]:
    """Count the hosts again at growths from one end of the range to the other; none where it is certain.

    Raises:
        BookError: a design that cannot be priced at one of them.
    """
    found: dict[str, list[Design]] = {key: [] for key in keys}
    for percent in growths_of(assumptions):
        designs = {one.design.key: one.design for one in bills_at(growing(assumptions, percent))}
        for key, own in found.items():
            if key not in designs:
                said: dict[str, Value] = {"percent": float(percent), "design": key}
                raise BookError(Sentence("{design} cannot be priced at a growth of {percent} % a year", said))
            own.append(designs[key])
    return {key: tuple(own) for key, own in found.items()}


def short_remarks(
    designs: Sequence[Shown], short: Sequence[tuple[str, int]], assumptions: Assumptions
) -> tuple[Sentence, ...]:
    """Say where today's hosts are too few, so that their price buys less than was asked for."""
    if not any(shown.short for shown in designs):
        return ()
    return tuple(
        Sentence(
            "{cluster}: today's hosts do not carry the load of year {year} with {failures} of them lost; "
            "their price buys less than was asked for",
            {"cluster": cluster, "year": year, "failures": assumptions.failures},
        )
        for cluster, year in short
    )


def growth_remarks(designs: Sequence[Shown]) -> tuple[Sentence, ...]:
    """Say that the bills stand at the middle of the growth, and what hosts its ends need."""
    growths = {shown.bill.assumptions.growth for shown in designs if shown.hosts_grown}
    return tuple(
        Sentence(
            "Growth of {low} to {high} % a year: the bills stand at {middle} %; the ends are in the "
            "interval, in what the total hangs on and in when it pays",
            {"low": float(one.low), "high": float(one.high), "middle": float(one.middle)},
        )
        for one in sorted(growths, key=lambda span: (span.low, span.high))
    )


def _priced(estate: Estate, asked: Asked, prices: Prices) -> tuple[Study, tuple[Level, ...]]:
    """The bills of what is compared, and the levels of protection where these are it."""
    match asked.compare:
        case "platforms":
            return study(estate, asked.question, asked.assumptions, prices), ()
        case "ways":
            return ways(estate, asked.question, asked.assumptions, prices), ()
        case "protection":
            found = levels(estate, asked.question, asked.assumptions, prices)
            bills = tuple(level.bill for level in found if level.bill is not None)
            remarks = {str(remark): remark for level in found for remark in level.remarks}
            told = tuple(remarks.values())
            return Study(assumptions=asked.assumptions, bills=bills, remarks=told), found
        case "physical":
            return _against_physical(estate, asked, prices), ()


def _against_physical(estate: Estate, asked: Asked, prices: Prices) -> Study:
    """One server for each VM first, then the platforms asked for; servers and hosts are of one kind."""
    priced = study(estate, asked.question, asked.assumptions, prices)
    clusters = chosen_clusters(estate, asked.cluster)
    kinds = (own_kind(cluster, asked.assumptions) for cluster in clusters)
    machine = asked.question.machine or next((kind for kind in kinds if kind is not None), None)
    planned = tuple(one for one in priced.bills if one.design.key != TODAY)
    if machine is None:
        return replace(priced, bills=planned)
    vms = [vm for cluster in clusters for vm in cluster.vms]
    servers = asked.server or machine
    return replace(priced, bills=(physical(vms, servers, asked.assumptions, prices), *planned))


def shown_together(
    priced: Sequence[Priced], prices: Prices, chance: np.random.Generator
) -> tuple[Shown, ...]:
    """Give bills all that is drawn of them; the first is what the others are compared with."""
    bills = [one.bill for one in priced]
    outcomes = simulate_each([one.doubted for one in priced], prices, chance) if bills else ()
    return tuple(
        _shown(number, bills, one, outcome, prices)
        for number, (one, outcome) in enumerate(zip(priced, outcomes, strict=True))
    )


def _shown(number: int, bills: Sequence[Bill], priced: Priced, outcome: Outcome, prices: Prices) -> Shown:
    first, one = bills[0], bills[number]
    last = one.assumptions.years - 1
    layers = by_area_and_year(one)
    return Shown(
        bill=one,
        unit=per_unit(one),
        footprint=footprint(one.design, one.assumptions, prices),
        layers=tuple(Layer(area=area, years=years) for area, years in layers.items()),
        months=cumulated(one),
        swings=tornado(one.design, one.assumptions, prices, priced.grown),
        outcome=outcome,
        owners=by_owner(shares(one, priced.vms)),
        steps=waterfall(first, one) if number else (),
        pays_from=pays_from_month(first, one) if number else None,
        verdict=verdict(first, one, prices) if number else None,
        hosts_grown=tuple(design.year(last).hosts for design in priced.grown),
        short=priced.short,
    )

"""Everything that a page or a report shows of a cost question, computed at once."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from msgspec import Struct

from planner.catalogue.cards import Area
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill
from planner.cost.book import Prices
from planner.cost.carbon import Footprint, footprint
from planner.cost.comparison import Step, by_area_and_year, cumulated, pays_from_month, waterfall
from planner.cost.machine import Machine
from planner.cost.money import Span
from planner.cost.showback import OwnerShare, by_owner, shares
from planner.cost.study import Question, chosen_clusters, study
from planner.cost.uncertainty import Outcome, Swing, simulate, tornado
from planner.cost.units import PerUnit, per_unit
from planner.estate import Estate
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB


class Asked(Struct, frozen=True, kw_only=True):
    """What was asked on a page; host values None: hosts of today's kind.

    `host_model` is the name that the price book has a quote for, `host:<model>`.
    """

    assumptions: Assumptions = Assumptions()
    platforms: tuple[str, ...] = ("vmware", "proxmox")
    editions: dict[str, str] = {}
    cluster: str | None = None
    host_cores: int | None = None
    host_sockets: int = 2
    host_memory_gib: int | None = None
    host_model: str = ""

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


class Answer(Struct, frozen=True, kw_only=True):
    """The designs, the first of them what the others are compared with."""

    asked: Asked
    designs: tuple[Shown, ...]
    remarks: tuple[Sentence, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Empty cards that any of the designs waits for."""
        return tuple(dict.fromkeys(card for shown in self.designs for card in shown.bill.missing))


def answer(estate: Estate, asked: Asked, prices: Prices, chance: np.random.Generator) -> Answer:
    """Price, compare and doubt.

    Raises:
        BookError: an unknown platform, edition or cluster, or assumptions out of range.
    """
    priced = study(estate, asked.question, asked.assumptions, prices)
    bills = priced.bills
    outcomes = simulate([one.design for one in bills], asked.assumptions, prices, chance) if bills else ()
    vms = [vm for cluster in chosen_clusters(estate, asked.cluster) for vm in cluster.vms]
    designs = []
    for number, (one, outcome) in enumerate(zip(bills, outcomes, strict=True)):
        layers = by_area_and_year(one)
        designs.append(
            Shown(
                bill=one,
                unit=per_unit(one),
                footprint=footprint(one.design, asked.assumptions, prices),
                layers=tuple(Layer(area=area, years=years) for area, years in layers.items()),
                months=cumulated(one),
                swings=tornado(one.design, asked.assumptions, prices),
                outcome=outcome,
                owners=by_owner(shares(one, vms)),
                steps=waterfall(bills[0], one) if number else (),
                pays_from=pays_from_month(bills[0], one) if number else None,
            )
        )
    return Answer(asked=asked, designs=tuple(designs), remarks=priced.remarks)

"""Ways to go from here: keep, shrink, refresh, leave; none, HA or FT; on physical servers or on hosts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from planner.cost.assumptions import Assumptions, Protection
from planner.cost.bill import Bill, bill
from planner.cost.book import Prices
from planner.cost.design import Design, Year
from planner.cost.fleets import storage_tib
from planner.cost.guests import guest_of
from planner.cost.items_running import outage_cards, outage_hours_vm
from planner.cost.machine import Batch, Machine
from planner.cost.platforms import Choice, Edition, Platform
from planner.cost.study import TODAY, Question, Study, study
from planner.estate import VM, Estate
from planner.sentence import Sentence
from planner.units import HOURS_PER_YEAR, MIB_PER_GIB

Way: TypeAlias = Literal["keep", "shrink", "refresh", "leave"]
FT_VCPUS_MAX: Final = 8  # vSphere 8.0 GUID-57929CF0
PROTECTIONS: Final[tuple[Protection, ...]] = ("none", "ha", "ft")

PHYSICAL: Final = Platform(
    key="kvm",
    name="Physical servers",
    editions=(Edition(key="physical", name="no hypervisor", metric="none", card=None, features=frozenset()),),
)


def ways(
    estate: Estate,
    machine: Machine,
    leave_to: Sequence[str],
    assumptions: Assumptions,
    prices: Prices,
    today: str = "vmware",
    editions: Mapping[str, str] | None = None,
) -> Study:
    """Price keeping today's hosts, running on fewer of them, refreshing them, and leaving the platform.

    Shrink and leave count hosts of today's kind; refresh counts `machine`, and leaving with new hosts
    is priced too.  Designs are named `keep`, `shrink`, `refresh`, `leave:<platform>` and
    `leave-refreshed:<platform>`.
    """
    chosen = editions or {}
    own = Question(platforms=(today, *leave_to), platform_today=today, editions=chosen)
    on_own = study(estate, own, assumptions, prices)
    on_new = study(estate, replace(own, machine=machine), assumptions, prices)
    names = {TODAY: "keep", today: "shrink"} | {key: f"leave:{key}" for key in leave_to}
    new_names = {today: "refresh"} | {key: f"leave-refreshed:{key}" for key in leave_to}
    bills = [_named(one, names[one.design.key]) for one in on_own.bills]
    bills += [_named(one, new_names[one.design.key]) for one in on_new.bills if one.design.key != TODAY]
    remarks = {str(remark): remark for remark in (*on_own.remarks, *on_new.remarks)}
    return Study(assumptions=assumptions, bills=tuple(bills), remarks=tuple(remarks.values()))


def _named(one: Bill, key: str) -> Bill:
    return replace(one, design=replace(one.design, key=key))


class Level(Struct, frozen=True, kw_only=True):
    """What one level of protection costs and what it leaves; `nines` None: no outage is expected.

    Outages are those by failures of hosts alone.
    """

    protection: Protection
    bill: Bill | None
    minutes_vm_year: Decimal | None
    nines: float | None
    remarks: tuple[Sentence, ...]


def levels(estate: Estate, question: Question, assumptions: Assumptions, prices: Prices) -> tuple[Level, ...]:
    """Price the same estate unprotected, with HA and with FT for all VMs that may have it.

    Without protection no spare host is counted.  FT needs a second copy of each VM, its vCPUs and
    memory in full, on another host; VMs above 8 vCPUs cannot have it and stay on HA.
    """
    platform = question.platforms[0]
    found = []
    for protection in PROTECTIONS:
        failures = 0 if protection == "none" else assumptions.failures
        changed = replace(assumptions, protection=protection, failures=failures)
        protected, remarks = fault_tolerant(estate) if protection == "ft" else (estate, ())
        priced = study(protected, question, changed, prices)
        minutes = minutes_vm_year(changed, prices)
        found.append(
            Level(
                protection=protection,
                bill=priced.bill(platform),
                minutes_vm_year=minutes,
                nines=nines(minutes) if minutes else None,
                remarks=(*remarks, *priced.remarks),
            )
        )
    return tuple(found)


def fault_tolerant(
    estate: Estate, names: frozenset[str] | None = None
) -> tuple[Estate, tuple[Sentence, ...]]:
    """Give FT to the VMs named, or to all running ones, as far as FT allows."""
    wanted = [
        vm for vm in estate.vms if vm.is_load and vm.ft == "none" and (names is None or vm.name in names)
    ]
    able = {vm.name for vm in wanted if vm.vcpus <= FT_VCPUS_MAX}
    vms = tuple(replace(vm, ft="primary") if vm.name in able else vm for vm in estate.vms)
    left = len(wanted) - len(able)
    said = Sentence(
        "VMs with more than {most} vCPUs cannot have FT ({count})", {"most": FT_VCPUS_MAX, "count": left}
    )
    return replace(estate, vms=vms), (said,) if left else ()


def minutes_vm_year(assumptions: Assumptions, prices: Prices) -> Decimal | None:
    """The expected outage of a VM in a year by failures of its host, None where a card is empty."""
    spans = {card: prices.span(card) for card in outage_cards(assumptions)}
    values = {card: span.middle for card, span in spans.items() if span is not None}
    if len(values) < len(spans):
        return None
    return outage_hours_vm(assumptions, values) * 60


def nines(minutes_year: Decimal) -> float:
    """The nines of an availability: 52.56 minutes a year are four.

    >>> nines(Decimal("525.6")), nines(Decimal("52.56"))
    (3.0, 4.0)
    """
    share = float(minutes_year) / (HOURS_PER_YEAR * 60)
    return round(-math.log10(share), 2)


def physical(vms: Sequence[VM], machine: Machine, assumptions: Assumptions, prices: Prices) -> Bill:
    """Price one server for each running VM: no hypervisor, no spare, administrators by server.

    The article that this product began with: six systems on six servers, or on two hosts.
    """
    load = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    year = Year(
        batches=(Batch(machine=machine, count=len(load), bought=len(load)),),
        vms=len(load),
        vcpus=sum(vm.vcpus for vm in load),
        memory_gib=Decimal(sum(vm.memory_mib for vm in load)) / MIB_PER_GIB,
        storage_tib=storage_tib(vms),
        windows=tuple(int(guest_of(vm) == "windows-server") for vm in load),
        rhel=tuple(int(guest_of(vm) == "rhel") for vm in load),
    )
    choice = Choice(platform=PHYSICAL, edition=PHYSICAL.editions[0], why=())
    design = Design(key="physical", name=PHYSICAL.name, choice=choice, years=(year,), physical=True)
    unprotected = replace(assumptions, protection="none", failures=0)
    return bill(design, unprotected, prices)

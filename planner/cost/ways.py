"""Ways to go from here: keep, shrink, refresh, leave; on physical servers or on hosts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, bill
from planner.cost.book import Prices
from planner.cost.design import Design, Year
from planner.cost.fleets import storage_tib
from planner.cost.growth import grown, growth_factor
from planner.cost.guests import guest_of
from planner.cost.machine import Batch, Machine
from planner.cost.platforms import Choice, Edition, Platform
from planner.cost.study import TODAY, Question, Study, study
from planner.estate import VM, Estate
from planner.units import MIB_PER_GIB

Way: TypeAlias = Literal["keep", "shrink", "refresh", "leave"]

PHYSICAL: Final = Platform(
    key="kvm",
    name="Physical servers",
    editions=(Edition(key="physical", name="no hypervisor", metric="none", card=None, features=frozenset()),),
)


def ways(estate: Estate, question: Question, assumptions: Assumptions, prices: Prices) -> Study:
    """Price keeping today's hosts, running on fewer of them, refreshing them, and leaving the platform.

    Shrink and leave count hosts of today's kind; refresh counts the machine of the question, and leaving
    with new hosts is priced too; without a machine these two are left out.  The platforms of the question
    other than today's are those to leave to.  Designs are named `keep`, `shrink`, `refresh`,
    `leave:<platform>` and `leave-refreshed:<platform>`.
    """
    today = question.platform_today
    leave_to = tuple(key for key in dict.fromkeys(question.platforms) if key != today)
    own = replace(question, platforms=(today, *leave_to), machine=None)
    on_own = study(estate, own, assumptions, prices)
    names = {TODAY: "keep", today: "shrink"} | {key: f"leave:{key}" for key in leave_to}
    bills = [_named(one, names[one.design.key]) for one in on_own.bills]
    remarks = {str(remark): remark for remark in on_own.remarks}
    if question.machine is not None:
        on_new = study(estate, replace(own, machine=question.machine), assumptions, prices)
        new_names = {today: "refresh"} | {key: f"leave-refreshed:{key}" for key in leave_to}
        planned = [one for one in on_new.bills if one.design.key != TODAY]
        bills += [_named(one, new_names[one.design.key]) for one in planned]
        remarks |= {str(remark): remark for remark in on_new.remarks}
    return Study(assumptions=assumptions, bills=tuple(bills), remarks=tuple(remarks.values()))


def _named(one: Bill, key: str) -> Bill:
    return replace(one, design=replace(one.design, key=key))


def physical(vms: Sequence[VM], machine: Machine, assumptions: Assumptions, prices: Prices) -> Bill:
    """Price one server for each running VM: no hypervisor, no spare, administrators by server.

    The article that this product began with: six systems on six servers, or on two hosts.
    """
    percent = assumptions.growth.middle
    factors = [growth_factor(percent, year) for year in range(assumptions.years if percent else 1)]
    years: list[Year] = []
    for factor in factors:
        years.append(_servers(grown(vms, factor), machine, years[-1].hosts if years else 0))
    choice = Choice(platform=PHYSICAL, edition=PHYSICAL.editions[0], why=())
    design = Design(key="physical", name=PHYSICAL.name, choice=choice, years=tuple(years), physical=True)
    unprotected = replace(assumptions, protection="none", failures=0)
    return bill(design, unprotected, prices)


def _servers(vms: Sequence[VM], machine: Machine, there: int) -> Year:
    """One server for each running VM; those that are there stay."""
    load = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    count = max(len(load), there)
    return Year(
        batches=(Batch(machine=machine, count=count, bought=count - there),),
        vms=len(load),
        vcpus=sum(vm.vcpus for vm in load),
        memory_gib=Decimal(sum(vm.memory_mib for vm in load)) / MIB_PER_GIB,
        storage_tib=storage_tib(vms),
        windows=tuple(int(guest_of(vm) == "windows-server") for vm in load),
        rhel=tuple(int(guest_of(vm) == "rhel") for vm in load),
    )

"""The bill by the VM, the vCPU and the GiB: what is compared with a cloud's price list."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from planner.cost.bill import Bill
from planner.cost.money import Span, cents


class PerUnit(Struct, frozen=True, kw_only=True):
    """The known amounts of an average year, for one running VM, one of its vCPUs, one GiB of its memory."""

    vm_year: Span | None
    vcpu_year: Span | None
    gib_year: Span | None


def per_unit(bill: Bill) -> PerUnit:
    """Divide the whole bill by each of the three; they are three views of one sum, not parts of it."""
    years = [bill.design.year(number) for number in range(bill.assumptions.years)]
    return PerUnit(
        vm_year=_divided(bill, Decimal(sum(year.vms for year in years))),
        vcpu_year=_divided(bill, Decimal(sum(year.vcpus for year in years))),
        gib_year=_divided(bill, sum((year.memory_gib for year in years), Decimal(0))),
    )


def _divided(bill: Bill, unit_years: Decimal) -> Span | None:
    if not unit_years:
        return None
    total = bill.total.amount
    return Span(cents(total.low / unit_years), cents(total.high / unit_years))

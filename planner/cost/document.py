"""A study as a JSON document: flat lines that a spreadsheet or a script adds up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from planner.cost.bill import Bill, Line
from planner.cost.book import Prices
from planner.cost.carbon import Footprint, footprint
from planner.cost.money import Span
from planner.cost.study import Study
from planner.cost.units import per_unit

# A JSON object on its way out: the one place where a dict is the record that was asked for.
Document: TypeAlias = dict[str, Any]


def study_document(study: Study, prices: Prices) -> Document:
    """Give all lines of all designs, their totals, what a VM costs, and what is not known.

    Amounts are texts with two decimals, so that nothing is lost.  `amount` is the low end and
    `amount_high` the high end of a range; both are null where a card is empty.
    """
    return {
        "assumptions": _plain(msgspec.to_builtins(study.assumptions, builtin_types=(Decimal,))),
        "designs": [_design(bill, footprint(bill.design, study.assumptions, prices)) for bill in study.bills],
        "lines": [_line(bill, line) for bill in study.bills for line in bill.lines],
        "totals": [_total(bill) for bill in study.bills],
        "per_vm": [_per_vm(bill) for bill in study.bills],
        "missing": sorted({card for bill in study.bills for card in bill.missing}),
        "remarks": [str(remark) for remark in study.remarks],
    }


def lines_document(bill: Bill) -> list[Document]:
    """Give the lines of one bill."""
    return [_line(bill, line) for line in bill.lines]


def _line(bill: Bill, line: Line) -> Document:
    return {
        "design": bill.design.key,
        "what": line.what,
        "label": str(line.label),
        "area": line.area,
        "kind": line.kind,
        "quantity": _number(line.quantity),
        "unit": line.unit,
        **_ends("unit_price", line.unit_price, exact=True),
        "paid_in": line.paid_in,
        **_ends("amount", line.amount),
        "by_year": [_ends("amount", span) for span in line.by_year],
        "currency": line.currency,
        "formula": str(line.formula),
        "source": line.source,
        "date": line.date,
        "confidence": line.confidence,
        "missing": list(line.missing),
        "notes": [str(note) for note in line.notes],
    }


def _design(bill: Bill, found: Footprint) -> Document:
    first = bill.design.year(0)
    edition = bill.design.choice.edition
    return {
        "design": bill.design.key,
        "platform": bill.design.choice.platform.key,
        "edition": edition.key if edition else None,
        "why": [str(reason) for reason in bill.design.choice.why],
        "hosts": first.hosts,
        "hosts_last_year": bill.design.year(bill.assumptions.years - 1).hosts,
        "vms": first.vms,
        "kwh": _rounded(found.kwh),
        "grid_kg": _rounded(found.grid_kg),
        "made_kg": _rounded(found.made_kg),
    }


def _total(bill: Bill) -> Document:
    total = bill.total
    return {
        "design": bill.design.key,
        "currency": bill.assumptions.currency,
        "years": bill.assumptions.years,
        **_ends("amount", total.amount),
        **_ends("capex", total.capex),
        **_ends("opex", total.opex),
        **_ends("present_value", total.present),
        **_ends("annuity", total.annuity),
        "by_year": [_ends("amount", span) for span in total.by_year],
        "lines_known": sum(line.amount is not None for line in bill.lines),
        "lines_unknown": sum(line.amount is None for line in bill.lines),
    }


def _per_vm(bill: Bill) -> Document:
    unit = per_unit(bill)
    return {
        "design": bill.design.key,
        "currency": bill.assumptions.currency,
        **_ends("vm_year", unit.vm_year),
        **_ends("vcpu_year", unit.vcpu_year),
        **_ends("gib_year", unit.gib_year),
    }


def _ends(name: str, span: Span | None, *, exact: bool = False) -> Document:
    if span is None:
        return {name: None, f"{name}_high": None}
    low, high = (_exact(span.low), _exact(span.high)) if exact else (str(span.low), str(span.high))
    return {name: low, f"{name}_high": high}


def _exact(amount: Decimal) -> str:
    """A price as it was quoted, without the zeros that arithmetic leaves behind."""
    return f"{round(amount, 6).normalize():f}"


def _number(span: Span | None) -> float | None:
    return None if span is None else float(round(span.middle, 6))


def _rounded(amount: Decimal | None) -> float | None:
    return None if amount is None else float(round(amount, 1))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value

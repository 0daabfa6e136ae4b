"""The answers of `python -m planner cost` and `size` as lines for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from planner.compared import Comparison
from planner.cost.answer import Shown
from planner.cost.bill import Bill, Line, card_label
from planner.cost.design import Design
from planner.cost.levels import Level
from planner.cost.money import Span
from planner.cost.platforms import PLATFORMS
from planner.cost.study import Study
from planner.cost.tipping import doubts, sentences
from planner.cost.units import per_unit
from planner.hardware.option import Option
from planner.hardware.search import Found
from planner.printout import aligned, clean, listed
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB

IMPOSSIBLE_SHOWN: Final = 6
SWINGS_SHOWN: Final = 3
EMPTY: Final = "enter your quote"
WAYS: Final = ("keep", "shrink", "refresh", "leave", "leave-refreshed")


def verdict_lines(designs: Sequence[Shown]) -> list[str]:
    """When each design pays against the first one."""
    said = [
        one
        for shown in designs
        if shown.verdict
        for one in (
            *sentences(shown.verdict, _called(shown.bill.design)),
            *doubts(shown.outcome, shown.verdict.years),
        )
    ]
    return listed("When it pays", said)


def doubt_lines(designs: Sequence[Shown]) -> list[str]:
    """What each total hangs on, the number that moves it most first."""
    rows: list[tuple[str, ...]] = [("design", "hangs on", "from", "to", "total at low", "at high")]
    for shown in designs:
        for swing in shown.swings[:SWINGS_SHOWN]:
            rows.append((
                clean(_called(shown.bill.design)), clean(str(card_label(swing.card))),
                f"{swing.span.low.normalize():f}", f"{swing.span.high.normalize():f}",
                f"{swing.at_low:,.0f}", f"{swing.at_high:,.0f}",
            ))  # fmt: skip
    return ["", *aligned(rows, left=(0, 1))] if len(rows) > 1 else []


def _called(design: Design) -> str:
    """What a terminal calls a design: of ways to go, which of them; else its name."""
    way = design.key.partition(":")[0]
    return f"{way} ({design.name})" if way in WAYS else design.name


def level_lines(levels: Sequence[Level]) -> list[str]:
    """What each level of protection costs and leaves."""
    rows: list[tuple[str, ...]] = [("level", "cost", "hosts min/VM/a", "all causes", "nines", "a nine more")]
    for level in levels:
        every = "-" if level.all_minutes is None else f"{level.all_minutes:.2f}"
        rows.append((
            level.key,
            "-" if level.bill is None else f"{level.bill.total.amount.middle:,.0f}",
            "-" if level.minutes_vm_year is None else f"{level.minutes_vm_year:.2f}",
            f">= {every}" if level.unknown and level.all_minutes is not None else every,
            "-" if level.nines is None else f"{level.nines:.2f}",
            "-" if level.cost_per_nine is None else f"{level.cost_per_nine:,.0f}",
        ))  # fmt: skip
    return ["", *aligned(rows)] if levels else []


def comparison_lines(found: Comparison) -> list[str]:
    """Variants side by side, then what each of them changes."""
    totals = {shown.bill.design.name: shown.bill.total.amount for shown in found.answer.designs}
    head = (
        "variant", "cost", "VMs", "hosts", "to buy", "needed", "tolerated", "vCPU:core", "VM:host",
        "min/VM/a", "kWh", "t CO2e",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = [head]
    for row in found.rows:
        rows.append((
            clean(row.name),
            _span(totals[row.name]) if row.name in totals else "-",
            str(row.vms),
            str(row.hosts),
            _known(row.hosts_to_buy),
            _known(row.hosts_needed),
            f"{_known(row.failures_tolerated)} of {row.failures_asked}",
            _known(row.vcpu_per_core, 2),
            _known(row.vms_per_host, 1),
            (">= " if row.outage_unknown else "") + _known(row.outage_minutes, 2),
            _known(row.kwh),
            "-" if row.carbon_kg is None else f"{row.carbon_kg / 1000:,.1f}",
        ))  # fmt: skip
    lines = aligned(rows)
    for row in found.rows:
        lines += listed(clean(row.name), row.changes) if row.changes else []
    return [*lines, *listed("To know", found.answer.remarks)]


def _known(value: float | Decimal | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def study_lines(study: Study) -> list[str]:
    """Show each design's bill, then all of them side by side."""
    lines: list[str] = []
    for bill in study.bills:
        lines += [*_bill_lines(bill), ""]
    if not study.bills:
        lines += ["nothing could be priced", ""]
    lines += _side_by_side(study)
    missing = dict.fromkeys(card for bill in study.bills for card in bill.missing)
    wanted = [Sentence("{key}: {label}", {"key": key, "label": str(card_label(key))}) for key in missing]
    return [*lines, *listed("Empty cards of the price book", wanted), *listed("To know", study.remarks)]


def found_lines(found: Found, currency: str) -> list[str]:
    """Show the front as a table, the cheapest explained and priced."""
    head = ("platform", "hosts", "spare", "cost", currency, "free %", "t CO2e", "outage min", "model")
    rows: list[tuple[str, ...]] = [head]
    for option in found.front:
        rows.append((
            PLATFORMS[option.platform].name,
            str(option.hosts),
            str(option.extra),
            f"{option.cost:,.0f}",
            "",
            f"{option.spare_percent:.1f}",
            "-" if option.carbon_kg is None else f"{option.carbon_kg / 1000:,.1f}",
            "-" if option.outage_minutes is None else f"{option.outage_minutes:.2f}",
            clean(option.machine.name) + (f" beside {option.kept_hosts}" if option.kept_hosts else ""),
        ))  # fmt: skip
    lines = aligned(rows, left=(0, 8)) if found.front else ["no model carries this load"]
    if found.grid:
        lines += [
            "",
            "every model on every platform:",
            *aligned(_grid_rows(found.grid, currency), left=(0, 3)),
        ]
    lines += listed("The cheapest", found.why)
    if found.bill is not None:
        lines += ["", *_bill_lines(found.bill)]
    none = [Sentence("{model}", {"model": name}) for name in found.impossible[:IMPOSSIBLE_SHOWN]]
    if len(found.impossible) > IMPOSSIBLE_SHOWN:
        more = len(found.impossible) - IMPOSSIBLE_SHOWN
        none.append(Sentence("and {count} more; --json lists them", {"count": more}))
    searched = f"{found.models} models, {found.placed_closely} of them placed with all effort"
    return [*lines, "", searched, *listed("Too small for a VM", none), *listed("To know", found.remarks)]


def _grid_rows(options: Sequence[Option], currency: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("platform", "hosts", f"cost {currency}", "model")]
    for option in options:
        machine = option.machine
        shape = f"{machine.sockets} sockets, {machine.cores} cores, {machine.memory_mib // MIB_PER_GIB} GiB"
        name = f"{clean(machine.name)} ({shape})"
        rows.append((PLATFORMS[option.platform].name, str(option.hosts), f"{option.cost:,.0f}", name))
    return rows


def _bill_lines(bill: Bill) -> list[str]:
    design, edition = bill.design, bill.design.choice.edition
    head = f"{clean(_called(design))}: {design.choice.platform.name}"
    head += f", {edition.name}" if edition else ""
    rows: list[tuple[str, ...]] = [
        ("what", "quantity", "unit", "unit price", "", "amount", bill.assumptions.currency)
    ]
    rows += [_row(line) for line in bill.lines]
    rows.append(("known in all", "", "", "", "", _span(bill.total.amount), bill.assumptions.currency))
    hosts = f"{design.year(0).hosts} hosts, {bill.assumptions.years} years"
    return [head + f"; {hosts}", *(f"  {line}" for line in aligned(rows, left=(0, 2, 4, 6)))]


def _row(line: Line) -> tuple[str, ...]:
    return (
        clean(str(line.label)),
        "-" if line.quantity is None else f"{line.quantity.middle:,.1f}".removesuffix(".0"),
        line.unit,
        "-" if line.unit_price is None else _span(line.unit_price, digits=2),
        line.paid_in,
        EMPTY if line.amount is None else _span(line.amount),
        line.currency if line.amount is not None else "",
    )


def _side_by_side(study: Study) -> list[str]:
    head = ("design", "hosts", "known in all", "worth today", "a year", "a VM and year", "not known")
    rows = [head]
    for bill in study.bills:
        unit = per_unit(bill)
        rows.append((
            clean(_called(bill.design)),
            str(bill.design.year(0).hosts),
            _span(bill.total.amount),
            _span(bill.total.present),
            _span(bill.total.annuity),
            "-" if unit.vm_year is None else _span(unit.vm_year, digits=2),
            f"{sum(line.amount is None for line in bill.lines)} lines",
        ))  # fmt: skip
    return aligned(rows) if study.bills else []


def _span(span: Span, digits: int = 0) -> str:
    low, high = f"{span.low:,.{digits}f}", f"{span.high:,.{digits}f}"
    return low if low == high else f"{low} to {high}"

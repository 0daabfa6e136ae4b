"""The cost answer as a workbook that is worked out again: quotes go into yellow cells, sums follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Final

import xlsxwriter
from django.utils import translation
from django.utils.translation import gettext
from msgspec import Struct
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range, xl_range_abs, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from cluster.bills import DesignColumn, LineRow, designs_of
from cluster.exports.version import version
from cluster.exports.xlsx import FORMATS, NAME_FORBIDDEN, NAME_MAX
from cluster.visible import visible
from planner.cost.answer import Answer
from planner.cost.bill import Bill, Line, Working

HEAD: Final = 2  # the row of the heads of a bill; its lines stand below
WIDE: Final = 44
NARROW: Final = 13
YELLOW: Final = "#FFF2B3"


class _Looks(Struct, frozen=True):
    """The formats of a workbook."""

    title: Format
    head: Format
    text: Format
    note: Format
    number: Format
    price: Format
    money: Format
    total: Format
    entered: Format


class _Plan(Struct, frozen=True):
    """Where the columns of a bill stand; `ends` 2 where any line has a range, else 1."""

    years: int
    ends: int

    @property
    def price(self) -> int:
        return 1 + self.ends

    @property
    def rate(self) -> int:
        return self.price + self.ends + 1  # the currency stands before it

    @property
    def when(self) -> int:
        return self.rate + self.ends + 1  # the unit stands before it

    def quantity(self, end: int, year: int = 0) -> int:
        return self.when + 1 + end * self.years + year

    def amount(self, end: int, year: int = 0) -> int:
        return self.quantity(self.ends) + end * self.years + year

    @property
    def proof(self) -> int:
        return self.amount(self.ends)


class _Sheet(Struct, frozen=True):
    """A bill on its sheet: where its sums are."""

    name: str
    plan: _Plan
    first: int
    last: int

    def total(self, end: int) -> str:
        """The cell with the sum of all lines, from another sheet."""
        return self._elsewhere(xl_rowcol_to_cell(self.last + 1, 1 + end, row_abs=True, col_abs=True))

    def column(self, column: int) -> str:
        """A column of all lines, from another sheet."""
        return self._elsewhere(xl_range_abs(self.first, column, self.last, column))

    def _elsewhere(self, cells: str) -> str:
        return f"'{self.name.replace(chr(39), chr(39) * 2)}'!{cells}"


def workable(answer: Answer) -> bool:
    """Whether the answer was kept with its workings; those of earlier versions were not."""
    return all(line.workings for shown in answer.designs for line in shown.bill.lines)


def render(answer: Answer, *, title: str, language: str, made_at: datetime) -> bytes:
    """The workbook in the language asked for: designs side by side, and a sheet for each of them."""
    held = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with translation.override(language), xlsxwriter.Workbook(held, options) as workbook:
        named = {"title": visible(title), "author": "Headroom", "comments": f"Headroom {version()}"}
        workbook.set_properties({**named, "created": made_at.replace(tzinfo=None)})
        looks = _looks(workbook)
        summary = workbook.add_worksheet(_name(gettext("Side by side"), 0))
        columns = designs_of(answer)
        sheets = [
            _bill(workbook, looks, shown.bill, column, place)
            for place, (shown, column) in enumerate(zip(answer.designs, columns, strict=True), start=1)
        ]
        bills = [shown.bill for shown in answer.designs]
        _side_by_side(summary, looks, title, bills, columns, sheets)
    return held.getvalue()


def _looks(workbook: xlsxwriter.Workbook) -> _Looks:
    top = {"valign": "top"}
    return _Looks(
        title=workbook.add_format({"bold": True, "font_size": 14}),
        head=workbook.add_format({"bold": True, "text_wrap": True, "bottom": 1, **top}),
        text=workbook.add_format({"num_format": "@", "text_wrap": True, **top}),
        note=workbook.add_format({"italic": True, "font_color": "#555555"}),
        number=workbook.add_format({"num_format": "#,##0.##", **top}),
        price=workbook.add_format({"num_format": "#,##0.00####", **top}),
        money=workbook.add_format({"num_format": FORMATS["money"], **top}),
        total=workbook.add_format({"num_format": FORMATS["money"], "bold": True, "top": 1}),
        entered=workbook.add_format({"num_format": "#,##0.00####", "bg_color": YELLOW, **top}),
    )


def _name(text: str, place: int) -> str:
    """A name that no other sheet has."""
    number = f"{place} " if place else ""
    return (number + visible(text).translate(NAME_FORBIDDEN))[:NAME_MAX].strip()


def _bill(
    workbook: xlsxwriter.Workbook, looks: _Looks, bill: Bill, column: DesignColumn, place: int
) -> _Sheet:
    ranged = any(len(line.workings) > 1 for line in bill.lines)
    plan = _Plan(bill.assumptions.years, 2 if ranged else 1)
    name = _name(column.name, place)
    sheet = workbook.add_worksheet(name)
    sheet.write_string(0, 0, visible(f"{column.name} ({column.edition})"), looks.title)
    sheet.write_string(1, 0, gettext("Yellow: enter your quotes, all sums follow."), looks.note)
    _heads(sheet, looks, plan, bill.assumptions.currency)
    first = HEAD + 1
    for row, (line, said) in enumerate(zip(bill.lines, column.lines, strict=True), start=first):
        _line(sheet, looks, plan, row, line, said)
    last = HEAD + len(bill.lines)
    sheet.write_string(last + 1, 0, gettext("Known in all"), looks.head)
    totals = (bill.total.amount.low, bill.total.amount.high)
    years = [(span.low, span.high) for span in bill.total.by_year]
    for end in range(plan.ends):
        _sum(sheet, looks, (last + 1, 1 + end), (first, last), totals[end])
        for year in range(plan.years):
            _sum(sheet, looks, (last + 1, plan.amount(end, year)), (first, last), years[year][end])
    sheet.freeze_panes(HEAD + 1, 1)
    return _Sheet(name, plan, first, last)


def _sum(
    sheet: Worksheet, looks: _Looks, place: tuple[int, int], rows: tuple[int, int], known: Decimal
) -> None:
    cells = xl_range_abs(rows[0], place[1], rows[1], place[1])
    sheet.write_formula(*place, f"=SUM({cells})", looks.total, float(known))


def _heads(sheet: Worksheet, looks: _Looks, plan: _Plan, currency: str) -> None:
    ends = [""] if plan.ends == 1 else [f", {gettext('low end')}", f", {gettext('high end')}"]
    years = [gettext("year {year}").format(year=year + 1) for year in range(plan.years)]
    heads = [
        gettext("Line"),
        *(f"{gettext('Amount')}, {currency}{end}" for end in ends),
        *(f"{gettext('Unit price')}{end}" for end in ends),
        gettext("Currency"),
        *(f"{gettext('Rate to {currency}').format(currency=currency)}{end}" for end in ends),
        gettext("Unit"),
        gettext("Paid at"),
        *(f"{gettext('Quantity')}, {year}{end}" for end in ends for year in years),
        *(f"{gettext('Amount')}, {year}{end}" for end in ends for year in years),
        gettext("How is this calculated?"),
        gettext("Source"),
    ]
    for place, head in enumerate(heads):
        wide = place in (0, plan.proof, plan.proof + 1)
        sheet.set_column(place, place, WIDE if wide else NARROW)
        sheet.write_string(HEAD, place, head, looks.head)


def _line(sheet: Worksheet, looks: _Looks, plan: _Plan, row: int, line: Line, said: LineRow) -> None:
    sheet.write_string(row, 0, visible(said.label), looks.text)
    sheet.write_string(row, plan.rate - 1, line.paid_in or line.currency, looks.text)
    sheet.write_string(row, plan.when - 1, line.unit, looks.text)
    when = gettext("year’s start") if line.when == "start" else gettext("year’s end")
    sheet.write_string(row, plan.when, when, looks.text)
    sheet.write_string(row, plan.proof, visible(" · ".join((said.formula, *said.notes))), looks.text)
    sources = " · ".join(part for part in (said.source, said.date) if part)
    sheet.write_string(row, plan.proof + 1, visible(sources), looks.text)
    for end in range(plan.ends):
        same = end > 0 and len(line.workings) < plan.ends
        working = line.workings[min(end, len(line.workings) - 1)]
        _inputs(sheet, looks, plan, (row, end), working, same=same)
        _amounts(sheet, looks, plan, (row, end), line)


def _inputs(
    sheet: Worksheet, looks: _Looks, plan: _Plan, place: tuple[int, int], working: Working, *, same: bool
) -> None:
    """Price, rate and quantities; the high end of a line without a range follows the low one."""
    row, end = place
    quantities = working.quantities or (None,) * plan.years
    cells: list[tuple[int, int, Decimal | None, Format]] = [
        (plan.price + end, plan.price, working.unit_price, looks.price),
        (plan.rate + end, plan.rate, working.rate, looks.price),
        *(
            (plan.quantity(end, year), plan.quantity(0, year), units, looks.number)
            for year, units in enumerate(quantities)
        ),
    ]
    for column, low, content, look in cells:
        if same:
            other = xl_rowcol_to_cell(row, low)
            known = "" if content is None else float(content)
            sheet.write_formula(row, column, f'=IF(ISNUMBER({other}),{other},"")', look, known)
        elif content is None:
            sheet.write_blank(row, column, None, looks.entered)
        else:
            sheet.write_number(row, column, float(content), look)


def _amounts(sheet: Worksheet, looks: _Looks, plan: _Plan, place: tuple[int, int], line: Line) -> None:
    """Each year's quantity x price x rate, to the cent, and their sum; what is not known says so."""
    row, end = place
    price, rate = (xl_rowcol_to_cell(row, column + end) for column in (plan.price, plan.rate))
    known = [(span.low, span.high)[end] for span in line.by_year] or [Decimal(0)] * plan.years
    for year in range(plan.years):
        units = xl_rowcol_to_cell(row, plan.quantity(end, year))
        formula = f"=IF(COUNT({price},{units})=2,ROUND({units}*{price}*{rate},2),0)"
        sheet.write_formula(row, plan.amount(end, year), formula, looks.money, float(known[year]))
    years = xl_range(row, plan.amount(end), row, plan.amount(end, plan.years - 1))
    waits = gettext("enter your quote").replace('"', '""')
    total = (line.amount.low, line.amount.high)[end] if line.amount is not None else None
    sheet.write_formula(
        row,
        1 + end,
        f'=IF(ISNUMBER({price}),SUM({years}),"{waits}")',
        looks.money,
        waits if total is None else float(total),
    )


def _side_by_side(
    sheet: Worksheet,
    looks: _Looks,
    title: str,
    bills: Sequence[Bill],
    columns: Sequence[DesignColumn],
    sheets: Sequence[_Sheet],
) -> None:
    sheet.write_string(0, 0, visible(title), looks.title)
    sheet.set_column(0, 0, WIDE)
    sheet.set_column(1, max(1, len(bills)), 2 * NARROW)
    sheet.write_string(1, 0, gettext("Discount rate of later years, % a year"), looks.text)
    rate = float(bills[0].total.rate_percent) if bills else 0.0
    sheet.write_number(1, 1, rate, looks.entered)
    cell = xl_rowcol_to_cell(1, 1, row_abs=True, col_abs=True)
    for row, label in enumerate(_labels(bills[0].assumptions.currency if bills else ""), start=HEAD + 1):
        sheet.write_string(row, 0, label, looks.text)
    for place, (bill, column, of) in enumerate(zip(bills, columns, sheets, strict=True), start=1):
        sheet.write_string(HEAD, place, visible(f"{column.name} ({column.edition})"), looks.head)
        sheet.write_string(HEAD + 1, place, column.hosts, looks.text)
        high = of.plan.ends - 1
        total, present = bill.total.amount, bill.total.present
        rows = [
            (f"={of.total(0)}", total.low),
            (f"={of.total(high)}", total.high),
            (_worth(of, 0, cell), present.low),
            (_worth(of, high, cell), present.high),
        ]
        for row, (formula, known) in enumerate(rows, start=HEAD + 2):
            sheet.write_formula(row, place, formula, looks.money, float(known))
        prices = of.column(of.plan.price)
        sheet.write_formula(
            HEAD + 6, place, f"=ROWS({prices})-COUNT({prices})", looks.number, float(column.unknown)
        )
    sheet.freeze_panes(HEAD + 1, 1)


def _labels(currency: str) -> list[str]:
    low, high = gettext("low end"), gettext("high end")
    known, worth = gettext("Known in all"), gettext("Worth today")
    return [
        gettext("Hosts"),
        *(f"{label}, {currency}, {end}" for label in (known, worth) for end in (low, high)),
        gettext("Lines without a price"),
    ]


def _worth(of: _Sheet, end: int, rate: str) -> str:
    """Each year's amounts / (1 + rate) to the power of the years until they are paid, line by line."""
    when = of.column(of.plan.when)
    parts = []
    for word, later in ((gettext("year’s start"), 0), (gettext("year’s end"), 1)):
        years = "+".join(
            f"{of.column(of.plan.amount(end, year))}/(1+{rate}/100)^{year + later}"
            for year in range(of.plan.years)
        )
        parts.append(f'({when}="{word}")*({years})')
    return f"=SUMPRODUCT(ROUND({'+'.join(parts)},2))"

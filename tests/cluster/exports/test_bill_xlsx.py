"""The workbook of a cost answer: another program works it out and gets what the page says."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path

import formulas
import numpy as np
import openpyxl
import pytest

from cluster.exports import bill_xlsx
from planner.cost.answer import Answer, Asked, answer
from planner.cost.assumptions import Assumptions
from planner.cost.book import PriceBook, Prices, layered
from planner.cost.public import public_book
from planner.estate import Estate
from tests.cluster.exports.texts import MADE_AT
from tests.planner.cost.books import full, quotes, row
from tests.planner.small import host, reading, vm

WINDOWS = "Microsoft Windows Server 2022 (64-bit)"
SUMMARY = "Side by side"
TOTALS = {4: "low", 5: "high"}  # the rows of the first sheet, as a spreadsheet counts


def estate() -> Estate:
    vms = [vm(f"v{n}", guest_os=WINDOWS if n % 3 else None) for n in range(30)]
    return reading([host(f"esx{n}") for n in range(4)], vms).estate


def answered(prices: Prices, **assumed: object) -> Answer:
    asked = Asked(
        assumptions=Assumptions(years=3, **assumed),
        platforms=("vmware", "hyperv"),
        host_cores=32,
        host_memory_gib=256,
    )
    return answer(estate(), asked, prices, np.random.default_rng(1))


def workbook(found: Answer, language: str = "en") -> openpyxl.Workbook:
    content = bill_xlsx.render(found, title="Site", language=language, made_at=MADE_AT)
    return openpyxl.load_workbook(BytesIO(content))


def counted(book: openpyxl.Workbook, folder: Path) -> dict[str, object]:
    """Every cell of the workbook as another program works it out, by sheet and cell in capitals."""
    path = folder / "cost.xlsx"
    book.save(path)
    found = formulas.ExcelModel().loads(str(path)).finish().calculate()
    cells = {}
    for name, ranges in found.items():
        if "!" in name and ":" not in name:
            cells[name.replace("'[cost.xlsx]", "").replace("'!", "!")] = ranges.value[0, 0]
    return cells


def totals(cells: dict[str, object], place: int) -> dict[int, Decimal]:
    column = "BCDEFG"[place]
    return {
        line: round(Decimal(str(cells[f"{SUMMARY.upper()}!{column}{line}"])), 2) for line in (5, 6, 7, 8, 9)
    }


def test_a_spreadsheet_works_out_what_the_page_says(tmp_path: Path) -> None:
    rate = PriceBook(name="rate", rows=(row("discount_percent", "5"),))
    found = answered(layered([public_book(), quotes(), rate], None), growth_percent=Decimal(30))
    cells = counted(workbook(found), tmp_path)
    for place, shown in enumerate(found.designs):
        total = shown.bill.total
        seen = totals(cells, place)
        assert (seen[5], seen[6]) == (total.amount.low, total.amount.high)
        assert abs(seen[7] - total.present.low) <= Decimal("0.02") * len(shown.bill.lines)
        assert abs(seen[8] - total.present.high) <= Decimal("0.02") * len(shown.bill.lines)
        assert seen[9] == sum(line.amount is None for line in shown.bill.lines)


def test_both_ends_of_a_range_are_worked_out_line_by_line(tmp_path: Path) -> None:
    wide = PriceBook(
        name="wide",
        rows=(
            row("server", "10000", "16000"),
            row("residual_percent", "5", "15"),
            row("electricity_kwh", "0.15", "0.30"),
            row("pue", "1.2", "1.7"),
        ),
    )
    found = answered(layered([public_book(), quotes(), wide], None))
    book = workbook(found)
    cells = counted(book, tmp_path)
    for place, shown in enumerate(found.designs):
        name = book.sheetnames[place + 1].upper()
        for at, line in enumerate(shown.bill.lines, start=4):
            assert line.amount is not None
            low, high = (round(Decimal(str(cells[f"{name}!{column}{at}"])), 2) for column in "BC")
            assert (low, high) == (line.amount.low, line.amount.high), line.what
        seen = totals(cells, place)
        assert (seen[5], seen[6]) == (shown.bill.total.amount.low, shown.bill.total.amount.high)
        assert seen[5] < seen[6]


def test_a_quote_that_is_entered_counts_as_a_new_answer_would(tmp_path: Path) -> None:
    found = answered(layered([public_book(), quotes(), PriceBook(name="gap", rows=())], None))
    without = {row_.key: row_ for row_ in quotes().rows if row_.key != "rack_unit_year"}
    gap = PriceBook(name="gap", rows=tuple(without.values()))
    lacking = answered(layered([public_book(), gap], None))
    book = workbook(lacking)
    whole = {shown.bill.design.key: shown.bill for shown in found.designs}
    for place, shown in enumerate(lacking.designs):
        sheet = book[book.sheetnames[place + 1]]
        lines = [line.what for line in shown.bill.lines]
        at = lines.index("space") + 4
        head = [cell.value for cell in sheet[3]]
        price = next(n for n, text in enumerate(head, start=1) if str(text).startswith("Unit price"))
        assert sheet.cell(at, price).value is None
        assert sheet.cell(at, price).fill.fgColor.rgb == "FFFFF2B3"
        assert totals(counted(book, tmp_path), place)[9] == 1
        sheet.cell(at, price).value = 120
        seen = totals(counted(book, tmp_path), place)
        total = whole[shown.bill.design.key].total.amount
        assert (seen[5], seen[6], seen[9]) == (total.low, total.high, 0)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_it_was_sent_with_is_what_the_page_says(language: str) -> None:
    found = answered(full())
    content = bill_xlsx.render(found, title="Site", language=language, made_at=MADE_AT)
    sheet = openpyxl.load_workbook(BytesIO(content), data_only=True).worksheets[0]
    for place, shown in enumerate(found.designs, start=2):
        assert round(Decimal(str(sheet.cell(5, place).value)), 2) == shown.bill.total.amount.low
    words = {str(cell.value) for cells in sheet.iter_rows() for cell in cells}
    assert ("Worth today, EUR, low end" in words) == (language == "en")


def test_names_that_look_like_formulas_stay_text() -> None:
    asked = Asked(platforms=("vmware",), host_cores=32, host_memory_gib=256, host_model="=1+1'[x]")
    found = answer(estate(), asked, full(), np.random.default_rng(1))
    book = workbook(found)
    texts = [
        cell for sheet in book for cells in sheet.iter_rows() for cell in cells if "=1+1" in str(cell.value)
    ]
    assert texts
    assert all(cell.data_type == "s" for cell in texts)

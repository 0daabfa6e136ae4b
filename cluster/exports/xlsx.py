"""The plan as a workbook: one sheet a table, text as text, never a formula or a link; and one that lives."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import Final

import xlsxwriter
from django.utils import translation
from django.utils.translation import gettext as _
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cluster.exports.beside import NOTHING, Beside
from cluster.exports.model import Sheet, model
from cluster.exports.sheets import Cell, Column, Kind, Table, tables
from cluster.exports.version import version
from cluster.visible import visible
from planner.report import PlanReport

TEXT_MAX: Final = 32_767  # characters of a cell, Excel specifications and limits
NAME_MAX: Final = 31  # characters of a sheet's name, ibid.
NAME_FORBIDDEN: Final = str.maketrans(dict.fromkeys("[]:*?/\\'", "-"))  # ibid.
FORMATS: Final[dict[Kind, str]] = {
    "text": "@",
    "integer": "#,##0",
    "number": "#,##0.######",
    "money": "#,##0.00",
}


class SheetFull(ValueError):
    """A table with more rows than a sheet has: nothing is left out silently."""


def render(
    report: PlanReport, *, title: str, language: str, made_at: datetime, beside: Beside = NOTHING
) -> bytes:
    """The workbook in the language asked for."""
    with translation.override(language):
        content = tables(report, title, beside)
        calculation = model(report)
        kind = _("Capacity report")
    held = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(held, options) as workbook:
        workbook.set_properties(
            {
                "title": visible(f"{title} – {kind}"),
                "author": "Headroom",
                "created": made_at.replace(tzinfo=None),
                "comments": f"Headroom {version()}",
            }
        )
        head = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        kinds = {
            kind: workbook.add_format({"num_format": code, "valign": "top", "text_wrap": kind == "text"})
            for kind, code in FORMATS.items()
        }
        for table in content:
            sheet = workbook.add_worksheet(visible(table.name).translate(NAME_FORBIDDEN)[:NAME_MAX])
            _write(sheet, table, head, kinds)
        _write_model(workbook, calculation, head, kinds)
    return held.getvalue()


def _write(sheet: Worksheet, table: Table, head: Format, kinds: dict[Kind, Format]) -> None:
    sheet.freeze_panes(1, 1)
    for column, described in enumerate(table.columns):
        sheet.set_column(column, column, described.width)
        sheet.write_string(0, column, described.label, head)
    for row, cells in enumerate(table.rows, start=1):
        for column, (described, cell) in enumerate(zip(table.columns, cells, strict=True)):
            _write_cell(sheet, (row, column), described, cell, kinds)
    if table.rows:
        sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)


def _write_model(
    workbook: xlsxwriter.Workbook, calculation: Sheet, head: Format, kinds: dict[Kind, Format]
) -> None:
    """The one sheet with formulas: all of them ours, over cells of ours; names of VMs never get into one."""
    sheet = workbook.add_worksheet(calculation.name)
    changed = workbook.add_format({"bg_color": "#FFF2B3", "num_format": FORMATS["number"], "valign": "top"})
    for column, width in enumerate(calculation.widths):
        sheet.set_column(column, column, width)
    for name, cell in calculation.names:
        workbook.define_name(name, f"='{calculation.name}'!{cell}")
    for cell in calculation.cells:
        place = cell.row, cell.column
        if cell.formula:
            sheet.write_formula(
                *place, cell.formula, kinds["number"], "" if cell.content is None else cell.content
            )
        elif isinstance(cell.content, str):
            is_head = cell.row == calculation.head_row
            sheet.write_string(*place, _cut(visible(cell.content)), head if is_head else kinds["text"])
        elif cell.content is None:
            sheet.write_blank(*place, None, changed if cell.is_input else kinds["number"])
        else:
            sheet.write_number(*place, cell.content, changed if cell.is_input else kinds["number"])
    sheet.freeze_panes(calculation.head_row + 1, 1)


def _write_cell(
    sheet: Worksheet, place: tuple[int, int], column: Column, cell: Cell, kinds: dict[Kind, Format]
) -> None:
    match cell:
        case None | "":
            return
        case str():
            written = sheet.write_string(*place, _cut(visible(cell)), kinds["text"])
        case bool():
            written = sheet.write_boolean(*place, cell, kinds["text"])
        case int() | float() | Decimal():
            kind = "number" if column.kind == "text" else column.kind
            # General shows a whole number whole; a format with optional decimals would leave a bare point.
            whole = kind == "number" and cell == int(cell)
            written = sheet.write_number(*place, cell, kinds["integer" if whole else kind])
    if written:
        raise SheetFull(f"row {place[0] + 1}, column {place[1] + 1} is beyond the sheet")


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"

"""The plan as a flat table for a spreadsheet: one row a cluster, or one row a number.

Separator and decimal sign are those that a spreadsheet of the language expects.
"""

from __future__ import annotations

import csv
from datetime import datetime
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import Final

from django.utils import translation
from django.utils.translation import gettext as _

from cluster.exports import origin, sheets
from cluster.exports.beside import NOTHING, Beside
from cluster.exports.sheets import Cell, Column, Table
from cluster.visible import visible
from planner.report import PlanReport

SEPARATORS: Final = {"fr": ";"}
DECIMAL_SIGNS: Final = {"fr": ","}
BOM: Final = "\ufeff"
# What makes a spreadsheet take text for a formula.  Source: OWASP ASVS 1.2.10.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def render(
    report: PlanReport,
    *,
    title: str,
    language: str,
    made_at: datetime,
    beside: Beside = NOTHING,
    bom: bool = True,
) -> bytes:
    """One row a cluster."""
    with translation.override(language):
        return write(_with_origin(sheets.clusters(report, beside), report, beside), language, bom=bom)


def render_figures(
    report: PlanReport,
    *,
    title: str,
    language: str,
    made_at: datetime,
    beside: Beside = NOTHING,
    bom: bool = True,
) -> bytes:
    """One row a number, opened."""
    with translation.override(language):
        return write(_with_origin(sheets.figures(report), report, beside), language, bom=bom)


def _with_origin(table: Table, report: PlanReport, beside: Beside) -> Table:
    """The table with one column more, which says of each row what it was made of."""
    told = origin.in_one_line(report, beside.origin)
    return Table(
        name=table.name,
        columns=(*table.columns, Column(_("Made from"))),
        rows=tuple((*row, told) for row in table.rows),
    )


def write(table: Table, language: str, *, bom: bool = True) -> bytes:
    """A table as UTF-8 CSV; the byte order mark lets Excel know that it is UTF-8."""
    held = StringIO(newline="")
    writer = csv.writer(held, delimiter=SEPARATORS.get(language, ","))
    said = partial(_said, decimal_sign=DECIMAL_SIGNS.get(language, "."))
    writer.writerow(said(column.label) for column in table.columns)
    writer.writerows([said(cell) for cell in row] for row in table.rows)
    return ((BOM if bom else "") + held.getvalue()).encode()


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless(" @SUM(A1)"), harmless("db-1")
    ("'=1+1", "' @SUM(A1)", 'db-1')
    """
    starts = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return f"'{visible(text)}" if starts else visible(text)


def _said(cell: Cell, *, decimal_sign: str) -> str:
    match cell:
        case None:
            return ""
        case str():
            return harmless(cell)
        case float() | Decimal():
            return str(cell).replace(".", decimal_sign)
    return str(cell)

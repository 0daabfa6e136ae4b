"""Lines of cost as a buyer reads them: paid once or every year, today beside planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _

from cluster.exports.paper import CostGroup, CostRow
from cluster.shown import money_range, quantity
from cluster.wording import say
from planner.report import Money

PERIODS: Final = ("once", "year")
TOTAL: Final = "total"


def groups(lines: Sequence[Money]) -> tuple[CostGroup, ...]:
    """What is paid once, then what is paid every year; each item one row, totals last."""
    found = ((period, [line for line in lines if line.per == period]) for period in PERIODS)
    return tuple(CostGroup(label=period_of(period), rows=_rows(own)) for period, own in found if own)


def period_of(period: str) -> str:
    """When it is paid."""
    return _("Once") if period == "once" else _("Every year")


def scope_of(scope: str) -> str:
    """What it is paid for."""
    return _("today") if scope == "today" else _("planned")


def label_of_line(line: Money) -> str:
    """What the line is called; one without a label shows its item."""
    return say(line.label) if line.label.template else line.item


def _rows(lines: Sequence[Money]) -> tuple[CostRow, ...]:
    keys = dict.fromkeys((line.item, line.currency) for line in lines if not repeats(line))
    last = sorted(keys, key=lambda key: key[0] == TOTAL)
    return tuple(_row([line for line in lines if (line.item, line.currency) == key]) for key in last)


def repeats(line: Money) -> bool:
    """Whether it is the sum of a single line, which stands right above it."""
    return line.item == TOTAL and line.quantity <= 1


def _row(lines: Sequence[Money]) -> CostRow:
    by_scope = {line.scope: line for line in lines}
    today, planned = by_scope.get("today"), by_scope.get("planned")
    return CostRow(
        label=label_of_line(lines[0]),
        today=_amount(today),
        today_quantity=_quantity(today),
        planned=_amount(planned),
        planned_quantity=_quantity(planned),
        is_total=lines[0].item == TOTAL,
    )


def _amount(line: Money | None) -> str:
    return "" if line is None else money_range(line.low, line.high, line.currency)


def _quantity(line: Money | None) -> str:
    return "" if line is None or line.item == TOTAL else quantity(line.quantity, line.unit)

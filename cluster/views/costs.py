"""The lines of cost as a table: today beside the plan, once beside every year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from cluster.shown import money_range, quantity
from cluster.wording import say
from planner.report import Money
from planner.sentence import Sentence


class CostRow(Struct, frozen=True, kw_only=True):
    """One line, today and as planned; empty where the line does not exist."""

    label: str
    today: str
    today_quantity: str
    planned: str
    planned_quantity: str
    formula: str
    source: str
    assumptions: tuple[Sentence, ...]
    is_total: bool
    asks_quote: bool


class CostGroup(Struct, frozen=True, kw_only=True):
    """What is paid once, or every year."""

    name: str | Promise
    rows: tuple[CostRow, ...]


_RHYTHMS: Final = (("once", _("Once")), ("year", _("Every year")))


def cost_groups(lines: Sequence[Money]) -> list[CostGroup]:
    """The lines in the order of the plan, those of one item and currency side by side."""
    return [
        CostGroup(name=name, rows=tuple(rows))
        for per, name in _RHYTHMS
        if (rows := _rows([line for line in lines if line.per == per]))
    ]


def _rows(lines: Sequence[Money]) -> list[CostRow]:
    keys = dict.fromkeys((line.item == "total", line.item, line.currency) for line in lines)
    return [
        _row({line.scope: line for line in lines if (line.item, line.currency) == (item, currency)})
        for _is_total, item, currency in sorted(keys, key=lambda key: key[0])
    ]


def _row(by_scope: dict[str, Money]) -> CostRow:
    today, planned = by_scope.get("today"), by_scope.get("planned")
    line = planned or today
    assert line is not None  # noqa: S101  a key comes from a line
    return CostRow(
        label=say(line.label),
        today=_amount(today),
        today_quantity=_quantity(today),
        planned=_amount(planned),
        planned_quantity=_quantity(planned),
        formula=say(line.formula),
        source=line.source,
        assumptions=line.assumptions,
        is_total=line.item == "total",
        asks_quote=line.item == "hosts" and line.low is None,
    )


def _amount(line: Money | None) -> str:
    return money_range(line.low, line.high, line.currency) if line else ""


def _quantity(line: Money | None) -> str:
    return quantity(line.quantity, line.unit) if line and line.item != "total" else ""

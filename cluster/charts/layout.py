"""What all figures have in common."""

from __future__ import annotations

import plotly.graph_objects as go
from django.utils.formats import get_format
from msgspec import Struct


class Numbers(Struct, frozen=True):
    """The figure as a table, for whoever cannot see it or wants the numbers."""

    head: list[str]
    rows: list[list[str]]


def layout(height: int, numbers: Numbers, **own: object) -> go.Layout:
    """The house's own: no title (the page has it), no background, nothing of the library's 6 KB template.

    `own` is what one figure has beside it.
    """
    axis = {"gridcolor": "var(--rule)", "linecolor": "var(--rule-2)", "tickcolor": "var(--rule-2)"}
    shared = go.Layout(
        template="none",
        height=height,
        meta={"head": numbers.head, "rows": numbers.rows},
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "var(--ink-2)", "size": 12},
        hoverlabel={
            "bgcolor": "var(--raised)",
            "bordercolor": "var(--rule-2)",
            "font": {"color": "var(--ink)"},
        },
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "var(--ink-3)", "activecolor": "var(--accent)"},
        separators=_separators(),
        xaxis=axis,
        yaxis=axis,
    )
    return shared.update(own)


def _separators() -> str:
    """Decimal and thousands sign of the active language, as Plotly wants them."""
    return f"{get_format('DECIMAL_SEPARATOR')}{get_format('THOUSAND_SEPARATOR')}"

"""Each resource as a share of today's capacity, as the meter of the pages draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import plotly.graph_objects as go
from django.utils.translation import gettext

from cluster import labels
from cluster.charts.layout import Numbers, layout
from cluster.shown import quantity
from cluster.templatetags.parts import percent
from planner.report import ClusterPlan, Need

Share: TypeAlias = tuple[float, float, float]  # used, reserved, free, in percent of the capacity

# As the meter of the pages draws them: filled, hatched, empty.
_USED: Final = {"color": "var(--used)"}
_RESERVED: Final = {
    "color": "var(--free)",
    "pattern": {"shape": "/", "size": 6, "solidity": 0.3, "fgcolor": "var(--reserved)"},
}
_FREE: Final = {"color": "var(--free)"}


def capacity_against_need(plan: ClusterPlan) -> go.Figure:
    """Each resource as a share of today's capacity: used, reserved for failure, free."""
    shares = [(need, _share(plan, need, need.capacity_today)) for need in plan.needs if need.capacity_today]
    names = [labels.resource_of(need.resource) for need, _parts in shares]
    inks = ((gettext("load"), _USED), (gettext("reserved for failure"), _RESERVED), (gettext("free"), _FREE))
    bars = [
        _bar(name, ink, names, [parts[place] for _need, parts in shares])
        for place, (name, ink) in enumerate(inks)
    ]
    figure = go.Figure(
        bars,
        layout(
            90 + 56 * len(shares),
            _as_rows(shares),
            barmode="stack",
            bargap=0.35,
            showlegend=True,
            legend={"orientation": "h", "y": -0.18, "x": 0, "traceorder": "normal"},
            yaxis={"autorange": "reversed", "automargin": True},
            xaxis={"ticksuffix": " %", "fixedrange": True, "zeroline": False},
        ),
    )
    figure.add_vline(x=100, line={"color": "var(--accent)", "width": 2})
    return figure


def _bar(name: str, ink: Mapping[str, Any], names: list[str], values: list[float]) -> go.Bar:
    return go.Bar(
        name=name,
        y=names,
        x=values,
        orientation="h",
        marker={**ink, "line": {"width": 1, "color": "var(--rule-2)"}},
        text=[percent(value) for value in values],
        textposition="none" if ink is _RESERVED else "inside",  # letters on hatching are not read
        insidetextanchor="middle",
        insidetextfont={"color": "var(--used-ink)" if ink is _USED else "var(--ink)"},
        hovertemplate=f"<b>%{{y}}</b><br>{name}: %{{text}}<extra></extra>",
    )


def _as_rows(shares: Sequence[tuple[Need, Share]]) -> Numbers:
    head = [gettext("Resource"), gettext("Load"), gettext("Reserved"), gettext("Free"), gettext("Capacity")]
    rows = [
        [
            labels.resource_of(need.resource),
            *(percent(part) for part in parts),
            quantity(need.capacity_today, need.unit, 1),
        ]
        for need, parts in shares
    ]
    return Numbers(head, rows)


def _share(plan: ClusterPlan, need: Need, capacity: float) -> Share:
    used = 100 * need.demand / capacity
    reserved = 0.0
    if need.resource != "storage" and need.capacity_per_host and plan.failures_asked:
        reserved = 100 * plan.failures_asked * need.capacity_per_host / capacity
    return used, reserved, max(100 - used - reserved, 0.0)

"""Hosts by four measures, each cell coloured and told."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import plotly.graph_objects as go
from django.utils.translation import gettext

from cluster.charts.layout import Numbers, layout
from cluster.charts.loads import HostLoad
from cluster.templatetags.parts import NOT_RECORDED, number
from cluster.visible import visible

HOSTS_MOST: Final = 400  # beyond them a row is thinner than a line of text
_SCALE: Final = [[0.0, "var(--chart-low)"], [0.5, "var(--chart-mid)"], [1.0, "var(--chart-high)"]]


def host_heatmap(loads: Sequence[HostLoad]) -> go.Figure:
    """Hosts by four measures: percentages coloured from 0 to 100, the others against the fullest host."""
    loads = loads[:HOSTS_MOST]
    columns = {
        gettext("vCPUs per core"): (_against_most, [load.vcpu_per_core for load in loads]),
        gettext("VM memory, %"): (_against_100, [load.memory_percent for load in loads]),
        gettext("CPU use, %"): (_against_100, [load.cpu_usage_percent for load in loads]),
        gettext("VMs on"): (_against_most, [load.vms_on for load in loads]),
    }
    measured = [values for _scaled, values in columns.values()]
    head = [gettext("Host"), *columns]
    shown = [[_shown(value) for value in row] for row in zip(*measured, strict=True)]
    rows = [[visible(load.name), *cells] for load, cells in zip(loads, shown, strict=True)]
    names = [escape(visible(load.name)) for load in loads]
    by_column = [scaled(values) for scaled, values in columns.values()]
    return go.Figure(
        go.Heatmap(
            x=list(columns),
            y=names,
            z=[list(row) for row in zip(*by_column, strict=True)],
            text=shown,
            texttemplate="%{text}" if len(loads) <= 60 else None,
            hovertemplate="<b>%{y}</b><br>%{x}: %{text}<extra></extra>",
            textfont={"color": "var(--ink)", "size": 12},
            colorscale=_SCALE,
            zmin=0,
            zmax=1,
            showscale=False,
            hoverongaps=False,
            xgap=2,
            ygap=2 if len(loads) <= 100 else 0,
        ),
        layout(
            min(90 + 26 * len(loads), 1600),
            Numbers(head, rows),
            yaxis={"autorange": "reversed", "automargin": True, "type": "category", "tickfont": {"size": 11}},
            xaxis={"side": "top", "fixedrange": True, "automargin": True},
        ),
    )


def _against_most(values: Sequence[float | None]) -> list[float | None]:
    """From 0 to 1 against the largest."""
    top = max((value for value in values if value is not None), default=0.0)
    return [None if value is None else value / top if top else 0.0 for value in values]


def _against_100(values: Sequence[float | None]) -> list[float | None]:
    """From 0 to 1 as a percentage is, above 100 as 100."""
    return [None if value is None else min(value / 100, 1.0) for value in values]


def _shown(value: float | None) -> str:
    return NOT_RECORDED if value is None else number(value, 1)

"""One thing over time: what was measured, the line through it, the band of its errors, its capacity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import plotly.graph_objects as go
from django.utils.formats import date_format
from django.utils.translation import gettext

from cluster.charts.layout import Numbers, layout
from cluster.shown import quantity
from planner.forecast.runway import Project, Runway
from planner.forecast.series import F64, by_day, thinned

AHEAD_DAYS: Final = 180
POINTS_AHEAD: Final = 37  # one in five days
ROWS: Final = 12


def runway_figure(found: Runway, projects: Sequence[Project]) -> go.Figure:
    """Points, trend, band and capacity; the trend is left out where the data are weak."""
    days, values = thinned(*by_day(found.series.points))
    traces: list[go.Scatter] = []
    trend = found.trend
    if trend is not None and found.verdict not in ("weak", "unmeasured"):
        ahead = np.linspace(0.0, AHEAD_DAYS, POINTS_AHEAD)
        line = trend.at(ahead) + _steps(trend.last_day + ahead, trend.last_day, projects)
        band = trend.band(ahead)
        dates = _dates(trend.last_day + ahead)
        edges = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        traces += [
            go.Scatter(x=dates, y=(line + band).tolist(), showlegend=False, **edges),
            go.Scatter(
                x=dates, y=np.maximum(line - band, 0.0).tolist(), fill="tonexty", fillcolor="var(--band)",
                name=gettext("nine in ten past forecasts"), **edges,
            ),
            go.Scatter(
                x=dates, y=line.tolist(), mode="lines", name=gettext("trend"),
                line={"color": "var(--accent)", "width": 2, "dash": "dash"},
            ),
        ]  # fmt: skip
    traces.append(
        go.Scatter(
            x=_dates(days), y=values.tolist(), mode="markers+lines", name=gettext("measured"),
            marker={"color": "var(--used)", "size": 5}, line={"color": "var(--used)", "width": 1},
        )
    )  # fmt: skip
    figure = go.Figure(
        traces,
        layout(
            340,
            _as_rows(found, days, values),
            showlegend=True,
            legend={"orientation": "h", "y": -0.16, "x": 0},
            yaxis={"rangemode": "tozero", "automargin": True, "title": {"text": found.series.unit}},
            xaxis={"type": "date", "zeroline": False},
        ),
    )
    if found.series.capacity is not None:
        figure.add_hline(
            y=found.series.capacity,
            line={"color": "var(--bad)", "width": 2},
            annotation_text=gettext("capacity"),
            annotation_position="top left",
        )
    return figure


def _steps(days: F64, last_day: float, projects: Sequence[Project]) -> F64:
    """What planned projects add, from their day on."""
    total = np.zeros_like(days)
    for project in projects:
        if project.at_days > last_day:
            total = total + np.where(days >= project.at_days, project.amount, 0.0)
    return total


def _dates(days: F64) -> list[str]:
    return [date.fromordinal(int(day)).isoformat() for day in days]


def _as_rows(found: Runway, days: F64, values: F64) -> Numbers:
    head = [gettext("Date"), gettext("Measured"), gettext("Capacity")]
    capacity = quantity(found.series.capacity, found.series.unit, 1)
    rows = [
        [
            date_format(date.fromordinal(int(day)), "SHORT_DATE_FORMAT"),
            quantity(float(value), found.series.unit, 1),
            capacity,
        ]
        for day, value in list(zip(days, values, strict=True))[-ROWS:]
    ]
    return Numbers(head, rows)

"""What a design costs, drawn: the way from today, years, break-even, and what the total hangs on."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import plotly.graph_objects as go
from django.utils.translation import gettext

from cluster.bills import name_of
from cluster.charts.layout import Numbers, layout
from cluster.shown import number
from cluster.visible import visible
from cluster.wording import say
from planner.catalogue.cards import AREA_NAMES, AREAS, Area
from planner.cost.answer import Answer, Shown
from planner.cost.bill import card_label
from planner.cost.platforms import PLATFORMS
from planner.hardware.advice import Advice

SWINGS_MOST: Final = 10
INKS: Final = (
    "var(--used)", "var(--accent)", "var(--reserved)", "var(--chart-high)", "var(--chart-mid)", "var(--warn)",
    "var(--ok)", "var(--unknown)", "var(--bad)", "var(--chart-on)", "var(--chart-off)", "var(--chart-rest)",
)  # fmt: skip
MARKS: Final = ("circle", "square", "diamond", "cross", "triangle-up", "star")
DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def ink_of(area: Area) -> str:
    """An area has the same colour in every picture."""
    return INKS[AREAS.index(area) % len(INKS)]


def bridge(answer: Answer, shown: Shown) -> go.Figure:
    """From the first design's cost to this one's, area by area, at the middle of all ranges."""
    first = answer.designs[0]
    steps = [step for step in shown.steps if step.change]
    names = [name_of(first), *(say(AREA_NAMES[step.area]) for step in steps), name_of(shown)]
    start, end = first.bill.total.amount.middle, shown.bill.total.amount.middle
    values = [start, *(step.change for step in steps), end]
    kinds = ["absolute", *["relative"] * len(steps), "total"]
    return go.Figure(
        go.Waterfall(
            y=names,
            x=[float(value) for value in values],
            orientation="h",
            measure=kinds,
            text=[_short(value, sign=0 < place < len(values) - 1) for place, value in enumerate(values)],
            textposition="outside",
            cliponaxis=False,
            connector={"line": {"color": "var(--rule-2)", "width": 1}},
            increasing={"marker": {"color": "var(--warn)"}},
            decreasing={"marker": {"color": "var(--ok)"}},
            totals={"marker": {"color": "var(--used)"}},
            hovertemplate="<b>%{y}</b><br>%{text}<extra></extra>",
        ),
        layout(
            120 + 34 * len(names),
            Numbers(
                [gettext("Step"), answer.asked.assumptions.currency],
                [[name, number(value, 2)] for name, value in zip(names, values, strict=True)],
            ),
            xaxis={"rangemode": "tozero", **_money(answer)},
            yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
            margin={"l": 8, "r": 64, "t": 8, "b": 8},
            showlegend=False,
        ),
    )


def by_year(answer: Answer, shown: Shown) -> go.Figure:
    """The known cost of each year in layers, at the middle of all ranges."""
    years = [str(year + 1) for year in range(answer.asked.assumptions.years)]
    bars = [
        go.Bar(
            name=say(AREA_NAMES[layer.area]),
            x=years,
            y=[float(span.middle) for span in layer.years],
            marker={"color": ink_of(layer.area), "line": {"width": 1, "color": "var(--paper)"}},
            hovertemplate="%{y:,.0f}<extra>%{fullData.name}</extra>",
        )
        for layer in shown.layers
    ]
    rows = [
        [say(AREA_NAMES[layer.area]), *(number(span.middle, 2) for span in layer.years)]
        for layer in shown.layers
    ]
    return go.Figure(
        bars,
        layout(
            440,
            Numbers([gettext("Area"), *years], rows),
            barmode="relative",
            bargap=0.4,
            showlegend=True,
            legend={"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0, "traceorder": "normal"},
            xaxis={"title": {"text": gettext("Year")}, "type": "category", "fixedrange": True},
            yaxis=_money(answer),
        ),
    )


def break_even(answer: Answer) -> go.Figure:
    """What every design has cost after each month."""
    months = list(range(len(answer.designs[0].months)))
    curves = [
        go.Scatter(
            name=name_of(shown),
            x=months,
            y=[float(amount) for amount in shown.months],
            mode="lines",
            line={"color": INKS[place % len(INKS)], "width": 2, "dash": DASHES[place % len(DASHES)]},
            hovertemplate="%{y:,.0f}<extra>%{fullData.name}</extra>",
        )
        for place, shown in enumerate(answer.designs)
    ]
    rows = [
        [str(month), *(number(shown.months[month], 0) for shown in answer.designs)] for month in months[::12]
    ]
    return go.Figure(
        curves,
        layout(
            380,
            Numbers([gettext("Month"), *(name_of(shown) for shown in answer.designs)], rows),
            showlegend=True,
            hovermode="x unified",
            legend={"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
            xaxis={"title": {"text": gettext("Month")}, "dtick": 12, "fixedrange": True},
            yaxis={"rangemode": "tozero", **_money(answer)},
        ),
    )


def _money(answer: Answer) -> dict[str, object]:
    """An axis of amounts, with their currency."""
    currency = answer.asked.assumptions.currency
    return {"title": {"text": currency}, "automargin": True, "fixedrange": True}


def front(advice: Advice) -> go.Figure:
    """Cost against free capacity: each point is a way to buy that nothing beats."""
    options = advice.found.front
    platforms = list(dict.fromkeys(option.platform for option in options))
    traces = []
    for place, key in enumerate(platforms):
        own = [option for option in options if option.platform == key]
        traces.append(
            go.Scatter(
                name=PLATFORMS[key].name,
                x=[option.spare_percent for option in own],
                y=[float(option.cost) for option in own],
                mode="markers",
                marker={
                    "color": INKS[place % len(INKS)],
                    "size": 11,
                    "symbol": MARKS[place % len(MARKS)],
                    "line": {"width": 1, "color": "var(--paper)"},
                },
                text=[f"{number(option.hosts)} × {visible(option.machine.name)}" for option in own],
                hovertemplate="%{text}<br>%{y:,.0f}<extra>%{fullData.name}</extra>",
            )
        )
    rows = [
        [
            f"{number(option.hosts)} × {option.machine.name}",
            PLATFORMS[option.platform].name,
            number(option.cost, 0),
            number(option.spare_percent, 1),
        ]
        for option in options
    ]
    head = [gettext("Hosts"), gettext("Platform"), gettext("Known in all"), gettext("Free, %")]
    return go.Figure(
        traces,
        layout(
            380,
            Numbers(head, rows),
            showlegend=True,
            legend={"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
            xaxis={
                "title": {"text": gettext("Free, %")},
                "fixedrange": True,
                "automargin": True,
                "zeroline": False,
            },
            yaxis={
                "title": {"text": advice.answer.asked.assumptions.currency},
                "automargin": True,
                "fixedrange": True,
            },
        ),
    )


def tornado(answer: Answer, shown: Shown) -> go.Figure:
    """How far each open number moves the total, the one that matters most on top."""
    swings = shown.swings[:SWINGS_MOST]
    base = float(shown.bill.total.present.middle)
    names = [say(card_label(swing.card)) for swing in swings]
    ends = (
        (gettext("at its low end"), [swing.at_low for swing in swings], "var(--reserved)"),
        (gettext("at its high end"), [swing.at_high for swing in swings], "var(--used)"),
    )
    bars = [
        go.Bar(
            name=name,
            y=names,
            x=[float(value) - base for value in values],
            base=base,
            orientation="h",
            marker={"color": ink},
            customdata=[number(value, 0) for value in values],
            hovertemplate=f"%{{y}}<br>{name}: %{{customdata}}<extra></extra>",
        )
        for name, values, ink in ends
    ]
    rows = [
        [
            name,
            number(swing.span.low),
            number(swing.span.high),
            number(swing.at_low, 0),
            number(swing.at_high, 0),
        ]
        for name, swing in zip(names, swings, strict=True)
    ]
    head = [
        gettext("Number"),
        gettext("Low"),
        gettext("High"),
        gettext("Total at low"),
        gettext("Total at high"),
    ]
    return go.Figure(
        bars,
        layout(
            120 + 44 * max(1, len(swings)),
            Numbers(head, rows),
            barmode="overlay",
            bargap=0.35,
            showlegend=True,
            legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
            yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True},
            xaxis=_money(answer),
        ),
    )


def _short(value: Decimal, *, sign: bool) -> str:
    """An amount in thousands, for the eye; the table below has it whole."""
    thousands = number(value / 1000, 0)
    return f"+{thousands} k" if sign and value > 0 else f"{thousands} k"

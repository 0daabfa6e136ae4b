"""The annex: every number of the report opened to its formula, its inputs and its source."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from cluster.exports.costs import label_of_line, period_of, repeats, scope_of
from cluster.exports.paper import Opened, OpenedGroup
from cluster.labels import help_of, label_of, name_of
from cluster.shown import answer, money_range, quantity
from cluster.wording import say
from planner.figure import Figure, Input
from planner.report import Money, PlanReport


def groups(report: PlanReport) -> tuple[OpenedGroup, ...]:
    """The figures and cost lines of each cluster, then those of the whole order."""
    clusters = tuple(
        OpenedGroup(
            name=name_of(cluster.name),
            figures=(*map(_figure, cluster.figures), *_moneys(cluster.cost)),
        )
        for cluster in report.clusters
    )
    if not report.cost:
        return clusters
    return (
        *clusters,
        OpenedGroup(name=_("All clusters as one order"), figures=_moneys(report.cost)),
    )


def inputs_of(figure: Figure) -> str:
    """What went into a figure, in one line."""
    return " · ".join(map(_input, figure.inputs))


def _input(given: Input) -> str:
    content = name_of(given.value) if isinstance(given.value, str) else given.value
    return f"{label_of(given.name)} = {quantity(content, given.unit)}"


def _figure(figure: Figure) -> Opened:
    return Opened(
        label=label_of(figure.id),
        help=help_of(figure.id),
        value=answer(figure),
        formula=say(figure.formula),
        inputs=_("Inputs: {inputs}").format(inputs=inputs_of(figure)) if figure.inputs else "",
        assumptions=tuple(map(say, figure.assumptions)),
        source=_source(figure.source),
    )


def _moneys(lines: Sequence[Money]) -> tuple[Opened, ...]:
    return tuple(_money(line) for line in lines if not repeats(line))


def _money(line: Money) -> Opened:
    return Opened(
        label=f"{label_of_line(line)} ({scope_of(line.scope)}, {period_of(line.per).lower()})",
        help="",
        value=money_range(line.low, line.high, line.currency),
        formula=say(line.formula),
        inputs=_("Inputs: {inputs}").format(inputs=quantity(line.quantity, line.unit)),
        assumptions=tuple(map(say, line.assumptions)),
        source=_source(line.source),
    )


def _source(source: str) -> str:
    return _("Source: {source}").format(source=source) if source else ""

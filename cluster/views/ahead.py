"""Until when: what is full first and how far to believe it, planned projects, VMs whose size does not fit."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import get_language, gettext, ngettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST
from msgspec import Struct

from cluster import charts, outlook, projects, services
from cluster.demo import is_demo
from cluster.exports.csv import write
from cluster.exports.sheets import Column, Table
from cluster.forms import HistoryForm, ProjectForm
from cluster.labels import measured_of
from cluster.models import Estate, Project
from cluster.outlook import Line, Outlook
from cluster.reach import covers
from cluster.roles import Action
from cluster.shown import day as day_of
from cluster.views.sight import asked, estate_or_404
from cluster.visible import visible
from cluster.wording import say
from planner.forecast.runway import CONFIDENCE_TO_ALARM, PLANNING_DAYS, runway

SIZES_SHOWN: Final = 50
LINES_SHOWN: Final = 200
DAYS_A_MONTH: Final = 30.4375
STATES: Final = {
    "full": "bad", "soon": "warn", "later": "ok", "not-within-a-year": "ok",
    "weak": "unknown", "unmeasured": "unknown",
}  # fmt: skip


class Row(Struct, frozen=True, kw_only=True):
    """A line of the outlook with its dates, its state and the address of its picture."""

    line: Line
    state: str
    word: str
    full_on: date | None
    earliest_on: date | None
    latest_on: date | None
    days: int | None
    a_month: float | None
    confidence_percent: float | None
    query: str
    is_shown: bool


def ahead(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, estate_or_404(request, pk), None, None)


def _page(
    request: HttpRequest, estate: Estate, project_form: ProjectForm | None, history_form: HistoryForm | None
) -> HttpResponse:
    found = outlook.outlook_of(estate)
    sizes = outlook.sizes_of(estate)
    rows = rows_of(found, asked(request, "name"), asked(request, "resource"))
    bound = [form for form in (project_form, history_form) if form is not None]
    context: dict[str, Any] = {
        "estate": estate,
        "is_demo": is_demo(estate),
        "tab": "ahead",
        "found": found,
        "rows": rows[:LINES_SHOWN],
        "rows_more": len(rows[LINES_SHOWN:]),
        "chosen": next((row for row in rows if row.is_shown), None),
        "headline": headline_of(found),
        "projects": estate.projects.all(),
        "project_form": project_form or ProjectForm(found=found),
        "history_form": history_form or HistoryForm(),
        "sizes": sizes,
        "suggestions": sizes.suggestions[:SIZES_SHOWN] if sizes else (),
        "vcpus_freed": sum(one.vcpus_freed for one in sizes.suggestions) if sizes else 0,
        "memory_freed_mib": sum(one.memory_freed_mib for one in sizes.suggestions) if sizes else 0,
        "may_plan": covers(request.user, Action.PLAN, estate),
    }
    return render(request, "estate/ahead.html", context, status=400 if bound else 200)


@gzip_page
def chart(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture of one thing over time."""
    estate = estate_or_404(request, pk)
    name, resource = asked(request, "name"), asked(request, "resource")
    one = next(
        (each for each in outlook.series(estate) if (each.name, each.resource) == (name, resource)), None
    )
    if one is None:
        raise Http404(gettext("There is no such chart"))
    planned = outlook.projects_of(estate, one)
    today = float(timezone.now().date().toordinal())
    figure = charts.runway_figure(runway(one, today, planned), planned)
    return HttpResponse(figure.to_json(engine="json"), content_type="application/json")


@require_POST
def plan_project(request: HttpRequest, pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    form = ProjectForm(request.POST, found=outlook.outlook_of(estate))
    if not form.is_valid():
        return _page(request, estate, form, None)
    projects.add(request.user, estate, form.fields_of_project())
    return redirect("ahead", pk=estate.pk)


@require_POST
def drop_project(request: HttpRequest, pk: int, project_pk: int) -> HttpResponse:
    estate = estate_or_404(request, pk)
    projects.remove(request.user, get_object_or_404(Project, pk=project_pk, estate=estate))
    return redirect("ahead", pk=estate.pk)


@require_POST
def take_history(request: HttpRequest, pk: int) -> HttpResponse:
    """Take measurements of earlier dates from a CSV file."""
    estate = estate_or_404(request, pk)
    form = HistoryForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["history"]
        try:
            kept = projects.take_history(request.user, estate, file.read(), file.name)
        except services.Refused as refusal:
            form.add_error("history", say(refusal.message))
        else:
            told = ngettext("{dates} date was added.", "{dates} dates were added.", kept)
            messages.success(request, told.format(dates=kept))
            return redirect("ahead", pk=estate.pk)
    return _page(request, estate, None, form)


def sizes_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """Every suggestion with its evidence."""
    estate = estate_or_404(request, pk)
    sizes = outlook.sizes_of(estate)
    columns = (
        "vm", "cluster", "vcpus", "vcpus_wanted",
        "cpu_97th_percentile_mhz", "cpu_samples", "cpu_dates", "cpu_span_days",
        "memory_mib", "memory_wanted_mib", "memory_97th_percentile_mib", "memory_samples", "memory_dates",
    )  # fmt: skip
    rows = [
        (
            one.vm, one.cluster, one.vcpus, one.vcpus_wanted, *_evidence(one.cpu, with_span=True),
            one.memory_mib, one.memory_wanted_mib, *_evidence(one.memory),
        )
        for one in (sizes.suggestions if sizes else ())
    ]  # fmt: skip
    table = Table(name="sizes", columns=tuple(Column(label=name) for name in columns), rows=tuple(rows))
    response = HttpResponse(write(table, get_language() or "en"), content_type="text/csv; charset=utf-8")
    name = slugify(estate.name) or "estate"
    response["Content-Disposition"] = f'attachment; filename="headroom-{name}-sizes.csv"'
    return response


def rows_of(found: Outlook | None, name: str = "", resource: str = "") -> list[Row]:
    """The lines as the page shows them; the one asked for, or else the first with a trend, is drawn."""
    if found is None:
        return []
    today = timezone.now().date().toordinal()
    shown = next((one for one in found.lines if (one.name, one.resource) == (name, resource)), None)
    shown = shown or next(iter(found.lines), None)
    return [
        Row(
            line=one,
            state=STATES[one.verdict],
            word=word_of(one),
            full_on=_date(one.full_on),
            earliest_on=_date(one.earliest_on),
            latest_on=_date(one.latest_on),
            days=None if one.full_on is None else max(0, one.full_on - today),
            a_month=None if one.per_day is None else one.per_day * DAYS_A_MONTH,
            confidence_percent=None if one.confidence is None else 100 * one.confidence,
            query=urlencode({"name": one.name, "resource": one.resource}),
            is_shown=one is shown,
        )
        for one in found.lines
    ]


def word_of(line: Line) -> str:
    """A verdict in two words."""
    match line.verdict:
        case "full":
            return gettext("full")
        case "soon":
            return gettext("full soon") if line.alarm else gettext("perhaps soon")
        case "later":
            return gettext("full later")
        case "not-within-a-year":
            return gettext("lasts a year")
        case "weak":
            return gettext("data too weak")
        case _:
            return gettext("not known")


class Headline(Struct, frozen=True):
    """The answer to "until when?": a state, a sentence, and what stands behind it."""

    state: str
    text: str
    more: str


def headline_of(found: Outlook | None) -> Headline | None:
    """What is full first; an alarm only where the data carry one."""
    if found is None or not found.lines:
        return None
    today = timezone.now().date().toordinal()
    alarms = [one for one in found.lines if one.alarm]
    dated = [one for one in found.lines if one.full_on is not None]
    if alarms:
        first = alarms[0]
        return Headline("bad" if first.verdict == "full" else "warn", _first(first, today), _behind(first))
    if dated:
        return Headline("ok", _first(dated[0], today), _behind(dated[0]))
    if any(one.verdict == "not-within-a-year" for one in found.lines):
        return Headline("ok", gettext("Nothing is full within a year, as far as the trend goes."), "")
    return Headline("unknown", gettext("Until when it suffices cannot be told yet."), say(found.lines[0].why))


def _first(line: Line, today: int) -> str:
    what = {"name": visible(line.name), "resource": measured_of(line.resource)}
    on = _date(line.full_on)
    if line.verdict == "full" or on is None:
        return gettext("{name}, {resource}: full today.").format(**what)
    days = max(0, on.toordinal() - today)
    told = ngettext(
        "{name}, {resource}: full on {date}, in {days} day.",
        "{name}, {resource}: full on {date}, in {days} days.",
        days,
    )
    return told.format(**what, date=day_of(on), days=days)


def _behind(line: Line) -> str:
    if line.confidence is None:
        return ""
    told = gettext("{share} % of the forecasts of its own past came true.").format(
        share=round(100 * line.confidence)
    )
    if line.verdict == "soon" and not line.alarm:
        needed = gettext("Below {least} % nobody is alarmed.").format(least=round(100 * CONFIDENCE_TO_ALARM))
        return f"{told} {needed}"
    if line.verdict == "later":
        window = gettext("That is beyond the planning window of {days} days.").format(days=PLANNING_DAYS)
        return f"{told} {window}"
    return told


def _date(day: int | None) -> date | None:
    return None if day is None else date.fromordinal(day)


def _evidence(found: Any, *, with_span: bool = False) -> tuple[float | int | None, ...]:
    span = (None if found is None else found.span_days,) if with_span else ()
    if found is None:
        return (None, None, None, *span)
    return (found.percentile, found.samples, found.dates, *span)

"""Plans of an estate or a cluster, and studies of one cluster: failures, balance, placement."""

from __future__ import annotations

from typing import Any, Literal

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent

from cluster import selectors, services
from cluster.api.asking import body_of, filled
from cluster.api.door import Key, Limit, Offset, Text, calls
from cluster.api.following import queued
from cluster.api.told import PlanTold, Queued, Rows, StudyTold, of, page_of
from cluster.forms import STUDY_FORMS, BalanceForm, FailuresForm, ParametersForm, PlacementForm
from cluster.models import Plan, Study
from cluster.reach import visible_to
from cluster.views.sight import cluster_or_404, estate_or_404, part_or_404
from planner.report import PlanReport

call = calls(_("plans"))
studies_call = calls(_("studies"))
Kind = Literal["failures", "balance", "placement"]
PlanAsked = body_of(ParametersForm, "PlanAsked", cluster=(Text | None, None))
LOST = {"leave": frozenset({"by"}), "by": (Text, "host")}  # the tags of the hosts are offered too
FailuresAsked = body_of(FailuresForm, "FailuresAsked", cluster=(Text, ...), **LOST)
BalanceAsked = body_of(BalanceForm, "BalanceAsked", cluster=(Text, ...))
PlacementAsked = body_of(PlacementForm, "PlacementAsked", cluster=(Text, ...), **LOST)


@call(
    "GET",
    "estates/{int:pk}/plan",
    "api-plan",
    _("The newest plan of the whole estate, as `python -m planner plan --json` prints it."),
    answers=PlanReport,
)
def newest(request: HttpRequest, pk: Key) -> Any:
    found = selectors.latest_plan(estate_or_404(request, pk))
    if found is None:
        raise Http404("no plan yet")
    return found.report


@call("GET", "estates/{int:pk}/plans", "api-plans", _("The plans of an estate."), answers=Rows[PlanTold])
def plans(request: HttpRequest, pk: Key, limit: Limit = 100, offset: Offset = 0) -> Rows[PlanTold]:
    rows = visible_to(request.user, Plan).filter(estate=part_or_404(request, pk)).defer("report")
    rows = rows.select_related("estate", "run")

    def told(row: Plan) -> PlanTold:
        return of(PlanTold, row, cluster=row.parameters.get("cluster"))

    return page_of(PlanTold, rows, limit, offset, told)


@call(
    "POST",
    "estates/{int:pk}/plans",
    "api-plans",
    _("Make a plan of an estate, or of one cluster of it."),
    answers=Queued,
    status=201,
)
def make(request: HttpRequest, pk: Key, body: Sent[PlanAsked]) -> Queued:  # type: ignore[valid-type]
    found = part_or_404(request, pk)
    form = filled(ParametersForm, body)
    return queued(services.start_plan(request.user, found, form.parameters(body.cluster or None)))


@call("GET", "estates/{int:pk}/plans/{int:plan_pk}", "api-plan-report", _("One plan."), answers=PlanReport)
def plan(request: HttpRequest, pk: Key, plan_pk: Key) -> Any:
    rows = visible_to(request.user, Plan).filter(estate=part_or_404(request, pk))
    return get_object_or_404(rows, pk=plan_pk).report


@studies_call(
    "GET",
    "estates/{int:pk}/studies",
    "api-studies",
    _("What was asked about clusters, without the answers."),
    answers=Rows[StudyTold],
)
def studies(
    request: HttpRequest,
    pk: Key,
    kind: Kind | None = None,
    cluster: Text = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Rows[StudyTold]:
    rows = visible_to(request.user, Study).filter(estate=part_or_404(request, pk))
    rows = rows.filter(kind=kind) if kind else rows
    rows = rows.filter(cluster_name=cluster) if cluster else rows
    rows = rows.defer("answer").select_related("estate", "run")
    return page_of(StudyTold, rows, limit, offset, lambda row: of(StudyTold, row, answer=None))


@studies_call(
    "GET",
    "estates/{int:pk}/studies/{int:study_pk}",
    "api-study",
    _("One study with its answer; each loss of a failures study with who starts where."),
    answers=StudyTold,
)
def study(request: HttpRequest, pk: Key, study_pk: Key) -> StudyTold:
    rows = visible_to(request.user, Study).filter(estate=part_or_404(request, pk))
    found = get_object_or_404(rows.select_related("estate", "run"), pk=study_pk)
    parts = [part.answer for part in found.parts.all()]
    whole = {**found.answer, "singles": parts} if parts else found.answer
    return of(StudyTold, found, answer=whole)


@studies_call(
    "POST",
    "estates/{int:pk}/studies/failures",
    "api-failures",
    _("Lose every host, or every group of hosts, of a cluster: who starts where, and who does not."),
    answers=Queued,
    status=201,
)
def ask_failures(request: HttpRequest, pk: Key, body: Sent[FailuresAsked]) -> Queued:  # type: ignore[valid-type]
    return _ask(request, pk, "failures", body)


@studies_call(
    "POST",
    "estates/{int:pk}/studies/balance",
    "api-balance",
    _("Weigh the moves that balance a cluster."),
    answers=Queued,
    status=201,
)
def ask_balance(request: HttpRequest, pk: Key, body: Sent[BalanceAsked]) -> Queued:  # type: ignore[valid-type]
    return _ask(request, pk, "balance", body)


@studies_call(
    "POST",
    "estates/{int:pk}/studies/placement",
    "api-placement",
    _("Place the VMs of a cluster anew: how few hosts carry them, and which never will."),
    answers=Queued,
    status=201,
)
def ask_placement(request: HttpRequest, pk: Key, body: Sent[PlacementAsked]) -> Queued:  # type: ignore[valid-type]
    return _ask(request, pk, "placement", body)


def _ask(request: HttpRequest, pk: int, kind: Kind, body: Any) -> Queued:
    found = part_or_404(request, pk)
    name = cluster_or_404(request, found, body.cluster)
    form = filled(STUDY_FORMS[kind], body, tags=selectors.host_tags(found))
    return queued(services.start_study(request.user, found, form.question(name)))

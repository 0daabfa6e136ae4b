"""The plan as a file."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext

from cluster import audit, reporting
from cluster.audit import Deed
from cluster.exports import EXPORTS
from cluster.views.sight import estate_or_404, plan_of


def report(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """The plan that the page shows, in its reader's language; the date is the plan's, not today's."""
    if ending not in EXPORTS:
        raise Http404(gettext("There is no report of this kind"))
    estate = estate_or_404(request, pk)
    plan = plan_of(request, estate)
    if plan is None:
        raise Http404(gettext("This estate has no plan yet"))
    file = reporting.file_of(plan, ending, get_language() or "en")
    audit.note(
        Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after={"kind": ending, "plan": plan.pk}
    )
    response = HttpResponse(file.content, content_type=file.content_type)
    response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    return response

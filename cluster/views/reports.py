"""The plan as a file."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext

from cluster import audit, selectors
from cluster.audit import Deed
from cluster.exports import EXPORTS
from cluster.views.redundancy_printed import redundant_of
from cluster.views.sight import estate_or_404, plan_of


def report(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """The plan that the page shows, in its reader's language; the date is the plan's, not today's."""
    export = EXPORTS.get(ending)
    if export is None:
        raise Http404(gettext("There is no report of this kind"))
    estate = estate_or_404(request, pk)
    plan = plan_of(request, estate)
    if plan is None:
        raise Http404(gettext("This estate has no plan yet"))
    printed = {"redundancy": redundant_of(estate)} if ending == "pdf" else {}
    content = export.render(
        selectors.report_of(plan),
        title=estate.name,
        language=get_language() or "en",
        made_at=plan.created_at,
        **printed,
    )
    audit.note(
        Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after={"kind": ending, "plan": plan.pk}
    )
    response = HttpResponse(content, content_type=export.content_type)
    name = export.file_name(estate.name, plan.created_at)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response

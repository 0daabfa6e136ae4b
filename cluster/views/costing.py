"""What an estate costs: asked for as a run, shown as designs side by side, every line with its proof."""

from __future__ import annotations

import csv
import io
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST

from cluster import audit, pricing, selectors, services
from cluster.audit import Deed
from cluster.bills import compared, designs_of, headline_of, missing_of, unpriced_of
from cluster.charts import costs as drawn
from cluster.cost_forms import CostForm
from cluster.exports import bill
from cluster.exports.csv import harmless
from cluster.models import CostStudy, Estate, Run
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.sight import asked, estate_or_404, wants_fragment
from planner.cost.answer import Answer, Asked, Shown
from planner.cost.document import lines_document
from planner.sentence import Sentence


def costs(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; without an answer yet it shows the question."""
    estate = estate_or_404(request, pk)
    run = _run(request, estate)
    ready = CostStudy.objects.filter(run=run).first() if run else None
    if ready is not None:  # the worker was quicker than this page
        return redirect(_study_url(estate, ready))
    study = _study(request, estate)
    answer = pricing.answer_of(study) if study else None
    clusters = [cluster.name for cluster in selectors.clusters_of(estate)]
    shown = answer.asked if answer else Asked()
    request_of = pricing.Request(asked=shown, book=study.book_id if study else None)
    designs = designs_of(answer) if answer else []
    context = {
        "estate": estate,
        "tab": "costs",
        "study": study,
        "run": run,
        "answer": answer,
        "designs": designs,
        "compared": compared(designs),
        "headline": headline_of(answer) if answer else None,
        "missing": missing_of(answer) if answer else [],
        "unpriced": unpriced_of(answer) if answer else [],
        "form": CostForm.of(request_of, clusters),
        "may_plan": covers(request.user, Action.PLAN, estate),
        "outdated": study is not None and study.estate_revision != estate.revision,
    }
    return render(request, "estate/costs.html", context)


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the question, and come back to a page that waits for its answer."""
    estate = estate_or_404(request, pk)
    clusters = [cluster.name for cluster in selectors.clusters_of(estate)]
    form = CostForm(request.POST, clusters=clusters)
    if not form.is_valid():
        context = {"estate": estate, "tab": "costs", "form": form, "may_plan": True}
        return render(request, "estate/costs.html", context, status=400)
    run = services.start_pricing(request.user, estate, msgspec.to_builtins(form.request()))
    return redirect(f"{reverse('costs', args=[estate.pk])}?{urlencode({'run': run.pk})}")


def waiting(request: HttpRequest, pk: int, run_pk: str) -> HttpResponse:
    """What the page that waits shows now; when there is an answer it goes there."""
    estate = estate_or_404(request, pk)
    run = get_object_or_404(estate.runs, pk=run_pk)
    study = CostStudy.objects.filter(run=run).first()
    if study is not None:
        url = _study_url(estate, study)
        if not wants_fragment(request):
            return redirect(url)
        response = HttpResponse(status=204)
        response["HX-Redirect"] = url
        return response
    error = msgspec.convert(run.error, Sentence) if run.error else None
    return render(request, "parts/pricing.html", {"estate": estate, "run": run, "error": error})


def chart(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """One figure of an answer."""
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    match kind:
        case "bridge":
            figure = drawn.bridge(answer, _design(request, answer))
        case "years":
            figure = drawn.by_year(answer, _design(request, answer))
        case "months":
            figure = drawn.break_even(answer)
        case "tornado":
            figure = drawn.tornado(answer, _design(request, answer))
        case _:
            raise Http404(gettext("There is no such chart"))
    return HttpResponse(figure.to_json(engine="json"), content_type="application/json")


def lines(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """All lines of all designs, for a spreadsheet or a script."""
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    rows = [row for shown in answer.designs for row in lines_document(shown.bill)]
    if ending == "json":
        return HttpResponse(msgspec.json.encode(rows), content_type="application/json")
    if ending != "csv":
        raise Http404(gettext("There is no such export"))
    keys = (
        "design", "what", "label", "area", "kind", "quantity", "unit", "unit_price", "unit_price_high",
        "paid_in", "amount", "amount_high", "currency", "formula", "source", "date", "confidence",
    )  # fmt: skip
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(keys)
    writer.writerows([_cell(row[key]) for key in keys] for row in rows)
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after={"kind": "cost lines"})
    response = HttpResponse(out.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="headroom-cost.csv"'
    return response


def report(request: HttpRequest, pk: int) -> HttpResponse:
    """The answer as a printed report, in its reader's language."""
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    title = gettext("Cost of {estate}").format(estate=estate.name)
    content = bill.render(answer, title=title, language=get_language() or "en", made_at=timezone.now())
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after={"kind": "cost report"})
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="headroom-cost.pdf"'
    return response


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return text if _is_number(text) else harmless(text)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()


def _study_url(estate: Estate, study: CostStudy) -> str:
    return f"{reverse('costs', args=[estate.pk])}?{urlencode({'study': study.pk})}"


def _study(request: HttpRequest, estate: Estate) -> CostStudy | None:
    wanted = asked(request, "study")
    if not wanted:
        return pricing.latest_study(estate)
    if not wanted.isdecimal() or len(wanted) > 18:
        raise Http404(gettext("There is no such answer"))
    return get_object_or_404(estate.cost_studies.select_related("book"), pk=int(wanted))


def _run(request: HttpRequest, estate: Estate) -> Run | None:
    """The run that the page waits for."""
    try:
        wanted = UUID(asked(request, "run"))
    except ValueError:
        return None
    return estate.runs.filter(pk=wanted, kind=Run.Kind.COST).first()


def _answer_or_404(request: HttpRequest, estate: Estate) -> Answer:
    study = _study(request, estate)
    if study is None:
        raise Http404(gettext("There is no such answer"))
    return pricing.answer_of(study)


def _design(request: HttpRequest, answer: Answer) -> Shown:
    wanted = asked(request, "design")
    found = next((shown for shown in answer.designs if shown.bill.design.key == wanted), None)
    if found is None:
        raise Http404(gettext("There is no such design"))
    return found

"""What an estate costs: asked for as a run, shown as designs side by side, every line with its proof."""

from __future__ import annotations

import csv
import io
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST

from cluster import audit, pricing, selectors, services
from cluster.audit import Deed
from cluster.bill_rows import compared
from cluster.bills import designs_of, missing_of, unpriced_of
from cluster.charts import costs as drawn
from cluster.compared import levels_of, options_of
from cluster.cost_forms import CostForm, HostsForm
from cluster.cost_verdict import headline_of
from cluster.exports import bill, bill_xlsx
from cluster.exports.csv import harmless
from cluster.models import CostStudy, Estate, Run
from cluster.reach import covers
from cluster.roles import Action
from cluster.views.sight import asked, estate_or_404, wants_fragment
from planner.cost.answer import Answer, Asked, Shown
from planner.cost.document import lines_document
from planner.hardware.advice import Advice
from planner.sentence import Sentence


def costs(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; without an answer yet it shows the question."""
    estate = estate_or_404(request, pk)
    run = waited_for(request, estate)
    if (moved := answered_meanwhile(estate, run)) is not None:
        return moved
    study = study_of(request, estate, CostStudy.Kind.COST)
    answer = pricing.answer_of(study) if study else None
    shown = answer.asked if answer else Asked()
    request_of = pricing.Request(asked=shown, book=study.book_id if study else None)
    context = {
        **frame_of(request, estate, study, answer, "cost", run),
        "form": CostForm.of(request_of, cluster_names(estate)),
        "levels": levels_of(answer) if answer else None,
    }
    return render(request, "estate/costs.html", context)


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the question, and come back to a page that waits for its answer."""
    estate = estate_or_404(request, pk)
    form = CostForm(request.POST, clusters=cluster_names(estate))
    if not form.is_valid():
        context = {**frame_of(request, estate, None, None, "cost"), "form": form}
        return render(request, "estate/costs.html", context, status=400)
    return queued(request, estate, form.request(), "costs")


def hosts(request: HttpRequest, pk: int) -> HttpResponse:
    """Which hosts to buy: the front, the cheapest explained, the best of each platform line by line."""
    estate = estate_or_404(request, pk)
    run = waited_for(request, estate)
    if (moved := answered_meanwhile(estate, run)) is not None:
        return moved
    study = study_of(request, estate, CostStudy.Kind.HOSTS)
    advice = pricing.advice_of(study) if study else None
    context = {
        **frame_of(request, estate, study, advice.answer if advice else None, "hosts", run),
        "form": HostsForm.of(pricing.question_of(study), cluster_names(estate)),
        "advice": advice,
    }
    if advice:
        currency = advice.answer.asked.assumptions.currency
        context |= {
            "front": options_of(advice.found.front, currency),
            "grid": options_of(advice.found.grid, currency),
        }
    return render(request, "estate/hosts_to_buy.html", context)


@require_POST
def ask_hosts(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the search for hosts."""
    estate = estate_or_404(request, pk)
    before = pricing.question_of(study_of(request, estate, CostStudy.Kind.HOSTS))
    form = HostsForm(request.POST, request.FILES, clusters=cluster_names(estate), before=before)
    if not form.is_valid():
        context = {**frame_of(request, estate, None, None, "hosts"), "form": form}
        return render(request, "estate/hosts_to_buy.html", context, status=400)
    return queued(request, estate, form.request(), "costs_hosts")


def queued(request: HttpRequest, estate: Estate, question: pricing.Request, page: str) -> HttpResponse:
    """Queue a question and lead to the page that waits for its answer."""
    run = services.start_pricing(request.user, estate, msgspec.to_builtins(question, str_keys=True))
    return redirect(f"{reverse(page, args=[estate.pk])}?{urlencode({'run': run.pk})}")


def cluster_names(estate: Estate) -> list[str]:
    """The clusters to choose from."""
    return [cluster.name for cluster in selectors.clusters_of(estate)]


def waited_for(request: HttpRequest, estate: Estate) -> Run | None:
    """The run that the page waits for.

    Looked up once, and before its answer: a run that ends between two looks would be one that ended
    without an answer.
    """
    try:
        wanted = UUID(asked(request, "run"))
    except ValueError:
        return None
    return estate.runs.filter(pk=wanted, kind=Run.Kind.COST).first()


def answered_meanwhile(estate: Estate, run: Run | None) -> HttpResponse | None:
    """Lead to the answer where the worker was quicker than the page that waits for it."""
    ready = CostStudy.objects.filter(run=run).first() if run else None
    return redirect(_study_url(estate, ready)) if ready is not None else None


def frame_of(
    request: HttpRequest,
    estate: Estate,
    study: CostStudy | None,
    answer: Answer | None,
    part: str,
    run: Run | None = None,
) -> dict[str, object]:
    """What every page about cost shows of its answer."""
    designs = designs_of(answer) if answer else []
    return {
        "estate": estate,
        "tab": "variants" if part == "variants" else "costs",
        "part": part,
        "study": study,
        "run": run,
        "error": msgspec.convert(run.error, Sentence) if run and run.error else None,
        "answer": answer,
        "designs": designs,
        "workable": answer is not None and bill_xlsx.workable(answer),
        "compared": compared(designs),
        "headline": headline_of(answer) if answer else None,
        "missing": missing_of(answer) if answer else [],
        "unpriced": unpriced_of(answer) if answer and part == "cost" else [],
        "may_plan": covers(request.user, Action.PLAN, estate),
        "outdated": study is not None and study.estate_revision != estate.revision,
    }


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


@gzip_page
def chart(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """One figure of an answer."""
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    match kind:
        case "front":
            figure = drawn.front(_advice_or_404(request, estate))
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
    """All lines of all designs, for a spreadsheet or a script; as a workbook they can be worked out again."""
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    if ending == "xlsx":
        return _workbook(request, estate, answer)
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


def _workbook(request: HttpRequest, estate: Estate, answer: Answer) -> HttpResponse:
    if not bill_xlsx.workable(answer):
        raise Http404(gettext("There is no such export"))
    content = bill_xlsx.render(
        answer,
        title=gettext("Cost of {estate}").format(estate=estate.name),
        language=get_language() or "en",
        made_at=timezone.now(),
    )
    note = {"kind": "cost workbook"}
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after=note)
    response = HttpResponse(content, content_type=WORKBOOK)
    response["Content-Disposition"] = 'attachment; filename="headroom-cost.xlsx"'
    return response


def report(request: HttpRequest, pk: int, ending: str) -> HttpResponse:
    """The answer as a report, printed or as a page, in its reader's language."""
    if ending not in REPORTS:
        raise Http404(gettext("There is no report of this kind"))
    estate = estate_or_404(request, pk)
    answer = _answer_or_404(request, estate)
    study = study_of(request, estate)
    kind = study.kind if study else CostStudy.Kind.COST
    advice = pricing.advice_of(study) if study and kind == CostStudy.Kind.HOSTS else None
    comparison = pricing.comparison_of(study) if study and kind == CostStudy.Kind.VARIANTS else None
    titles = {
        CostStudy.Kind.COST: gettext("Cost of {estate}"),
        CostStudy.Kind.HOSTS: gettext("Hosts for {estate}"),
        CostStudy.Kind.VARIANTS: gettext("Variants of {estate}"),
    }
    content = bill.render(
        answer,
        title=titles[CostStudy.Kind(kind)].format(estate=estate.name),
        language=get_language() or "en",
        made_at=timezone.now(),
        found=advice.found if advice else None,
        comparison=comparison,
        book=_book_of(study),
        ending="html" if ending == "html" else "pdf",
    )
    note = {"kind": f"{kind} report"}
    audit.note(Deed.REPORT_TAKEN, request.user.get_username(), estate.name, after=note)
    response = HttpResponse(content, content_type=REPORTS[ending])
    response["Content-Disposition"] = f'attachment; filename="headroom-cost.{ending}"'
    return response


def _book_of(study: CostStudy | None) -> str:
    """Which quotes stand over the published prices."""
    if study is None or study.book is None:
        return ""
    said = gettext("Prices: those of the book {book}, version {version}, over the published ones.")
    return said.format(book=study.book.name, version=study.book_version)


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return text if _is_number(text) else harmless(text)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()


WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
REPORTS: Final = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}
PAGES: Final = {
    CostStudy.Kind.COST: "costs",
    CostStudy.Kind.HOSTS: "costs_hosts",
    CostStudy.Kind.VARIANTS: "variants",
}


def _study_url(estate: Estate, study: CostStudy) -> str:
    page = PAGES[CostStudy.Kind(study.kind)]
    return f"{reverse(page, args=[estate.pk])}?{urlencode({'study': study.pk})}"


def study_of(request: HttpRequest, estate: Estate, kind: str | None = None) -> CostStudy | None:
    """The answer that `?study=` names, else the newest of its kind."""
    wanted = asked(request, "study")
    if not wanted:
        return pricing.latest_study(estate, kind or CostStudy.Kind.COST)
    if not wanted.isdecimal() or len(wanted) > 18:
        raise Http404(gettext("There is no such answer"))
    rows = estate.cost_studies.select_related("book")
    return get_object_or_404(rows.filter(kind=kind) if kind else rows, pk=int(wanted))


def _answer_or_404(request: HttpRequest, estate: Estate) -> Answer:
    study = study_of(request, estate)
    if study is None:
        raise Http404(gettext("There is no such answer"))
    return pricing.answer_of(study)


def _advice_or_404(request: HttpRequest, estate: Estate) -> Advice:
    study = study_of(request, estate, CostStudy.Kind.HOSTS)
    if study is None:
        raise Http404(gettext("There is no such answer"))
    return pricing.advice_of(study)


def _design(request: HttpRequest, answer: Answer) -> Shown:
    wanted = asked(request, "design")
    found = next((shown for shown in answer.designs if shown.bill.design.key == wanted), None)
    if found is None:
        raise Http404(gettext("There is no such design"))
    return found

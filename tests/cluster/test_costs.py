"""Price books and cost answers at the server: who may, what is kept, what is shown, what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal

import msgspec
import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pypdf import PdfReader

from cluster import pricing, tasks
from cluster.models import CostStudy, Estate, PriceBook, Run
from cluster.roles import Role
from planner.cost.answer import Asked
from planner.cost.book import BookError
from planner.cost.book_csv import read_book, write_book
from planner.cost.money import Span
from tests.cluster.people import person
from tests.planner.cost.books import quotes, row

pytestmark = pytest.mark.django_db


def signed_in(role: Role | None = Role.BUYER) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


def question(**changed: object) -> dict[str, object]:
    usual: dict[str, object] = {
        "platforms": ["vmware", "proxmox"], "cluster": "", "book": "", "years": 3, "growth_percent": "0",
        "failures": 1, "vcpu_per_core": 4, "protection": "ha", "currency": "EUR", "host_sockets": 2,
        "host_cores": "", "host_memory_gib": "", "host_model": "",
    }  # fmt: skip
    return {**usual, **changed}


def answered(client: Client, estate: Estate, **changed: object) -> CostStudy:
    """Ask on the page and let a worker's task answer."""
    sent = client.post(f"/estates/{estate.pk}/cost/ask/", question(**changed))
    assert sent.status_code == 302, sent.content
    run = Run.objects.get(kind=Run.Kind.COST, state=Run.State.QUEUED)
    assert str(run.pk) in sent["Location"]
    tasks.price_estate(str(run.pk))
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    return CostStudy.objects.get(run=run)


def test_a_question_is_answered_and_shown_with_every_line(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    study = answered(client, estate, book=book.pk)
    assert (study.book, study.book_version) == (book, book.version)
    answer = pricing.answer_of(study)
    assert answer.missing == ()
    assert [shown.bill.design.key for shown in answer.designs] == ["today", "vmware", "proxmox"]
    page = client.get(f"/estates/{estate.pk}/cost/").content.decode()
    assert "Proxmox VE" in page
    assert "max(72, sum over CPUs of max(16, cores))" in page
    assert "redresscompliance.com" in page
    assert "Empty cards" not in page


def test_without_a_book_the_page_names_the_empty_cards(estate: Estate) -> None:
    client = signed_in()
    study = answered(client, estate)
    assert "administrator_year" in pricing.answer_of(study).missing
    page = client.get(f"/estates/{estate.pk}/cost/").content.decode()
    assert "Empty cards" in page
    assert "administrator_year" in page
    assert "enter your quote" in page


def test_lines_that_are_taken_along_add_up_to_the_answer(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    answer = pricing.answer_of(answered(client, estate, book=book.pk))
    text = client.get(f"/estates/{estate.pk}/cost/lines.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    for shown in answer.designs:
        own = [Decimal(line["amount"]) for line in rows if line["design"] == shown.bill.design.key]
        assert sum(own) == shown.bill.total.amount.low
    same = json.loads(client.get(f"/estates/{estate.pk}/cost/lines.json").content)
    assert len(same) == len(rows)
    assert client.get(f"/estates/{estate.pk}/cost/lines.exe").status_code == 404


def test_the_workbook_is_taken_with_the_totals_of_the_page(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    study = answered(client, estate, book=book.pk)
    taken = client.get(f"/estates/{estate.pk}/cost/lines.xlsx?study={study.pk}")
    sheet = openpyxl.load_workbook(io.BytesIO(taken.content), data_only=True).worksheets[0]
    for place, shown in enumerate(pricing.answer_of(study).designs, start=2):
        assert round(Decimal(str(sheet.cell(5, place).value)), 2) == shown.bill.total.amount.low
    assert f"cost/lines.xlsx?study={study.pk}" in client.get(f"/estates/{estate.pk}/cost/").content.decode()
    kept = study.answer
    for shown in kept["designs"]:  # as an answer of an earlier version was kept
        for line in shown["bill"]["lines"]:
            del line["workings"]
    CostStudy.objects.filter(pk=study.pk).update(answer=kept)
    older = client.get(f"/estates/{estate.pk}/cost/?study={study.pk}")
    assert older.status_code == 200
    assert "lines.xlsx" not in older.content.decode()
    assert client.get(f"/estates/{estate.pk}/cost/lines.xlsx?study={study.pk}").status_code == 404


def test_every_picture_has_its_numbers(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    answered(client, estate, book=book.pk)
    for kind, design in (("months", ""), ("bridge", "proxmox"), ("years", "today"), ("tornado", "vmware")):
        figure = client.get(f"/estates/{estate.pk}/cost/charts/{kind}.json?design={design}").json()
        assert figure["layout"]["meta"]["head"]
    bridge = client.get(f"/estates/{estate.pk}/cost/charts/bridge.json?design=proxmox").json()["data"][0]
    assert sum(bridge["x"][:-1]) == pytest.approx(bridge["x"][-1])
    assert client.get(f"/estates/{estate.pk}/cost/charts/years.json?design=none").status_code == 404
    assert client.get(f"/estates/{estate.pk}/cost/charts/pie.json").status_code == 404


def test_growth_and_discount_rate_are_asked_as_ranges_and_shown(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    ranges = {
        "growth_percent": "10", "growth_high_percent": "50",
        "discount_rate_percent": "3", "discount_rate_high_percent": "7.5",
    }  # fmt: skip
    study = answered(client, estate, book=book.pk, **ranges)
    assert pricing.answer_of(study).asked.assumptions.growth == Span(Decimal(10), Decimal(50))
    page = client.get(f"/estates/{estate.pk}/cost/").content.decode()
    assert "Growth of 10 to 50 % a year" in page
    assert re.search(r'name="growth_high_percent" value="50"', page)
    assert re.search(r'name="discount_rate_high_percent" value="7.5"', page)
    assert "Pays in nine of ten draws" in page
    figure = client.get(f"/estates/{estate.pk}/cost/charts/tornado.json?design=vmware").json()
    names = [cells[0] for cells in figure["layout"]["meta"]["rows"]]
    assert {"Growth a year, %", "Discount rate of later years"} <= set(names)
    report = client.get(f"/estates/{estate.pk}/cost/report.pdf").content
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(report)).pages)
    assert "Discount rate of later years: 3" in text
    page = client.get(f"/estates/{estate.pk}/cost/report.html")
    assert page["Content-Disposition"] == 'attachment; filename="headroom-cost.html"'
    assert "Discount rate of later years: 3" in page.content.decode()
    assert client.get(f"/estates/{estate.pk}/cost/report.doc").status_code == 404


def test_a_page_that_waits_for_an_answer_goes_to_it_even_if_the_worker_was_quicker(estate: Estate) -> None:
    client = signed_in()
    study = answered(client, estate)
    for address in (f"cost/?run={study.run_id}", f"cost/run/{study.run_id}/"):
        response = client.get(f"/estates/{estate.pk}/{address}")
        assert response["Location"] == f"/estates/{estate.pk}/cost/?study={study.pk}"


def test_a_task_that_runs_twice_answers_once(estate: Estate) -> None:
    study = answered(signed_in(), estate)
    tasks.price_estate(str(study.run_id))
    assert CostStudy.objects.count() == 1


def test_what_cannot_be_priced_ends_the_run_with_a_reason(estate: Estate) -> None:
    asked = msgspec.to_builtins(pricing.Request(asked=Asked(cluster="nowhere")))
    run = Run.objects.create(kind=Run.Kind.COST, estate=estate, estate_name=estate.name, parameters=asked)
    tasks.price_estate(str(run.pk))
    run.refresh_from_db()
    assert run.state == Run.State.FAILED
    assert "no cluster" in run.error["template"]
    page = signed_in().get(f"/estates/{estate.pk}/cost/run/{run.pk}/")
    assert "Nothing was priced" in page.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"platforms": []},
        {"platforms": ["os2"]},
        {"years": 8},
        {"years": "many"},
        {"growth_percent": "-100"},
        {"growth_percent": "20", "growth_high_percent": "10"},
        {"discount_rate_high_percent": "5"},
        {"discount_rate_percent": "101"},
        {"currency": "E1R"},
        {"host_cores": 32},
        {"host_cores": 1, "host_memory_gib": 64, "host_sockets": 2},
        {"cluster": "nowhere"},
        {"book": 4711},
        {"protection": "prayer"},
    ],
    ids=str,
)
def test_a_senseless_question_is_refused_on_the_page_and_queues_nothing(
    estate: Estate, wrong: dict[str, object]
) -> None:
    response = signed_in().post(f"/estates/{estate.pk}/cost/ask/", question(**wrong))
    assert response.status_code == 400
    assert "field-error" in response.content.decode()
    assert not Run.objects.filter(kind=Run.Kind.COST).exists()


def test_who_may_only_read_sees_prices_and_changes_none(estate: Estate, book: PriceBook) -> None:
    reader = signed_in(Role.AUDITOR)
    for address in ("/prices/", f"/prices/{book.pk}/", f"/estates/{estate.pk}/cost/"):
        assert reader.get(address).status_code == 200
    assert reader.post("/prices/", {"name": "mine"}).status_code == 403
    assert reader.post(f"/prices/{book.pk}/", {"card-server-low": "1"}).status_code == 403
    assert reader.post(f"/estates/{estate.pk}/cost/ask/", question()).status_code == 403
    assert Client().get("/prices/").status_code == 302


def test_an_odd_address_is_not_found(estate: Estate) -> None:
    client = signed_in()
    for query in ("study=x", "study=99999999999999999999", "study=4711"):
        assert client.get(f"/estates/{estate.pk}/cost/?{query}").status_code == 404
    assert client.get(f"/estates/{estate.pk}/cost/?run=nonsense").status_code == 200
    assert client.get(f"/estates/{estate.pk}/cost/charts/years.json").status_code == 404


def test_a_book_is_made_of_a_csv_and_given_back_the_same() -> None:
    client = signed_in()
    file = SimpleUploadedFile("quotes.csv", write_book(quotes()))
    made = client.post("/prices/", {"name": "  From   a file ", "file": file})
    book = PriceBook.objects.get(name="From a file")
    assert made["Location"] == f"/prices/{book.pk}/"
    back = client.get(f"/prices/{book.pk}/book.csv").content
    assert read_book(back, "x").rows == quotes().rows
    assert book.changed_by == person(Role.BUYER)
    assert client.post("/prices/", {"name": "From a file"}).status_code == 400
    public = read_book(client.get("/prices/public.csv").content, "public")
    assert len(public.rows) > 30


def test_a_bad_csv_makes_no_book_and_names_the_row() -> None:
    file = SimpleUploadedFile("bad.csv", b"key,low,currency,source\nserver,1,EUR,q\nserver,-1,EUR,q\n")
    response = signed_in().post("/prices/", {"name": "Bad", "file": file})
    assert response.status_code == 400
    assert "bad.csv, row 3" in response.content.decode()
    assert not PriceBook.objects.exists()


def test_cards_are_edited_on_the_page(book: PriceBook) -> None:
    client = signed_in()
    sent = {"card-server-low": "15 000,50", "card-server-currency": "EUR", "card-server-source": "quote 12"}
    free = {
        "rows": "3", "row-0-key": "host:R660", "row-0-low": "17000", "row-0-currency": "EUR",
        "row-0-source": "q", "row-1-key": "server", "row-1-low": "16000", "row-1-currency": "EUR",
        "row-1-source": "quote 13", "row-1-valid_from": "2030-01-01", "row-1-confidence": "low",
    }  # fmt: skip
    assert client.post(f"/prices/{book.pk}/", {**sent, **free}).status_code == 302
    book.refresh_from_db()
    server, model, later = pricing.as_book(book).rows  # what was emptied is gone
    assert (server.key, model.key, later.key) == ("server", "host:R660", "server")
    assert server.low == Decimal("15000.50")
    assert (later.valid_from, later.confidence) == ("2030-01-01", "low")
    assert book.version == 3
    page = client.get(f"/prices/{book.pk}/").content.decode()
    assert "host:R660" in page
    assert "15000.50" in page


def test_a_bad_card_changes_nothing_and_says_why(book: PriceBook) -> None:
    before = pricing.as_book(book).rows
    bad = {"card-server-low": "cheap", "card-server-currency": "EUR", "card-server-source": "q"}
    response = signed_in().post(f"/prices/{book.pk}/", bad)
    assert response.status_code == 400
    assert "server: cheap is not a number" in response.content.decode()
    book.refresh_from_db()
    assert pricing.as_book(book).rows == before


def test_rows_with_days_survive_the_form(book: PriceBook) -> None:
    dated = row("server", "12000", valid_from="2030-01-01")
    pricing.save_book(person(Role.BUYER), book, [*quotes().rows, dated])
    sent = {"card-server-low": "14000", "card-server-currency": "EUR", "card-server-source": "q"}
    signed_in().post(f"/prices/{book.pk}/", sent)
    book.refresh_from_db()
    assert dated in pricing.as_book(book).rows


def test_a_second_source_of_a_card_survives_the_form_as_it_came(book: PriceBook) -> None:
    low = row("server", "12000", confidence="low", note="hearsay")
    pricing.save_book(person(Role.BUYER), book, [row("server", "14000", confidence="list"), low])
    client = signed_in()
    page = client.get(f"/prices/{book.pk}/").content.decode()
    assert "1 further row" in page
    sent = {"card-server-low": "14500", "card-server-currency": "EUR", "card-server-source": "q"}
    client.post(f"/prices/{book.pk}/", sent)
    book.refresh_from_db()
    first, second = pricing.as_book(book).rows
    assert (first.low, first.confidence) == (Decimal(14500), "list")
    assert second == low


def test_books_stand_side_by_side_with_the_public_prices(book: PriceBook) -> None:
    other = PriceBook.objects.create(name="Other <b>house</b>")
    pricing.save_book(person(Role.BUYER), other, [row("server", "11111", "22222")])
    page = signed_in().get("/prices/").content.decode()
    assert "11,111" in page
    assert "14,000" in page
    assert "Other &lt;b&gt;house" in page
    assert "<b>house" not in page


def test_a_name_that_somebody_else_took_a_moment_before_is_refused(book: PriceBook) -> None:
    with pytest.raises(BookError, match="There is a book of this name"):
        pricing.begin_book(person(Role.BUYER), book.name, [])
    assert PriceBook.objects.get().version == book.version


def test_a_book_that_contradicts_itself_is_not_kept(book: PriceBook) -> None:
    with pytest.raises(BookError, match="two currencies"):
        pricing.save_book(person(Role.BUYER), book, [row("server", "1"), row("server", "1", currency="USD")])
    book.refresh_from_db()
    assert len(pricing.as_book(book).rows) == len(quotes().rows)


def test_the_page_speaks_french(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    answered(client, estate, book=book.pk)
    client.cookies["django_language"] = "fr"
    page = client.get(f"/estates/{estate.pk}/cost/").content.decode()
    assert "Côte à côte" in page
    assert "Électricité, refroidissement compris" in page


def test_the_printed_report_has_the_totals_of_the_page(estate: Estate, book: PriceBook) -> None:
    client = signed_in()
    answer = pricing.answer_of(answered(client, estate, book=book.pk))
    content = client.get(f"/estates/{estate.pk}/cost/report.pdf").content
    text = "".join("".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages)
    for shown in answer.designs:
        assert f"{round(shown.bill.total.amount.low):,}" in text
        for line in shown.bill.lines:
            assert line.amount is not None
            assert f"{line.amount.low:,.2f}" in text

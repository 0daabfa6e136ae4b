"""The pages of docs/formulas, as a reader of the dashboard sees them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.urls import get_resolver

from cluster import manual
from planner.parameters import Parameters
from planner.report import plan
from tests.cluster.test_pages import signed_in
from tests.planner.small import host, reading, vm


class Read(HTMLParser):
    """Follows what is open, keeps an end that fits nothing, and the text outside and inside of code."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text = ""
        self.prose = ""
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data + " "
        if "code" not in self.open:
            self.prose += data + " "


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


ALL = [(shelf, name) for shelf in manual.SHELVES for name in manual.names(shelf)]


@pytest.mark.parametrize(("shelf", "name"), ALL, ids=lambda part: part)
def test_a_page_loses_no_word_and_leaves_no_mark_unread(shelf: str, name: str) -> None:
    page = manual.page(name, shelf)
    assert page is not None
    read = Read(page.body)
    assert (read.open, read.wrong) == ([], [])
    assert not re.search(r"\*\*|`|\]\(|^#|\|---", read.prose, re.MULTILINE)
    source = (manual.DOCS / manual.SHELVES[shelf] / f"{name}.md").read_text()
    without_marks = re.sub(r"\]\([^)]*\)|^\d+\. |^```\w*", "]", source, flags=re.MULTILINE)
    assert words(without_marks) <= words(f"{page.title} {read.text}")


def test_every_figure_of_a_plan_can_be_jumped_to() -> None:
    estate = reading([host(f"esx{n}", cpu_usage_percent=20, memory_usage_percent=30) for n in range(3)],
                     [vm(f"vm{n}") for n in range(4)])  # fmt: skip
    (cluster,) = plan(estate, Parameters()).clusters
    assert len(cluster.figures) > 20
    for figure in cluster.figures:
        page = manual.page(figure.page)
        assert page is not None, figure.id
        assert f'id="{figure.id}"' in page.body, figure.id


def test_what_looks_like_html_is_text() -> None:
    body = manual.as_html(
        "<img src=x> & `<b>` **<i>** ![x](http://else.where/x.png)\n\n"
        "<script>alert(1)</script>\n\n"
        "| <u> | b |\n|---|---|\n| `x<y` | [<s>](http://else.where) [j](javascript:alert(1)) |\n"
    )
    assert not re.search(r"<(img|b|i|u|s|script)\b[^l]", body)
    assert "href" not in body
    assert Read(body).text.split()[:4] == ["<img", "src=x>", "&", "<b>"]


def test_links_lead_to_pages_of_the_manual_alone() -> None:
    body = manual.as_html(
        "[o](../operations.md#ports) [s](storage.md) [c](../../CONTRIBUTING.md)", "formulas"
    )
    assert 'href="/help/guide/operations/#ports"' in body
    assert 'href="/help/formulas/storage/"' in body
    assert body.count("href") == 2


def test_a_search_finds_titles_first_and_tells_the_words_around() -> None:
    found = manual.find("LOWER BOUND")
    assert len(found) > 2
    assert all(one.found.casefold() == "lower bound" for one in found if one.found)
    assert manual.find("  ") == []
    assert manual.find("no page says this xyzzy") == []


@pytest.mark.django_db
def test_the_pages_are_served_and_no_other_file_is() -> None:
    client = signed_in()
    listed = client.get("/help/").content.decode()
    assert all(f'href="/help/{shelf}/{name}/"' in listed for shelf, name in ALL)
    shown = client.get("/help/formulas/sizing/").content.decode()
    assert 'href="/help/formulas/storage/"' in shown
    assert "18.4 + 0.0074" in shown
    assert "&lt;b&gt;" in client.get("/help/", {"q": "<b>"}).content.decode()
    for other in ("formulas/tour", "guide/nothing", "secrets/tour", "guide/..%2F..%2FREADME"):
        assert client.get(f"/help/{other}/").status_code == 404


def test_every_address_that_a_template_names_there_is():
    names = {
        name
        for template in (settings.BASE_DIR / "templates").rglob("*.html")
        for name in re.findall(r"\{% url '([\w-]+)'", template.read_text())
    }
    known = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    assert names - known - {"set_language"} == set()
    assert len(names) > 60

"""The pages of docs/formulas, as a reader of the dashboard sees them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

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


@pytest.mark.parametrize("name", manual.names())
def test_a_page_loses_no_word_and_leaves_no_mark_unread(name: str) -> None:
    page = manual.page(name)
    assert page is not None
    read = Read(page.body)
    assert (read.open, read.wrong) == ([], [])
    assert not re.search(r"\*\*|`|\]\(|^#|\|---", read.prose, re.MULTILINE)
    source = (manual.FORMULAS / f"{name}.md").read_text()
    without_targets = re.sub(r"\]\([^)]*\)|^\d+\. ", "]", source, flags=re.MULTILINE)
    assert words(without_targets) <= words(f"{page.title} {read.text}")


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
    lines = [
        "<img src=x> & `<b>` **<i>**",
        "",
        "| <u> | b |",
        "|---|---|",
        "| `x<y` | [<s>](http://else.where) |",
    ]
    body = "".join(manual._blocks(lines))
    assert not re.search(r"<(img|b|i|u|s)\b[^l]", body)
    assert "http://else.where" not in body
    assert Read(body).text.split() == ["<img", "src=x>", "&", "<b>", "<i>", "<u>", "b", "x<y", "<s>"]


@pytest.mark.django_db
def test_the_pages_are_served_and_no_other_file_is() -> None:
    client = signed_in()
    listed = client.get("/formulas/").content.decode()
    assert all(f'href="/formulas/{name}/"' in listed for name in manual.names())
    shown = client.get("/formulas/sizing/").content.decode()
    assert 'href="/formulas/storage/"' in shown
    assert "18.4 + 0.0074" in shown
    assert client.get("/formulas/tour/").status_code == 404
    assert client.get("/formulas/..%2Ftour/").status_code == 404

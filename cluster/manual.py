"""The pages of docs/ as HTML: the guide, the formulas and the decisions, readable and searchable offline.

Raw HTML in a page is shown as text.  Links lead to other pages of the manual; what lies elsewhere is named
and not linked, for nothing outside the server is served or fetched.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec import Struct

DOCS: Final = Path(settings.BASE_DIR) / "docs"
SHELVES: Final = {"guide": ".", "formulas": "formulas", "decisions": "design"}  # shelf -> folder of docs/
FORMULAS: Final = DOCS / SHELVES["formulas"]
FOUND_MOST: Final = 30
_AROUND: Final = 70  # characters shown on either side of a find
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")


class Page(Struct, frozen=True, kw_only=True):
    """One page: where it stands, its title, what stands below it, and the same as plain text."""

    shelf: str
    name: str
    title: str
    body: SafeString
    text: str

    @property
    def url(self) -> str:
        return reverse("help_page", args=[self.shelf, self.name])


class Find(Struct, frozen=True, kw_only=True):
    """A page that holds a text, and the words around it."""

    page: Page
    before: str
    found: str
    after: str


def names(shelf: str = "formulas") -> tuple[str, ...]:
    """The pages of a shelf; those of `formulas` by the name that a `Figure.page` has."""
    return tuple(sorted(file.stem for file in (DOCS / SHELVES[shelf]).glob("*.md")))


@cache
def page(name: str, shelf: str = "formulas") -> Page | None:
    """A page; None where there is none of this name."""
    if shelf not in SHELVES or name not in names(shelf):
        return None
    first, _, rest = (DOCS / SHELVES[shelf] / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    body = as_html(rest, SHELVES[shelf])
    return Page(shelf=shelf, name=name, title=first.removeprefix("# "), body=body, text=_text_of(body))


def shelf(name: str) -> tuple[Page, ...]:
    """All pages of a shelf."""
    return tuple(found for each in names(name) if (found := page(each, name)) is not None)


def find(text: str) -> list[Find]:
    """The pages that hold the text in their title or body, titles first; upper and lower case are alike."""
    wanted = text.casefold().strip()
    if not wanted:
        return []
    pages = [each for name in SHELVES for each in shelf(name)]
    holding = [each for each in pages if wanted in each.title.casefold() or wanted in each.text.casefold()]
    holding.sort(key=lambda each: wanted not in each.title.casefold())
    return [_find_in(each, wanted) for each in holding[:FOUND_MOST]]


def as_html(text: str, folder: str = ".") -> SafeString:
    """Markdown as HTML that may stand in a page of ours.

    The Markdown is ours, and still no HTML in it is let through.
    """
    tokens = _reader().parse(text)
    _mend(tokens, folder)
    return SafeString(_reader().renderer.render(tokens, _reader().options, {}))


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.add_render_rule("table_open", lambda *_: '<div class="table-box" tabindex="0"><table>')
    reader.add_render_rule("table_close", lambda *_: "</table></div>")
    return reader


def _mend(tokens: Sequence[Token], folder: str) -> None:
    """Give tables a box to scroll in, their first cells the name of a row, code a stop for the keyboard."""
    is_first_cell = False
    for at, token in enumerate(tokens):
        match token.type:
            case "tr_open":
                is_first_cell = True
            case "th_open":
                token.attrs = {"scope": "col"}
            case "td_open" | "td_close":
                _mend_cell(token, is_first=is_first_cell)
                if token.type == "td_close":
                    is_first_cell = False
            case "fence" | "code_block":
                token.attrs = {**token.attrs, "tabindex": "0"}
            case "bullet_list_open":
                token.attrs = {"class": "bullets"}
            case "ordered_list_open":
                token.attrs = {"class": "numbers"}
            case "inline":
                _mend_line(token, folder, is_row_name=at > 0 and tokens[at - 1].tag == "th")


def _mend_cell(token: Token, *, is_first: bool) -> None:
    if is_first:
        token.tag = "th"
        token.attrs = {"scope": "row"} if token.type == "td_open" else {}
    elif token.type == "td_open":
        token.attrs = {"class": "wrap"}


def _mend_line(token: Token, folder: str, *, is_row_name: bool) -> None:
    """Links lead to pages of ours; code that names a row can be jumped to, for it is the id of a figure."""
    opened: list[bool] = []
    for child in token.children or ():
        if child.type == "link_open":
            target = _target(str(child.attrGet("href") or ""), folder)
            opened.append(bool(target))
            child.tag, child.attrs = ("a", {"href": target}) if target else ("span", {})
        elif child.type == "link_close" and not opened.pop():
            child.tag = "span"
        elif child.type == "code_inline" and is_row_name and _IDENTIFIER.fullmatch(child.content):
            child.attrs = {"id": child.content}


def _target(link: str, folder: str) -> str:
    """Where a link of a page leads, empty where that is no page of the manual."""
    path, _, anchor = link.partition("#")
    if not path.endswith(".md") or "://" in path:
        return ""
    in_folder, name = posixpath.split(posixpath.normpath(posixpath.join(folder, path)))
    for shelf_name, known in SHELVES.items():
        is_here = posixpath.normpath(known) == posixpath.normpath(in_folder or ".")
        if is_here and name[:-3] in names(shelf_name):
            return reverse("help_page", args=[shelf_name, name[:-3]]) + (f"#{anchor}" if anchor else "")
    return ""


class _Text(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def _text_of(body: str) -> str:
    reader = _Text()
    reader.feed(body)
    return " ".join(" ".join(reader.said).split())


def _find_in(page: Page, wanted: str) -> Find:
    at = page.text.casefold().find(wanted)
    if at < 0:
        return Find(page=page, before="", found="", after=page.text[: 2 * _AROUND])
    end = at + len(wanted)
    return Find(
        page=page,
        before=page.text[max(0, at - _AROUND) : at],
        found=page.text[at:end],
        after=page.text[end : end + _AROUND],
    )

"""The pages of docs/formulas as HTML, from the part of Markdown that they are written in.

Headings, paragraphs, lists, tables, code (fenced, or set in by four blanks), `code`, **bold**, *emphasis*
and links between pages.  Everything else is shown as it is written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from msgspec import Struct

FORMULAS: Final = Path(settings.BASE_DIR) / "docs" / "formulas"
_FENCE: Final = "```"
_CODE_INDENT: Final = "    "
_ITEM: Final = re.compile(r"(?:[-*]|(\d+)\.) +(.*)")
_HEADING: Final = re.compile(r"(#{1,4}) +(.*)")
_RULE: Final = re.compile(r"[|:\- ]+")
_SPAN: Final = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>.+?)\*\*|(?<!\w)\*(?P<emphasis>[^*\s][^*]*)\*(?!\w)"
    r"|\[(?P<text>[^\]]+)\]\((?P<link>[^)\s]+)\)"
)


class Page(Struct, frozen=True):
    """One page: its title, and what stands below it."""

    title: str
    body: SafeString


def names() -> tuple[str, ...]:
    """The pages there are, by the name that a `Figure.page` has."""
    return tuple(sorted(file.stem for file in FORMULAS.glob("*.md")))


@cache
def page(name: str) -> Page | None:
    """A page; None where there is none of this name."""
    if name not in names():
        return None
    first, _, rest = (FORMULAS / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    return Page(title=first.removeprefix("# "), body=SafeString("\n".join(_blocks(rest.splitlines()))))


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        kind = _kind(lines[at])
        end = _end(lines, at, kind)
        yield from _WRITERS[kind](lines[at:end])
        at = end


def _kind(line: str) -> str:
    """Say what begins with this line."""
    if not line.strip():
        return "blank"
    if line.startswith((_FENCE, _CODE_INDENT)):
        return "fence" if line.startswith(_FENCE) else "code"
    if line.startswith("|"):
        return "table"
    if _HEADING.fullmatch(line):
        return "heading"
    return "list" if _ITEM.match(line) else "text"


def _end(lines: Sequence[str], at: int, kind: str) -> int:
    """Say where what begins at this line is over."""
    end = at + 1
    if kind == "fence":
        while end < len(lines) and not lines[end].startswith(_FENCE):
            end += 1
        return end + 1
    if kind in ("blank", "heading"):
        return end
    goes_on = {"list": ("list", "text"), "text": ("text",), "table": ("table",), "code": ("code", "blank")}[
        kind
    ]
    while end < len(lines) and (
        _kind(lines[end]) in goes_on or (kind == "list" and lines[end].startswith("  "))
    ):
        end += 1
    return end


def _code(lines: Sequence[str]) -> Iterator[str]:
    said = "\n".join(line.removeprefix(_CODE_INDENT) for line in lines).rstrip()
    yield f'<pre tabindex="0"><code>{html.escape(said)}</code></pre>'


def _fence(lines: Sequence[str]) -> Iterator[str]:
    yield from _code([line for line in lines if not line.startswith(_FENCE)])


def _heading(lines: Sequence[str]) -> Iterator[str]:
    marks, _, said = lines[0].partition(" ")
    yield f"<h{len(marks)}>{_spans(said.strip())}</h{len(marks)}>"


def _text(lines: Sequence[str]) -> Iterator[str]:
    yield f"<p>{_spans(' '.join(lines))}</p>"


def _list(lines: Sequence[str]) -> Iterator[str]:
    items: list[list[str]] = []
    for line in lines:
        found = _ITEM.match(line)
        if found:
            items.append([found[2]])
        else:
            items[-1].append(line.strip())
    tag = "ol" if lines[0][0].isdigit() else "ul"
    yield f'<{tag} class="{"numbers" if tag == "ol" else "bullets"}">'
    for item in items:
        yield f"<li>{_spans(' '.join(item))}</li>"
    yield f"</{tag}>"


def _table(lines: Sequence[str]) -> Iterator[str]:
    rows = [line.strip().strip("|").split("|") for line in lines if not _RULE.fullmatch(line)]
    yield '<div class="table-box" tabindex="0"><table><thead><tr>'
    yield from (f'<th scope="col">{_spans(cell.strip())}</th>' for cell in rows[0])
    yield "</tr></thead><tbody>"
    for first, *others in rows[1:]:
        yield f'<tr><th scope="row">{_spans(first.strip(), named=True)}</th>'
        yield from (f'<td class="wrap">{_spans(cell.strip())}</td>' for cell in others)
        yield "</tr>"
    yield "</tbody></table></div>"


def _nothing(_lines: Sequence[str]) -> Iterator[str]:
    return iter(())


_WRITERS: Final = {
    "blank": _nothing,
    "code": _code,
    "fence": _fence,
    "heading": _heading,
    "list": _list,
    "table": _table,
    "text": _text,
}


def _spans(text: str, *, named: bool = False) -> str:
    """Write what stands within a line; `named` code can be jumped to, for it is the id of a figure."""
    written, at = [], 0
    for found in _SPAN.finditer(text):
        written += [html.escape(text[at : found.start()]), _span(found, named=named)]
        at = found.end()
    return "".join([*written, html.escape(text[at:])])


def _span(found: re.Match[str], *, named: bool) -> str:
    if found["code"]:
        code = html.escape(found["code"])
        return f'<code id="{code}">{code}</code>' if named and code.isidentifier() else f"<code>{code}</code>"
    if found["bold"]:
        return f"<strong>{_spans(found['bold'])}</strong>"
    if found["emphasis"]:
        return f"<em>{_spans(found['emphasis'])}</em>"
    return _link(found["text"], found["link"])


def _link(text: str, target: str) -> str:
    """Link another page of formulas; what lies elsewhere is named, for it is not served."""
    name = target.removesuffix(".md")
    if name not in names():
        return html.escape(text)
    return f'<a href="{reverse("formula", args=[name])}">{html.escape(text)}</a>'

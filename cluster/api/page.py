"""The page of the interface: every call in the reader's language, out of the document itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from msgspec import Struct

from cluster.api.document import address, document
from cluster.api.door import CALLS, Call
from cluster.gates import GATES

SHAPES: Final = "#/components/schemas/"
FIRST: Final = (
    "estates",
    "runs and events",
    "plans",
    "studies",
    "redundancy",
    "rehearsals",
    "forecast",
    "cost",
)
WORDS_MOST: Final = 12  # of a choice; more are in the document


class Sent(Struct, frozen=True, kw_only=True):
    """One thing that a call takes."""

    name: str
    kind: str
    words: str
    required: bool
    place: str


class Shown(Struct, frozen=True, kw_only=True):
    """One call as the page shows it."""

    id: str
    method: str
    address: str
    says: SafeString
    action: str
    takes: tuple[Sent, ...]
    answers: str
    status: int


def interface(request: HttpRequest) -> HttpResponse:
    groups: dict[str, list[Shown]] = {name: [] for name in FIRST}
    for call in CALLS:
        groups.setdefault(call.group, []).append(_shown(call))
    shown = [(gettext(name), f"calls-{number}", calls) for number, (name, calls) in enumerate(groups.items())]
    return render(request, "help_interface.html", {"groups": shown, "count": len(CALLS)})


def _shown(call: Call) -> Shown:
    operation = document()["paths"][address(call)][call.method.lower()]
    gate = GATES[call.name]
    action = gate.get if call.method == "GET" else gate.post
    return Shown(
        id=operation["operationId"],
        method=call.method,
        address=address(call),
        says=_marked(gettext(call.says)),
        action=gettext(action.value) if action else "",
        takes=(*_of_address(operation), *_of_body(operation)),
        answers=_answers(call, operation),
        status=call.status,
    )


def _of_address(operation: Mapping[str, Any]) -> Iterator[Sent]:
    for one in operation.get("parameters", ()):
        yield Sent(
            name=one["name"],
            kind=_kind(one["schema"]),
            words=_words({"description": one.get("description")}),
            required=one["required"],
            place=gettext("address") if one["in"] == "path" else gettext("query"),
        )


def _of_body(operation: Mapping[str, Any]) -> Iterator[Sent]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        shapes = _variants_of(media["schema"])
        for number, shape in enumerate(shapes):
            for name, field in shape.get("properties", {}).items():
                if number and any(name in other.get("properties", {}) for other in shapes[:number]):
                    continue
                yield Sent(
                    name=name,
                    kind=_kind(field),
                    words=_words(field),
                    required=name in shape.get("required", ()),
                    place=gettext("body"),
                )


def _variants_of(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The shapes that a body may have; one, but for changes of variants."""
    whole = _found(schema)
    return [_found(one) for one in whole["oneOf"]] if "oneOf" in whole else [whole]


def _found(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    found: Mapping[str, Any] = (
        document()["components"]["schemas"][reference.removeprefix(SHAPES)] if reference else schema
    )
    return found


def _words(field: Mapping[str, Any]) -> str:
    """What a form calls a field and says of it, in the reader's language."""
    return " · ".join(gettext(one) for key in ("title", "description") if (one := field.get(key)))


def _kind(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).removeprefix(SHAPES)
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_kind(one) for one in field["anyOf"]))
    if "enum" in field:
        words = [str(one) for one in field["enum"] if one != ""]
        return " | ".join(words[:WORDS_MOST]) + (" | …" if len(words) > WORDS_MOST else "")
    if "const" in field:
        return str(field["const"])
    kind = str(field.get("type", ""))
    if kind == "array":
        return f"[{_kind(field.get('items', {}))}]"
    return f"{field.get('format') or kind}{_bounds(field)}"


def _bounds(field: Mapping[str, Any]) -> str:
    low, high = (_plain(field.get(name)) for name in ("minimum", "maximum"))
    if low and high:
        return f" {low} … {high}"
    return f" ≥ {low}" if low else f" ≤ {high}" if high else ""


def _plain(bound: float | None) -> str:
    return "" if bound is None else str(int(bound)) if bound == int(bound) else str(bound)


def _marked(text: str) -> SafeString:
    """The text, what stands between `marks` as code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", one) if n % 2 else one,) for n, one in enumerate(parts))
    )


def _answers(call: Call, operation: Mapping[str, Any]) -> str:
    content = operation["responses"][str(call.status)].get("content", {})
    if call.answers is bytes:
        return ", ".join(content)
    return "".join(_kind(one["schema"]) for one in content.values())

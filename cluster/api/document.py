"""The document of the interface: OpenAPI 3.1, from the calls as they are written down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from ninja.openapi.schema import get_schema

from cluster.api import (
    ahead,
    costs,
    estates,
    following,
    operations,
    people,
    plans,
    redundant,
    variants,
    wishes,
)
from cluster.api.door import CALLS, JSON, ROOT, Call, Problem, api
from cluster.exports.version import version

# Each writes its calls down when it is imported: before the document is made, and before the addresses are.
SUBJECTS: Final = (
    ahead, costs, estates, following, operations, people, plans, redundant, variants, wishes,
)  # fmt: skip
REFERENCE: Final = "#/components/schemas/{name}"
ERRORS: Final[Mapping[int, str]] = {
    400: "What was sent does not hold together.",
    401: "Nobody is signed in, or the token opens nothing.",
    403: "Your role does not do this, or does not reach so far.",
    404: "There is no such thing, or it is not yours to see.",
    405: "This address does not take that method.",
    429: "Too many requests; wait as long as Retry-After says.",
}


@cache
def document() -> dict[str, Any]:
    """The whole document, with every shape of an answer among its components."""
    told: dict[str, Any] = dict(get_schema(api, path_prefix=ROOT))
    shapes = [shape for call in CALLS for shape in (call.answers, call.body) if shape not in (None, bytes)]
    wanted = [*dict.fromkeys([Problem, *shapes])]
    schemas, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
    of_shape = dict(zip(wanted, schemas, strict=True))
    told["components"]["schemas"] |= components
    told["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A token of *Your account*: hdr_..."},
        "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
    }
    told["security"] = [{"token": []}, {"session": []}]
    told["info"] |= {"version": version(), "description": "What the screens of Headroom show and do."}
    for call in CALLS:
        operation = told["paths"][address(call)][call.method.lower()]
        operation["responses"] = _responses(call, of_shape)
        if call.body is not None:
            shape = {"content": {JSON: {"schema": of_shape[call.body]}}, "required": True}
            operation["requestBody"] = shape
    return told


def address(call: Call) -> str:
    """The address as the document has it: `{int:pk}` is `{pk}`."""
    parts = (part.partition(":") for part in call.path.split("{"))
    return f"/{ROOT}" + "{".join(
        rest if mark and "}" in rest else first + mark + rest for first, mark, rest in parts
    )


def _responses(call: Call, of_shape: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {str(call.status): {"description": "Done."}}
    if call.answers is bytes:
        found[str(call.status)]["content"] = {media: {} for media in call.media}
    elif call.answers is not None:
        found[str(call.status)]["content"] = {JSON: {"schema": of_shape[call.answers]}}
    wrong = {JSON: {"schema": of_shape[Problem]}}
    return found | {str(status): {"description": says, "content": wrong} for status, says in ERRORS.items()}

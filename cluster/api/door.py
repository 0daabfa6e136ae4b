"""How a call is written down, and how it answers: shapes, words, and every error in one shape.

Who is signed in, whose thing it is and what his role opens was asked by `cluster.gates` before; a session's
change bears its CSRF token, a token's call needs none (`cluster.entering`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import signature
from typing import Annotated, Any, Final, TypeAlias, get_type_hints

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.defaults import bad_request as pages_bad_request
from django.views.defaults import page_not_found
from django.views.defaults import server_error as pages_server_error
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from cluster.rehearsal.question import BadScript
from cluster.services import Refused
from cluster.wording import say
from planner.cost.book import BookError

ROOT: Final = "api/v1/"
ROWS: Final = 100
ROWS_MOST: Final = 500
JSON: Final = "application/json"
TEXT: Final = r"^[^\x00]*$"  # PostgreSQL takes NUL in no text

Text: TypeAlias = Annotated[str, Field(max_length=255, pattern=TEXT)]
Limit: TypeAlias = Annotated[int, Field(ge=1, le=ROWS_MOST, description=_("rows of one answer, at most"))]
Offset: TypeAlias = Annotated[int, Field(ge=0, le=10**9, description=_("rows to leave out first"))]
Key: TypeAlias = Annotated[int, Field(ge=1, lt=2**63)]
After: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9]{1,18}$", description=_("number of the last event that you have"))
]

api: Final = NinjaAPI(
    title="Headroom", version="1", urls_namespace="interface", openapi_url=None, docs_url=None
)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong, in the reader's language; `where` names fields of what was sent, and what of each.

    `line` and `word`: where in the script of a rehearsal.
    """

    error: str
    where: dict[str, list[str]] = {}
    line: int = 0
    word: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one address: what it does in a sentence, and the shape of its answer."""

    method: str
    path: str
    name: str
    says: str
    group: str
    answers: Any
    status: int
    media: tuple[str, ...]
    body: Any = None


CALLS: Final[list[Call]] = []


class Wrong(Exception):
    """A form that does not hold together."""

    def __init__(self, form: BaseForm) -> None:
        super().__init__(str(form.errors))
        self.form = form


def calls(group: str) -> Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """What writes down the calls of one subject: `@call("GET", "estates", "api-estates", says)`."""

    def call(
        method: str,
        where: str,
        name: str,
        says: str,
        *,
        answers: Any,
        status: int = 200,
        media: str | tuple[str, ...] = JSON,
        body: Any = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            CALLS.append(
                Call(
                    method=method,
                    path=where,
                    name=name,
                    says=says,
                    group=group,
                    answers=answers,
                    status=status,
                    body=body,
                    media=(media,) if isinstance(media, str) else media,
                )
            )
            api.api_operation(
                [method],
                where,
                url_name=name,
                operation_id=_id_of(method, name),
                summary=says,
                tags=[group],
            )(_answering(function, status))
            return function

        return register

    return call


def problem(status: int, error: str, **more: Any) -> HttpResponse:
    """An error, in the shape that all have."""
    return answer(Problem(error=error, **more), status)


def answer(thing: Any, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(thing), content_type=JSON, status=status)


def file(content: bytes, media: str) -> HttpResponse:
    """An answer that is no JSON, to be saved rather than shown."""
    response = HttpResponse(content, content_type=media)
    response["Content-Disposition"] = "attachment"
    return response


def urlpatterns() -> list[URLPattern]:
    """The addresses; Django's own check of CSRF stands before each, which ninja would leave out."""
    routes, _, _ = api.urls
    return [
        path(
            ROOT + str(route.pattern).replace("<uuidstr:", "<uuid:"),
            _guarded(route.callback),
            name=route.name,
        )
        for route in routes
        if isinstance(route, URLPattern) and route.name != "api-root"
    ]


def _guarded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def guarded(request: HttpRequest, **named: Any) -> HttpResponseBase:
        given = view(request, **named)
        if given.status_code == 405:
            response = problem(405, gettext("this address does not take that method"))
            response["Allow"] = given["Allow"]
            return response
        given.setdefault("Cache-Control", "no-store")  # secrets are shown once, rights change
        return given

    return login_not_required(guarded)  # the gate says 401 where a page would lead to the sign-in


def _answering(function: Callable[..., Any], status: int) -> Callable[..., Any]:
    hints = get_type_hints(function, include_extras=True)
    shape = signature(function)
    parameters = [
        one.replace(annotation=hints.get(one.name, one.annotation)) for one in shape.parameters.values()
    ]

    @wraps(function)
    def answering(request: HttpRequest, **given: Any) -> HttpResponseBase:
        found = function(request, **given)
        return found if isinstance(found, HttpResponseBase) else answer(found, status)

    answering.__signature__ = shape.replace(parameters=parameters)  # type: ignore[attr-defined]
    return answering


def _id_of(method: str, name: str) -> str:
    return f"{method.lower()}-{name.removeprefix('api-')}"


# -- errors


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is said of an address that nobody has."""
    if request.path.startswith(f"/{ROOT}"):
        return problem(404, gettext("there is no such thing, or it is not yours to see"))
    return page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is said of a request that is none."""
    if request.path.startswith(f"/{ROOT}"):
        return problem(400, gettext("what was sent does not have the shape that is described"))
    return pages_bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """What is said when we are at fault: the log has the rest."""
    if request.path.startswith(f"/{ROOT}"):
        return problem(500, gettext("we are at fault; the log of the server says more"))
    return pages_server_error(request)


@api.exception_handler(Http404)
def _not_there(request: HttpRequest, error: Http404) -> HttpResponse:
    told = str(error.args[0]) if error.args and isinstance(error.args[0], str) else ""
    return problem(404, told or gettext("there is no such thing, or it is not yours to see"))


@api.exception_handler(PermissionDenied)
def _not_allowed(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return problem(403, gettext("your role does not do this, or does not reach so far"))


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    if isinstance(error, BadScript):
        return JsonResponse({"error": say(error.message), "line": error.line, "word": error.word}, status=400)
    return problem(400, say(error.message))


@api.exception_handler(BookError)
def _bad_book(request: HttpRequest, error: BookError) -> HttpResponse:
    place = {f"{error.book}:{error.row}": [say(error.message)]} if error.row else {}
    return problem(400, say(error.message), where=place)


@api.exception_handler(Wrong)
def _wrong(request: HttpRequest, error: Wrong) -> HttpResponse:
    where = {name: [str(message) for message in messages] for name, messages in error.form.errors.items()}
    return problem(400, next(message for told in where.values() for message in told), where=where)


@api.exception_handler(ValidationError)
def _unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    where: dict[str, list[str]] = {}
    for one in error.errors:
        where.setdefault(_place(one["loc"]), []).append(str(one["msg"]))
    return problem(400, gettext("what was sent does not have the shape that is described"), where=where)


@api.exception_handler(HttpError)
def _no_json(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, str(error))


@api.exception_handler(msgspec.MsgspecError)
def _no_shape(request: HttpRequest, error: msgspec.MsgspecError) -> HttpResponse:
    return problem(400, str(error))


def _place(loc: Sequence[Any]) -> str:
    """The field's name: `body.data.years` is `years`."""
    inside = [str(one) for one in loc if one not in ("body", "query", "path", "form", "file")]
    return ".".join(inside) or str(loc[0])

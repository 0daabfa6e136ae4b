"""The people of the site, their roles and scopes; the audit.  No token manages people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_noop as _
from ninja import Body as Sent

from cluster import audit, people, second_factor, services
from cluster.api.asking import body_of, filled
from cluster.api.deeds import AuditTold, PersonTold, ScopeTold
from cluster.api.door import Key, Limit, Offset, Text, calls
from cluster.api.told import Rows, Secret, of, page_of
from cluster.audit import Verdict
from cluster.filters import AuditFilter
from cluster.forms import NewPersonForm, PersonForm, ScopeForm
from cluster.models import AuditEntry, Scope
from cluster.roles import Role

call = calls(_("people"))
watch = calls(_("audit"))
NewPerson = body_of(NewPersonForm, "PersonAsked")
PersonChanged = body_of(PersonForm, "PersonChanged")
ScopeAsked = body_of(ScopeForm, "ScopeAsked")


@call("GET", "people", "api-people", _("Who may come in, with roles and scopes."), answers=Rows[PersonTold])
def everybody(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> Rows[PersonTold]:
    return page_of(PersonTold, _people(request), limit, offset, _told)


@call(
    "POST",
    "people",
    "api-people",
    _("Let a person in; the first password is told this once."),
    answers=Secret,
    status=201,
)
def add(request: HttpRequest, body: Sent[NewPerson]) -> Secret:  # type: ignore[valid-type]
    asked = filled(NewPersonForm, body).cleaned_data
    roles = [Role(value) for value in asked["roles"]]
    try:
        made, password = people.add(request.user, asked["username"], roles)
    except people.NotThis as refusal:
        raise services.Refused(refusal.message) from refusal
    return Secret(id=made.pk, name=made.username, secret=password)


@call(
    "PUT",
    "people/{int:pk}",
    "api-person",
    _("Give a person these roles and no other; let in or shut out."),
    answers=PersonTold,
)
def change(request: HttpRequest, pk: Key, body: Sent[PersonChanged]) -> PersonTold:  # type: ignore[valid-type]
    found = _person(request, pk)
    asked = filled(PersonForm, body).cleaned_data
    roles = [Role(value) for value in asked["roles"]]
    try:
        people.change(request.user, found, roles=roles, active=asked["active"])
    except people.NotThis as refusal:
        raise services.Refused(refusal.message) from refusal
    return _told(_person(request, pk))


@call(
    "POST",
    "people/{int:pk}/password",
    "api-person-password",
    _("Give a person a new password, told this once; their sessions end."),
    answers=Secret,
)
def renew(request: HttpRequest, pk: Key) -> Secret:
    found = _person(request, pk)
    return Secret(id=found.pk, name=found.username, secret=people.renew_password(request.user, found))


@call(
    "DELETE",
    "people/{int:pk}/second-factor",
    "api-person-factor",
    _("Take away the second factor that a person has lost."),
    answers=None,
    status=204,
)
def take_factor(request: HttpRequest, pk: Key) -> HttpResponse:
    second_factor.take_from(request.user, _person(request, pk))
    return HttpResponse(status=204)


@call(
    "POST",
    "people/{int:pk}/scopes",
    "api-scopes",
    _("Hold a role of a person to a part of the site."),
    answers=ScopeTold,
    status=201,
)
def give(request: HttpRequest, pk: Key, body: Sent[ScopeAsked]) -> ScopeTold:  # type: ignore[valid-type]
    found = _person(request, pk)
    form = filled(ScopeForm, body)
    try:
        made = people.give_scope(request.user, found, Role(form.cleaned_data["role"]), form.extent())
    except people.NotThis as refusal:
        raise services.Refused(refusal.message) from refusal
    return _scope(made)


@call(
    "DELETE",
    "people/{int:pk}/scopes/{int:scope_pk}",
    "api-scope",
    _("Take a scope away."),
    answers=None,
    status=204,
)
def take(request: HttpRequest, pk: Key, scope_pk: Key) -> HttpResponse:
    people.take_scope(request.user, _person(request, pk), scope_pk)
    return HttpResponse(status=204)


@watch("GET", "audit", "api-audit", _("Who did what, newest first."), answers=Rows[AuditTold])
def entries(
    request: HttpRequest,
    actor: Text = "",
    deed: Text = "",
    subject: Text = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Rows[AuditTold]:
    asked = {"actor": actor, "deed": deed, "subject": subject}
    chosen = AuditFilter(asked, queryset=AuditEntry.objects.all(), request=request)
    rows = chosen.qs if chosen.is_valid() else AuditEntry.objects.none()
    return page_of(AuditTold, rows, limit, offset)


@watch(
    "POST",
    "audit/verify",
    "api-audit-verify",
    _("Follow the seals of the audit from the first entry on."),
    answers=Verdict,
)
def verify(request: HttpRequest) -> Verdict:
    return audit.verify()


@watch(
    "POST",
    "audit/export",
    "api-audit-export",
    _("All entries as lines of JSON with their seals; this is noted."),
    answers=bytes,
    media="application/x-ndjson",
)
def export(request: HttpRequest) -> StreamingHttpResponse:
    upto = audit.note(audit.Deed.AUDIT_TAKEN, request.user.get_username())
    rows = AuditEntry.objects.filter(seq__lte=upto).order_by("seq")
    return StreamingHttpResponse(audit.exported(rows.iterator()), content_type="application/x-ndjson")


def _people(request: HttpRequest) -> Any:
    return people.everybody(request.user).prefetch_related("scopes")


def _person(request: HttpRequest, pk: int) -> User:
    found: User = get_object_or_404(_people(request), pk=pk)
    return found


def _scope(row: Scope) -> ScopeTold:
    return of(ScopeTold, row, estate=row.estate_id)


def _told(row: User) -> PersonTold:
    roles = [role.value for role in people.roles_of_whoever(row)]
    scopes = [_scope(one) for one in row.scopes.all()]
    return of(PersonTold, row, roles=roles, scopes=scopes, second_factor=hasattr(row, "second_factor"))

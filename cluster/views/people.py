"""The people of the site and their roles: for site administrators; and a password of one's own."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_POST

from cluster import people, second_factor, sessions, sign_in_steps
from cluster.forms import NewPersonForm, OwnPasswordForm, PersonForm, ScopeForm
from cluster.roles import OPENS, Action, Role
from cluster.services import Refused
from cluster.sign_in_steps import CHOOSE
from cluster.wording import say


def everybody(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    form = NewPersonForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form)
    roles = [Role(value) for value in form.cleaned_data["roles"]]
    try:
        person, password = people.add(request.user, form.cleaned_data["username"], roles)
    except people.NotThis as refusal:
        form.add_error("username", say(refusal.message))
        return _page(request, form=form)
    return _page(request, told=(person.username, password))


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(people.everybody(request.user), pk=pk)
    form = PersonForm(request.POST, prefix=f"p{pk}")
    if not form.is_valid():
        return _page(request, refused=str(form.errors.as_text()))
    roles = [Role(value) for value in form.cleaned_data["roles"]]
    try:
        people.change(request.user, person, roles=roles, active=form.cleaned_data["active"])
    except people.NotThis as refusal:
        return _page(request, refused=say(refusal.message))
    return _page(request)


@require_POST
def renew_password(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(people.everybody(request.user), pk=pk)
    return _page(request, told=(person.username, people.renew_password(request.user, person)))


class OwnPassword(PasswordChangeView):
    form_class = OwnPasswordForm
    success_url = reverse_lazy("overview")  # the form asks for one; the steps of the sign-in decide

    def get_template_names(self) -> list[str]:
        held = sign_in_steps.step_of(self.request) == CHOOSE
        return ["registration/first_password.html" if held else "own_password.html"]

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:
        before = self.request.session.session_key
        with transaction.atomic():
            super().form_valid(form)
            people.note_own_password(self.request.user)
            sessions.follow_key(self.request, before)
            sessions.end_others(self.request)
        return redirect(sign_in_steps.pass_step(self.request, CHOOSE))


@require_POST
def take_factor(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(people.everybody(request.user), pk=pk)
    try:
        second_factor.take_from(request.user, person)
    except Refused as refusal:
        return _page(request, refused=say(refusal.message))
    return _page(request)


@require_POST
def add_scope(request: HttpRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(people.everybody(request.user), pk=pk)
    form = ScopeForm(request.POST, prefix=f"s{pk}")
    if not form.is_valid():
        return _page(request, refused=str(form.errors.as_text()))
    try:
        people.give_scope(request.user, person, Role(form.cleaned_data["role"]), form.extent())
    except people.NotThis as refusal:
        return _page(request, refused=say(refusal.message))
    return _page(request)


@require_POST
def remove_scope(request: HttpRequest, pk: int, scope_pk: int) -> HttpResponse:
    person = get_object_or_404(people.everybody(request.user), pk=pk)
    people.take_scope(request.user, person, scope_pk)
    return _page(request)


def locked_out(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
    """What axes shows to whoever failed too often."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "registration/refused.html", {"locked": minutes}, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response


def _page(
    request: HttpRequest,
    *,
    form: NewPersonForm | None = None,
    told: tuple[str, str] | None = None,
    refused: str = "",
) -> HttpResponse:
    rows = [
        (person, _form_of(person), ScopeForm(prefix=f"s{person.pk}", held=people.roles_of_whoever(person)))
        for person in people.everybody(request.user).prefetch_related("scopes__estate")
    ]
    context = {
        "rows": rows,
        "form": form or NewPersonForm(),
        "told": told,
        "refused": refused,
        "actions": list(Action),
        "table": [(role, [action in OPENS[role] for action in Action]) for role in Role],
    }
    bad = bool(refused) or bool(form and form.errors)
    return render(request, "people.html", context, status=400 if bad else 200)


def _form_of(person: User) -> PersonForm:
    roles = [role.value for role in people.roles_of_whoever(person)]
    return PersonForm(initial={"roles": roles, "active": person.is_active}, prefix=f"p{person.pk}")

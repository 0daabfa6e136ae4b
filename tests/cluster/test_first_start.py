"""A new site gets one login that nobody can guess, and an estate to look at; an old one gets neither."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command

from cluster.management.commands import load_demo
from cluster.models import Estate, Plan, Run
from cluster.roles import Role, roles_of

pytestmark = pytest.mark.django_db


def said_by(command: str) -> str:
    output = StringIO()
    call_command(command, stdout=output)
    return output.getvalue()


def test_the_first_login_opens_the_site_and_is_told_once():
    name, password = said_by("first_login").split()
    user = authenticate(username=name, password=password)
    assert (name, len(password)) == ("headroom", 20)
    assert roles_of(user) == {Role.SITE_ADMINISTRATOR, Role.BUYER}
    assert not user.is_superuser
    assert said_by("first_login") == ""
    assert User.objects.count() == 1


def test_two_sites_have_different_passwords():
    first = said_by("first_login")
    User.objects.all().delete()
    assert said_by("first_login") != first


def test_the_demo_is_imported_and_planned_once():
    if not load_demo.DEMO.exists():
        pytest.skip(f"{load_demo.DEMO} is missing")
    assert said_by("load_demo") == "Demo is loaded and planned\n"
    assert said_by("load_demo") == "There is an estate already: nothing loaded\n"
    estate = Estate.objects.get()
    assert Plan.objects.get().estate == estate
    assert Run.objects.get().state == "succeeded"


def test_a_site_with_an_estate_gets_no_demo():
    Estate.objects.create(name="ours")
    said_by("load_demo")
    assert [estate.name for estate in Estate.objects.all()] == ["ours"]


def test_a_missing_demo_is_no_error(monkeypatch):
    monkeypatch.setattr(load_demo, "DEMO", Path("/nowhere/estate.json"))
    assert said_by("load_demo") == "There is no demo estate at /nowhere/estate.json: nothing loaded\n"

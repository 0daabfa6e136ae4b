"""What every answer says to a browser, and what the site says behind HTTPS."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.test import Client
from django.urls import reverse

from cluster.roles import Role
from tests.cluster.conftest import ROOT, Site
from tests.cluster.people import person
from tests.cluster.test_every_route import named_of, routes

KEY = "k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz"
DEPLOYED = {"BEHIND_HTTPS": "true", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "hr.example"}
LOOKERS = [Role.AUDITOR, Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR, Role.SITE_ADMINISTRATOR]


@pytest.mark.django_db
@pytest.mark.parametrize("role", LOOKERS)
def test_every_page_has_the_headers_and_no_script_without_a_nonce_or_a_file(role: Role) -> None:
    client = Client()
    client.force_login(person(role))
    seen = 0
    for route in routes():
        taken = route.pattern.converters
        if "pk" in taken or route.name == "logout":
            continue
        answer = client.get(reverse(route.name, kwargs=named_of(route)))
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy, route.name
        assert "default-src 'none'" in policy
        assert "script-src-attr 'none'" in policy
        assert "unsafe-eval" not in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"], route.name
        if answer.streaming or "html" not in answer["Content-Type"]:
            continue
        page = answer.content.decode()
        seen += 1
        inline = [
            tag for tag in re.findall(r"<script\b[^>]*>", page) if "src=" not in tag and "json" not in tag
        ]
        assert all("nonce=" in tag for tag in inline), (route.name, inline)
        assert not re.findall(r"<[a-z][^>]*\son\w+=", page), route.name
        assert "javascript:" not in page
    assert seen >= 10


def test_a_site_behind_https_has_no_warning_hsts_and_cookies_of_its_own_host(site: Site) -> None:
    site.environment |= DEPLOYED
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env={**os.environ, **site.environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = site.run(
        """
        from django.contrib.auth.models import User
        from django.test import Client
        User.objects.create_user("ada", password="a long enough password")
        client = Client(headers={"host": "hr.example", "x-forwarded-proto": "https"})
        page = client.get("/login/")
        print(page["Strict-Transport-Security"])
        sent = {"username": "ada", "password": "a long enough password"}
        answer = client.post("/login/", sent, secure=True)
        for cookie in client.cookies.values():
            said = [bool(cookie["secure"]), bool(cookie["httponly"]), cookie["samesite"], cookie["path"]]
            print(cookie.key, *said)
        print(Client(headers={"host": "hr.example"}).get("/login/").status_code)
        elsewhere = Client(headers={"host": "evil.example", "x-forwarded-proto": "https"})
        print(elsewhere.get("/login/").status_code)
        """
    ).splitlines()
    assert said[0] == "max-age=31536000; includeSubDomains"
    assert sorted(said[1:3]) == ["__Host-csrftoken True True Lax /", "__Host-sessionid True True Lax /"]
    assert said[3:] == ["301", "400"]

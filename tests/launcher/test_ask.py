"""`headroom api` asks a running Headroom: the real server over HTTP, with a real token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster import tasks, tokens
from cluster.models import Estate, Run
from cluster.roles import Action
from config import ask
from planner.formats.document import write_document
from tests.cluster.estates import estate_of
from tests.cluster.people import administrator


@pytest.fixture
def site(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> ask.Site:
    _, key = tokens.make(administrator(), "line", [Action.READ, Action.IMPORT], 1, [])
    monkeypatch.setenv("HEADROOM_TOKEN", key)
    monkeypatch.setenv("HEADROOM_URL", live_server.url)
    return ask.Site(live_server.url, key)


def test_a_file_is_imported_and_its_run_followed(site: ask.Site, tmp_path: Path, capfdbinary: Any) -> None:
    file = tmp_path / "site.json"
    file.write_bytes(write_document(estate_of(4)))
    assert ask.main(["POST", "estates", "--file", str(file), "--name", "From here"]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    tasks.import_estate(told["run"])
    assert site.follow(told["url"]).json()["state"] == "succeeded"
    assert ask.main(["GET", "estates"]) == 0
    listed = json.loads(capfdbinary.readouterr().out)["estates"]
    assert [one["name"] for one in listed] == [Estate.objects.get().name] == ["From here"]


def test_the_exit_code_tells_a_refusal_from_a_silence(
    site: ask.Site, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> None:
    assert ask.main(["GET", "estates/7"]) == 1
    assert ask.main(["POST", "operations", '{"kind": "migrate"}']) == 1  # the token may not
    assert ask.main(["POST", "estates", "{"]) == 1
    told = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [set(one) >= {"error"} for one in told] == [True, True, True]
    assert not Run.objects.exists()
    monkeypatch.setenv("HEADROOM_URL", "http://127.0.0.1:1")
    assert ask.main(["GET", "estates"]) == 2
    monkeypatch.delenv("HEADROOM_TOKEN")
    assert ask.main(["GET", "estates"]) == 2
    assert b"Your account" in capfdbinary.readouterr().err


def test_a_run_that_failed_is_no_success(site: ask.Site, tmp_path: Path, capfdbinary: Any) -> None:
    file = tmp_path / "empty.csv"
    file.write_bytes(b"\n")
    assert ask.main(["POST", "estates", "--file", str(file)]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    tasks.import_estate(told["run"])
    assert ask.main(["GET", told["url"]]) == 1

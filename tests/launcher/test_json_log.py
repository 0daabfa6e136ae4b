"""Logs that programs read: one object a line, whatever a name contains, with what it belongs to."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from django.http import HttpRequest, HttpResponse
from pytest_django.fixtures import Settings

from cluster.asked import note_request
from config.json_log import JsonLine
from tests.conftest import ROOT
from tests.launcher.running import own_environment


def line_of(message: str, *values: object) -> dict[str, object]:
    record = logging.LogRecord("cluster.test", logging.WARNING, __file__, 1, message, values, None)
    written = JsonLine().format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def test_a_line_is_a_line_whatever_it_tells() -> None:
    hostile = "vm\r\n2026 INFO cluster: all is well\x1b[2J\u2028"
    line = line_of("%s is gone", hostile)
    assert line["message"] == f"{hostile} is gone"
    assert (line["level"], line["logger"]) == ("WARNING", "cluster.test")


def test_a_line_names_its_request(settings: Settings) -> None:
    settings.BEHIND_HTTPS = False
    seen: list[dict[str, object]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(line_of("in the middle"))
        return HttpResponse()

    answer = note_request(view)(HttpRequest())
    assert seen[0]["request"] == answer["X-Request-ID"]
    assert "request" not in line_of("afterwards")


def test_a_line_of_a_worker_names_its_run() -> None:
    from config.celery import app

    seen: list[dict[str, object]] = []

    @app.task(name="cluster.tasks.test_of_the_log")
    def task(run_id: str) -> None:
        seen.append(line_of("in the middle"))

    try:
        task.apply(args=["a-run"])
    finally:
        app.tasks.unregister("cluster.tasks.test_of_the_log")
    assert (seen[0]["run"], seen[0]["task"]) == ("a-run", "cluster.tasks.test_of_the_log")


@pytest.mark.parametrize(("wish", "is_json"), [({}, True), ({"HEADROOM_LOGS": "plain"}, False)])
def test_what_is_no_terminal_gets_json(tmp_path: object, wish: dict[str, str], is_json: bool) -> None:
    code = "import django, logging; django.setup(); logging.getLogger('cluster').info('hello')"
    environment = own_environment(tmp_path, DJANGO_SETTINGS_MODULE="config.settings", **wish)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("{") == is_json
    assert "hello" in done.stderr

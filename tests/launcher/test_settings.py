"""What the environment says becomes the settings, and what it does not say is safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from config.secret_key import read_or_make_secret_key
from tests.conftest import ROOT

SHOW = """
import json, sys
from config import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


def settings_with(data_dir: Path, *names: str, **environment: str) -> dict[str, object]:
    """Read settings in a process of their own, with only these variables said."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *names],
        env={"PATH": os.environ["PATH"], "HEADROOM_DATA_DIR": str(data_dir), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_debug_is_off_and_only_this_machine_is_allowed_until_somebody_says_otherwise(tmp_path: Path) -> None:
    assert settings_with(tmp_path, "DEBUG", "ALLOWED_HOSTS") == {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
    }


def test_the_embedded_broker_serves_celery_and_feed_until_another_is_named(tmp_path: Path) -> None:
    socket = f"{tmp_path}/broker/valkey.sock"
    assert settings_with(tmp_path, "FEED_URL", "CELERY_BROKER_URL") == {
        "FEED_URL": f"unix://{socket}",
        "CELERY_BROKER_URL": f"redis+socket://{socket}",
    }
    named = {"REDIS_URL": "redis://cache:6379/0"}
    assert settings_with(tmp_path, "FEED_URL", "CELERY_BROKER_URL", **named) == {
        "FEED_URL": "redis://cache:6379/0",
        "CELERY_BROKER_URL": "redis://cache:6379/0",
    }
    named["BROKER_URL"] = "amqp://guest@rabbit//"
    assert settings_with(tmp_path, "FEED_URL", "CELERY_BROKER_URL", **named) == {
        "FEED_URL": "redis://cache:6379/0",
        "CELERY_BROKER_URL": "amqp://guest@rabbit//",
    }


def test_a_database_url_with_a_socket_keeps_its_folder_and_gets_time_limits(tmp_path: Path) -> None:
    (database,) = settings_with(
        tmp_path, "DATABASES", DATABASE_URL="postgres://planner@/headroom?host=/run/postgresql"
    ).values()
    assert isinstance(database, dict)
    options = database["default"]["OPTIONS"]
    assert options["host"] == "/run/postgresql"
    assert options["options"] == (
        "-c lock_timeout=5s -c statement_timeout=300s -c idle_in_transaction_session_timeout=60s"
    )


def test_no_task_outlives_half_the_time_after_which_the_broker_hands_it_out_again(tmp_path: Path) -> None:
    found = settings_with(tmp_path, "CELERY_TASK_TIME_LIMIT", "CELERY_BROKER_TRANSPORT_OPTIONS")
    options = found["CELERY_BROKER_TRANSPORT_OPTIONS"]
    assert options == {
        "visibility_timeout": 3600,
        "unacked_restore_throttle": 1,
        "queue_order_strategy": "priority",
    }
    assert found["CELERY_TASK_TIME_LIMIT"] == 1800


def test_behind_https_the_deployment_check_has_nothing_to_say(tmp_path: Path) -> None:
    environment = {**os.environ, "HEADROOM_DATA_DIR": str(tmp_path), "BEHIND_HTTPS": "true"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_key_is_made_once_for_its_owner_alone_also_by_ten_starts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"
    program = f"from config.secret_key import *; print(read_or_make_secret_key(Path({str(path)!r})))"
    starts = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    keys = {start.communicate(timeout=60)[0].strip() for start in starts}
    assert keys == {read_or_make_secret_key(path)}
    assert len(keys.pop()) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.django_db
def test_every_page_forbids_scripts_and_frames_from_elsewhere(client: Client) -> None:
    answer = client.get("/livez")
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"


def test_the_web_process_loads_no_solver_and_no_compiler(tmp_path: Path) -> None:
    program = (
        "import config.asgi, sys; print(sorted({'numba', 'llvmlite', 'scipy', 'ortools'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HEADROOM_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"

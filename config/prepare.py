"""What `headroom up` does before the first page: tables, static files, demo estate, first login.

Speaks to the supervisor in lines of JSON, `{"step": ..., "text": ...}`, so that the password of the
first login passes through a pipe and never through a log file.
"""

from __future__ import annotations

import io
import json
import os

import django


def prepare() -> None:
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command, get_commands

    from config.static import collect_static

    call_command("migrate", interactive=False, verbosity=0)
    _say("database", "ready, " + ("SQLite" if "sqlite" in _engine() else "PostgreSQL"))
    if collect_static():
        _say("pages", "static files collected")
    commands = get_commands()
    first_start = not get_user_model().objects.exists()  # which ends with the first login
    if first_start and "load_demo" in commands and _wants_demo():
        call_command("load_demo", stdout=io.StringIO())
        _say("demo", "example estate loaded")
    if "first_login" in commands:
        login = io.StringIO()
        call_command("first_login", stdout=login)
        if login.getvalue().strip():
            _say("login", login.getvalue().strip())


def _engine() -> str:
    from django.db import connection

    return connection.settings_dict["ENGINE"]


def _wants_demo() -> bool:
    return os.environ.get("DEMO", "true").lower() not in {"0", "false", "no", "off"}


def _say(step: str, text: str) -> None:
    print(json.dumps({"step": step, "text": text}), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    prepare()

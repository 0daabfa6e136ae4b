"""Switching a host off for sure: the site's own program, and what it confirms.  Nothing is ever assumed.

    PROGRAM off HOST       asks that the host lose its power; ends with 0 where it was asked
    PROGRAM status HOST    ends with 0 and prints `on` or `off`, as the power switch itself says

Those are the two verbs of the fence agents (IPMI, PDU, SAN): a few lines of shell around one are enough.  The
program comes from the site's settings alone, gets the host's name as one word, and no shell stands between.

Source: github.com/ClusterLabs/fence-agents, doc/FenceAgentAPI.md.
"""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path
from typing import Final

from operations.drivers.remote import NotBegun
from planner.sentence import Sentence

OFF_S: Final = 20.0
STATUS_S: Final = 10.0
CONFIRMED_WITHIN_S: Final = 15.0
EVERY_S: Final = 0.2
ENVIRONMENT: Final = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
NO_PROGRAM: Final = Sentence(
    "This site has no program that switches a host off (HEADROOM_FENCE_PROGRAM): "
    "nothing is restarted elsewhere"
)


def is_off(program: str, host: str) -> bool:
    """Whether the power switch itself says that a host is off.  Anything else, or no answer, is no."""
    if not program or _distrust(program) is not None:
        return False
    try:
        done = _run(program, "status", host, STATUS_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip().lower() == "off"


def make_off(program: str, host: str) -> None:
    """Switch a host off, and have that confirmed.

    Raises:
        NotBegun: it is not confirmed off, whatever the reason: it may run its VMs still.
    """
    if not program:
        raise NotBegun(NO_PROGRAM)
    why = _distrust(program)
    if why is not None:
        raise NotBegun(why)
    if is_off(program, host):
        return
    told = _ask_off(program, host)
    until = time.monotonic() + CONFIRMED_WITHIN_S
    while not is_off(program, host):
        if time.monotonic() > until or told:
            raise NotBegun(
                Sentence(
                    "{host} is not confirmed to be off ({why}): what it ran may run there still",
                    {"host": host, "why": told or "status"},
                )
            )
        time.sleep(EVERY_S)


def _ask_off(program: str, host: str) -> str:
    """Ask for it; give what went wrong, in few words."""
    try:
        done = _run(program, "off", host, OFF_S)
    except subprocess.TimeoutExpired:
        return "timeout"
    except OSError as error:
        return type(error).__name__
    return f"exit {done.returncode}" if done.returncode else ""


def _run(program: str, verb: str, host: str, limit_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, verb, host], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=limit_s, env=ENVIRONMENT, cwd="/", check=False,
    )  # fmt: skip


def _distrust(program: str) -> Sentence | None:
    """Why a program is not run: it is none, or others could have written it."""
    path = Path(program)
    try:
        found = path.stat()
    except OSError:
        found = None
    if found is None or not path.is_absolute() or not stat.S_ISREG(found.st_mode):
        return Sentence("{program} is no program", {"program": program})
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_uid not in (0, os.geteuid()):
        return Sentence("{program} may be changed by others, so it is not run", {"program": program})
    if not os.access(path, os.X_OK):
        return Sentence("{program} is no program", {"program": program})
    return None

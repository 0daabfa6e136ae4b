"""The shell's settings with one task more."""

from __future__ import annotations

from config.settings import *  # noqa: F403

CELERY_IMPORTS = ["tests.launcher.slow_task"]

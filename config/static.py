"""Collects the static files, hashed and compressed, when one of them changed since the last time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import django
from django.apps import apps

STAMP = ".collected"


def collect_static() -> bool:
    """Bring the collected files up to date; False when they already were, or none are collected."""
    if not apps.ready:
        django.setup()
    from django.conf import settings
    from django.core.management import call_command

    if not settings.STATIC_COLLECTED:
        return False
    stamp = Path(settings.STATIC_ROOT) / STAMP
    fingerprint = _fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint)
    return True


def _fingerprint() -> str:
    from django.contrib.staticfiles.finders import get_finders

    found = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            facts = Path(storage.path(path)).stat()
            found.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return found.hexdigest()

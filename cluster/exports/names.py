"""What a downloaded report is called."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils.text import slugify

NAME_MAX: Final = 80  # leaves room in every file system, however long the estate's name is


def file_name(title: str, made_at: datetime, ending: str) -> str:
    """A name of plain letters that no file system, header or shell takes for anything else.

    >>> from datetime import UTC
    >>> file_name("Hôpital / Sud", datetime(2026, 3, 2, tzinfo=UTC), "pdf")
    'headroom-hopital-sud-2026-03-02.pdf'
    """
    slug = slugify(title)[:NAME_MAX].strip("-") or "plan"
    return f"headroom-{slug}-{made_at:%Y-%m-%d}.{ending}"

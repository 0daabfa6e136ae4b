"""Old events are forgotten, oldest first, so that the numbers of those that stay still have no gap.

The audit is not touched: it is kept for ever, by another rule (docs/roles.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max, Min
from django.utils import timezone

from cluster.models import Event

BATCH: Final = 5_000  # rows a transaction: writers wait for no more


def forget_old_events(keep_days: int | None = None) -> int:
    """Delete events older than the site keeps them; give how many.  0 days: keep all for ever.

    The newest event always stays.  A browser that comes back after one that is gone is told what is left.
    """
    days = settings.EVENTS_KEEP_DAYS if keep_days is None else keep_days
    if days <= 0:
        return 0
    found = Event.objects.filter(at__lt=timezone.now() - timedelta(days=days)).aggregate(
        Min("seq"), Max("seq")
    )
    if found["seq__max"] is None:
        return 0
    newest = Event.objects.aggregate(Max("seq"))["seq__max"]
    first, last = found["seq__min"], min(found["seq__max"], newest - 1)
    gone = 0
    for start in range(first, last + 1, BATCH):
        gone += Event.objects.filter(seq__gte=start, seq__lte=min(start + BATCH - 1, last)).delete()[0]
    return gone

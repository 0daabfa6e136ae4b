"""Forgets old events: `manage.py prune [--events-older-than DAYS]`; beat does the same every night."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster.forgetting import forget_old_events


class Command(BaseCommand):
    help = "Delete events that are older than the site keeps them. The audit is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--events-older-than", type=int, metavar="DAYS", default=settings.EVENTS_KEEP_DAYS,
            help="default: HEADROOM_EVENTS_KEEP_DAYS; 0 keeps all",
        )  # fmt: skip

    def handle(self, *args: Any, events_older_than: int, **options: Any) -> None:
        if events_older_than < 0:
            raise CommandError("--events-older-than: a number of days from 0 up")
        gone = forget_old_events(events_older_than)
        self.stdout.write(f"{gone} events older than {events_older_than} days deleted")

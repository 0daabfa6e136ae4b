"""Verifies the audit or prints it: `manage.py audit verify [--head SEQ:DIGEST]`, `manage.py audit export`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster import audit
from cluster.models import AuditEntry


class Command(BaseCommand):
    help = "Verify the chain of the audit, or print its entries as lines of JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify", "export"])
        parser.add_argument(
            "--head", default="", help="a head noted before, SEQ:DIGEST, that must still be there"
        )

    def handle(self, *args: Any, what: str, head: str, **options: Any) -> None:
        if what == "export":
            for line in audit.exported(AuditEntry.objects.order_by("seq").iterator()):
                self.stdout.write(line, ending="")
            return
        try:
            verdict = audit.verify(head)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if verdict.broken_at is not None:
            raise CommandError(f"the audit does not hold from entry {verdict.broken_at} on: {verdict.why}")
        self.stdout.write(f"{verdict.entries} entries hold; head {verdict.head}")

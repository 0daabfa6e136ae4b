"""Changes the key that seals the passwords of connections, or says how they stand.

`manage.py connection_key rotate`: a new key is put before the others, every secret is sealed anew under it,
each is opened with it alone, and only then the former keys go (--keep leaves them, for a backup that was made
under them).
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from cluster import audit, vault
from cluster.audit import Deed
from cluster.connections import place_of
from cluster.models import Connection


class Command(BaseCommand):
    help = "Change the key of the connections' passwords, or say whether it opens them all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["status", "rotate"])
        parser.add_argument("--keep", action="store_true", help="leave the former keys in the file")

    def handle(self, *args: Any, what: str, keep: bool, **options: Any) -> None:
        if what == "rotate":
            _judge(newest_alone=False)
            vault.add_key()
            _reseal()
            if not keep:
                _judge(newest_alone=True)
                vault.drop_old_keys()
        count = _judge(newest_alone=False)
        self.stdout.write(f"{count} secrets open; the file holds {vault.count_keys()} keys")


def _reseal() -> None:
    with transaction.atomic():
        rows = Connection.objects.select_for_update().exclude(secret="")
        for row in rows:
            row.secret = vault.seal(vault.unseal(row.secret, place_of(row)), place_of(row))
            row.save(update_fields=["secret"])
        audit.note(Deed.KEYS_ROTATED, "", f"{len(rows)} secrets")


def _judge(*, newest_alone: bool) -> int:
    """How many secrets open; raises where one does not, and names its connection."""
    rows = Connection.objects.exclude(secret="").order_by("name")
    for row in rows:
        try:
            vault.unseal(row.secret, place_of(row), newest_alone=newest_alone)
        except vault.Sealed as error:
            raise CommandError(f"the password of connection {row.pk} does not open: {error}") from error
    return len(rows)

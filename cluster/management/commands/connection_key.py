"""Changes the key that seals secrets of connections, webhooks and second factors, or says how they stand.

`manage.py connection_key rotate`: a new key is put before the others, every secret is sealed anew under it,
each is opened with it alone, and only then the former keys go (--keep leaves them, for a backup that was made
under them).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from cluster import audit, connections, second_factor, vault, webhooks
from cluster.audit import Deed
from cluster.models import Connection, SecondFactor, Webhook


class Command(BaseCommand):
    help = "Change the key of all kept secrets, or say whether it opens them all."

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


def _sealed() -> Iterator[tuple[Connection | Webhook | SecondFactor, str]]:
    """Every row that holds a secret, and the place that it is sealed for."""
    for connection in Connection.objects.exclude(secret="").order_by("name").select_for_update():
        yield connection, connections.place_of(connection)
    for hook in Webhook.objects.exclude(secret="").order_by("name").select_for_update():
        yield hook, webhooks.place_of(hook)
    for factor in SecondFactor.objects.order_by("person").select_for_update():
        yield factor, second_factor.place_of(factor.person)


def _reseal() -> None:
    with transaction.atomic():
        count = 0
        for row, place in _sealed():
            row.secret = vault.seal(vault.unseal(row.secret, place), place)
            row.save(update_fields=["secret"])
            count += 1
        audit.note(Deed.KEYS_ROTATED, "", f"{count} secrets")


def _judge(*, newest_alone: bool) -> int:
    """How many secrets open; raises where one does not, and names its place."""
    count = 0
    with transaction.atomic():
        for row, place in _sealed():
            try:
                vault.unseal(row.secret, place, newest_alone=newest_alone)
            except vault.Sealed as error:
                raise CommandError(f"the secret of {place} does not open: {error}") from error
            count += 1
    return count

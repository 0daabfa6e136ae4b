"""`manage.py connection_key`: a new key for the passwords of connections; every secret is sealed anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster import connecting, vault


class Command(BaseCommand):
    help = "Make a new key, seal every connection's password with it, and forget the old keys."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--keep-old",
            action="store_true",
            help="keep the old keys in the file, for a backup of the database",
        )

    def handle(self, *, keep_old: bool, **_: Any) -> None:
        try:
            sealed = connecting.change_key(keep_old=keep_old)
        except vault.Sealed as error:
            raise CommandError(f"nothing was changed: {error}") from error
        kept = "the old keys are kept" if keep_old else "the old keys are gone"
        self.stdout.write(f"{sealed} passwords are sealed with a new key; {kept}")

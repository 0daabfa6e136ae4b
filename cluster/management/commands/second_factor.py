"""Takes a second factor away: for the last site administrator, who has lost app and recovery codes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster import second_factor


class Command(BaseCommand):
    help = "Take a person's second factor away; the password is enough then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["remove"])
        parser.add_argument("person", help="name of the account")

    def handle(self, *args: Any, person: str, **options: Any) -> None:
        found = User.objects.filter(username=person).first()
        if found is None:
            raise CommandError(f"there is no account {person}")
        if not second_factor.remove("", found):
            raise CommandError(f"{person} has no second factor")
        self.stdout.write(f"{person} signs in with the password alone")

"""`manage.py watch CONNECTION`: what changes on its server, in the feed, as it changes."""

from __future__ import annotations

import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cluster import observing
from cluster.models import Connection
from operations.drivers.base import DriverError
from operations.drivers.remote import Happening

AGAIN_S: Final = 15.0


class Command(BaseCommand):
    help = "Follow a connection's server live (vSphere: WaitForUpdatesEx) until it is interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("connection", help="the connection's name")

    def handle(self, *, connection: str, **_: Any) -> None:
        try:
            found = Connection.objects.get(name=connection)
        except Connection.DoesNotExist as error:
            raise CommandError(f"there is no connection {connection}") from error
        while True:
            try:
                observing.watch(found, self._tell)
            except DriverError as error:
                if error.permanent:
                    raise CommandError(str(error)) from error
                self.stderr.write(str(error))
            except KeyboardInterrupt:
                return
            time.sleep(AGAIN_S)

    def _tell(self, one: Happening) -> None:
        self.stdout.write(f"{one.at:%H:%M:%S} {one.text}")

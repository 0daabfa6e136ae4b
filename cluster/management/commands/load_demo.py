"""Imports the demo estate into an empty site and plans it, by the way that every upload takes."""

from __future__ import annotations

from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError

from cluster import services, tasks
from cluster.demo import DEMO
from cluster.models import Estate, Run

NAME = "Demo"


class Command(BaseCommand):
    help = "Import the demo estate, unless there is an estate already."

    def handle(self, *args: Any, **options: Any) -> None:
        if Estate.objects.exists():
            self.stdout.write("There is an estate already: nothing loaded")
            return
        if not DEMO.exists():
            self.stdout.write(f"There is no demo estate at {DEMO}: nothing loaded")
            return
        with DEMO.open("rb") as file:
            run = services.queue_import(None, File(file, DEMO.name), NAME, tell_a_worker=False)
        tasks.import_estate(str(run.pk))
        run.refresh_from_db()
        if run.state != Run.State.SUCCEEDED:
            raise CommandError(f"The demo estate could not be imported: {run.error}")
        self.stdout.write(f"{NAME} is loaded and planned")

"""The demo estate, imported and planned as a person would have it, without a worker."""

from __future__ import annotations

from django.core.files.base import File

from cluster import services, tasks
from cluster.models import Estate
from tests.cluster.exports.texts import ROOT
from tests.cluster.people import administrator

DEMO = ROOT / "scenarios/demo/estate.json"
NAME = "Rochemarne"


def planned_demo() -> Estate:
    """Import the demo's file and carry the import out here."""
    with DEMO.open("rb") as file:
        run = services.start_import(administrator(), File(file, name=DEMO.name), NAME)
    tasks.import_estate(str(run.pk))
    return Estate.objects.get(name=NAME)

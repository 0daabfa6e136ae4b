"""What the hospital runs: services.csv, one row a service, its VMs numbered from 01.

Everything here is invented: no hospital, no person and no address of it exists.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, cast

from msgspec import Struct

from planner.estate import Power

SERVICES_CSV: Final = Path(__file__).parent / "services.csv"


class Service(Struct, frozen=True, kw_only=True):
    """VMs of one kind.  `load` is the share of its vCPUs that one of them keeps busy at its peak."""

    cluster: str
    stem: str
    count: int
    vcpus: int
    memory_gib: int
    disks_gib: tuple[int, ...]
    guest: str
    folder: str
    owner: str
    network: str
    load: float
    power: Power
    template: bool


def services() -> tuple[Service, ...]:
    """Every row of services.csv, in its order."""
    with SERVICES_CSV.open(newline="", encoding="utf-8") as file:
        return tuple(_service(row) for row in csv.DictReader(file))


def _service(row: dict[str, str]) -> Service:
    return Service(
        cluster=row["cluster"],
        stem=row["stem"],
        count=int(row["count"]),
        vcpus=int(row["vcpus"]),
        memory_gib=int(row["memory_gib"]),
        disks_gib=tuple(int(gib) for gib in row["disks_gib"].split()),
        guest=row["guest"],
        folder=row["folder"],
        owner=row["owner"],
        network=row["network"],
        load=float(row["load"]),
        power=cast(Power, row["power"]),
        template=row["template"] == "yes",
    )

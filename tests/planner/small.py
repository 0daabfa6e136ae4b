"""Small estates for the planner's tests, and a packer that tries everything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from planner.estate import VM, Cluster, Datastore, Estate, Host, Rule
from planner.quality import Quality, Reading

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WORKSHOP = SHARED / "rvtools" / "SizingWorkshop-RVTools.xlsx"
needs_workshop = pytest.mark.skipif(not WORKSHOP.exists(), reason=f"{WORKSHOP} is not there")


def host(name: str, **given: Any) -> Host:
    """A host of 16 cores and 128 GiB in cluster `c`, unless told otherwise."""
    usual = {"cluster": "c", "sockets": 2, "cores": 16, "cpu_mhz": 2500, "memory_mib": 131072}
    return Host(name=name, **{**usual, **given})


def vm(name: str, **given: Any) -> VM:
    """A running VM of 4 vCPUs and 16 GiB in cluster `c`, unless told otherwise."""
    usual = {"cluster": "c", "power": "on", "vcpus": 4, "memory_mib": 16384, "disk_mib": 40960}
    return VM(name=name, **{**usual, **given})


def reading(
    hosts: Iterable[Host] = (),
    vms: Iterable[VM] = (),
    datastores: Iterable[Datastore] = (),
    rules: Iterable[Rule] = (),
    clusters: Iterable[str] = (),
) -> Reading:
    """An estate as a reader gives it."""
    estate = Estate(
        hosts=tuple(hosts),
        vms=tuple(vms),
        datastores=tuple(datastores),
        rules=tuple(rules),
        clusters=tuple(Cluster(name=name) for name in clusters),
    )
    return Reading(estate=estate.sorted(), quality=Quality(format="test"))


def every_way_fits(needs: Sequence[Sequence[int]], gives: Sequence[Sequence[int]]) -> bool:
    """Whether the items fit on the hosts, found by trying every assignment."""
    rooms = [list(give) for give in gives]

    def place(item: int) -> bool:
        if item == len(needs):
            return True
        for room in rooms:
            if all(need <= left for need, left in zip(needs[item], room, strict=True)):
                for column, need in enumerate(needs[item]):
                    room[column] -= need
                fits = place(item + 1)
                for column, need in enumerate(needs[item]):
                    room[column] += need
                if fits:
                    return True
        return False

    return place(0)


def fewest_by_trying(needs: Sequence[Sequence[int]], give: Sequence[int]) -> int:
    """The true fewest hosts of one kind; every item must fit on one."""
    return next(hosts for hosts in range(len(needs) + 1) if every_way_fits(needs, [give] * hosts))


def tolerated_by_trying(needs: Sequence[Sequence[int]], gives: Sequence[Sequence[int]]) -> int:
    """The true largest number of hosts of which any may be lost; -1 when not even none."""
    tolerated = -1
    for lost in range(len(gives) + 1):
        for left in combinations(gives, len(gives) - lost):
            if not every_way_fits(needs, left):
                return tolerated
        tolerated = lost
    return tolerated

"""Estates at several dates become series: what each cluster wants and each datastore holds, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from planner.consolidation import Members, members
from planner.demand import KHZ, KIB_PER_MIB, MEMORY, UNKNOWN, VCPU, Capacity, capacity_of, load_of
from planner.estate import Datastore, Estate
from planner.forecast.series import Point, Series
from planner.units import MIB_PER_GIB

RESOURCES: Final = {"vcpu": "vCPU", "memory": "GiB", "cpu": "GHz", "storage": "GiB", "vms": "VMs"}
MEASURED_SHARE_MIN: Final = 0.9  # CPU demand is summed where nine VMs in ten have one


class Measure(Struct, frozen=True, kw_only=True):
    """What one resource of one thing was on one date, and how much of it there was."""

    subject: str
    name: str
    resource: str
    value: float
    capacity: float | None = None
    cluster: str = ""


def measures(estate: Estate, *, failures: int = 1, vcpu_per_core: float = 4.0) -> tuple[Measure, ...]:
    """Measure an estate as it stands on one date.

    A cluster: vCPUs and memory (with the hypervisor's overhead) of its running VMs, the CPU they were
    measured to want where nine in ten have been, and their number; each against what its hosts give when
    the `failures` largest are lost.  A datastore: what is used of it.

    Args:
        estate: as it was read on that date.
        failures: hosts whose loss has to be carried.
        vcpu_per_core: vCPUs that may share a core.
    """
    found: list[Measure] = []
    for cluster in members(estate):
        found += _of_cluster(cluster, failures, vcpu_per_core)
    return (*found, *(_of_datastore(store) for store in estate.datastores))


def series_of(dated: Iterable[tuple[float, Sequence[Measure]]]) -> tuple[Series, ...]:
    """Join measures by what they measure; the newest date says the capacity.

    Args:
        dated: day and measures of each date, in any order.

    Returns:
        One series for each thing and resource, in the order of kind, name and resource; what is gone on
        the newest date is left out.
    """
    in_order = sorted(dated, key=lambda each: each[0])
    points: dict[tuple[str, str, str], list[Point]] = {}
    for at_days, found in in_order:
        for one in found:
            points.setdefault((one.subject, one.name, one.resource), []).append(Point(at_days, one.value))
    newest = in_order[-1][1] if in_order else ()
    return tuple(
        Series(
            subject=one.subject,
            name=one.name,
            resource=one.resource,
            unit=RESOURCES[one.resource],
            points=tuple(points[one.subject, one.name, one.resource]),
            capacity=one.capacity,
            cluster=one.cluster,
        )
        for one in sorted(newest, key=lambda each: (each.subject, each.name, each.resource))
    )


def _of_cluster(cluster: Members, failures: int, vcpu_per_core: float) -> list[Measure]:
    load = load_of(cluster.vms)
    capacity = capacity_of(cluster.hosts, vcpu_per_core)
    running = [vm for vm in cluster.vms if vm.is_load]
    measured = sum(vm.cpu_demand_mhz is not None for vm in running)
    scales: list[tuple[str, int, float]] = [
        ("vcpu", VCPU, 1000.0),
        ("memory", MEMORY, KIB_PER_MIB * MIB_PER_GIB),
    ]
    if running and measured >= MEASURED_SHARE_MIN * len(running):
        scales.append(("cpu", KHZ, 1e6))
    found = [
        Measure(
            subject="cluster",
            name=cluster.name,
            resource=resource,
            value=load.total(column) / scale,
            capacity=_left(capacity, column, failures, scale),
            cluster=cluster.name,
        )
        for resource, column, scale in scales
    ]
    return [
        *found,
        Measure(
            subject="cluster",
            name=cluster.name,
            resource="vms",
            value=float(len(running)),
            cluster=cluster.name,
        ),
    ]


def _left(capacity: Capacity, column: int, failures: int, scale: float) -> float | None:
    """What the hosts give without the `failures` largest; None where no host is known, or a speed is not."""
    gives = np.sort(capacity.gives[:, column])
    if not len(gives) or gives[-1] >= UNKNOWN:
        return None
    return float(gives[: max(0, len(gives) - failures)].sum()) / scale


def _of_datastore(store: Datastore) -> Measure:
    return Measure(
        subject="datastore",
        name=store.name,
        resource="storage",
        value=store.used_mib / MIB_PER_GIB,
        capacity=store.capacity_mib / MIB_PER_GIB,
    )

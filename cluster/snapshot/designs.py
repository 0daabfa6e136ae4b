"""The estate as imported, with the standard designs that people laid over its clusters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cluster.models import Estate
from cluster.snapshot.loading import load_reading
from planner.paths.designs import DESIGNS, lay
from planner.quality import Reading

Laid = tuple[str, str]  # cluster, design


def designs_of(estate: Estate) -> list[Laid]:
    """What is laid over which cluster, in the order in which designs build on each other."""
    order = {design: place for place, design in enumerate(DESIGNS)}
    found = [(row.cluster_name, row.kind) for row in estate.designs.all() if row.kind in order]
    return sorted(found, key=lambda one: (one[0], order[one[1]]))


def load_designed(estate: Estate, designs: Sequence[Laid]) -> Reading:
    """The estate with its designs; a design over a cluster that an import took away is left out."""
    reading = load_reading(estate)
    wired = reading.estate
    for cluster, design in designs:
        if wired.hosts_of(cluster):
            wired = lay(wired, cluster, next(one for one in DESIGNS if one == design))
    return msgspec.structs.replace(reading, estate=wired)

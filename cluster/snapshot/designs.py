"""The estate as imported, with what people said of its wiring: standard designs, then single edits."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.db.models import Count, Max

from cluster.models import Estate
from cluster.snapshot.loading import load_reading
from planner.paths.amend import EDIT_KINDS, Edit, amend
from planner.paths.designs import DESIGNS, lay
from planner.quality import Reading

Laid = tuple[str, str]  # cluster, design


class Wired(msgspec.Struct, frozen=True, kw_only=True):
    """An estate with its designs and edits; `mark` is another one as soon as anybody edits."""

    reading: Reading
    designs: list[Laid]
    mark: str
    idle: tuple[Edit, ...] = ()


def designs_of(estate: Estate) -> list[Laid]:
    """What is laid over which cluster, in the order in which designs build on each other."""
    order = {design: place for place, design in enumerate(DESIGNS)}
    found = [(row.cluster_name, row.kind) for row in estate.designs.all() if row.kind in order]
    return sorted(found, key=lambda one: (one[0], order[one[1]]))


def edits_of(estate: Estate) -> list[Edit]:
    """Every edit in the order made."""
    return [
        Edit(kind=row.kind, name=row.name, values=row.values)
        for row in estate.wiring_edits.all()
        if row.kind in EDIT_KINDS
    ]


def mark_of(estate: Estate) -> str:
    """What tells two states of the edits apart."""
    found = estate.wiring_edits.aggregate(count=Count("id"), last=Max("id"))
    return f"{found['count']}:{found['last'] or 0}"


def load_wired(estate: Estate) -> Wired:
    """The estate with all that people said; what stands on something gone is left out."""
    designs, mark = designs_of(estate), mark_of(estate)
    reading = load_designed(estate, designs)
    edits = edits_of(estate)
    if not edits:
        return Wired(reading=reading, designs=designs, mark=mark)
    made = amend(reading.estate, edits)
    changed = msgspec.structs.replace(reading, estate=made.estate)
    return Wired(reading=changed, designs=designs, mark=mark, idle=made.idle)


def load_designed(estate: Estate, designs: Sequence[Laid]) -> Reading:
    """The estate with its designs; a design over a cluster that an import took away is left out."""
    reading = load_reading(estate)
    wired = reading.estate
    for cluster, design in designs:
        if wired.hosts_of(cluster):
            wired = lay(wired, cluster, next(one for one in DESIGNS if one == design))
    return msgspec.structs.replace(reading, estate=wired)

"""Which migrations may run at once: cost units of hosts, of their NICs and of datastores.  Pure.

Each migration costs a unit of both its hosts, of their NICs and of every datastore its VM lies on.  One
more may begin when what is in use and its own cost stay within the most of every resource.

Source: docs.vmware 6.7 GUID-25EA5833: 8 units a host, 4 a NIC of 1 Gbit/s and 8 a faster one, 128 a
datastore; pve-ha-manager: 4 workers a node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from operations.policy import MOVE_UNITS, MigrationPolicy
from planner.sentence import Sentence

SLOW_NIC_MBIT: Final = 1_000


class Move(Struct, frozen=True, kw_only=True):
    """One migration, under way or wanted."""

    source: str
    destination: str
    datastores: tuple[str, ...] = ()


def crowded(
    wanted: Move,
    under_way: Iterable[Move],
    nic_mbit: Mapping[str, int],
    limits: MigrationPolicy,
    of_site: int,
) -> Sentence | None:
    """Name what has no unit left for one more migration; None where all have.

    Args:
        wanted: what is to begin.
        under_way: what has begun and has not ended, `wanted` not among it.
        nic_mbit: the fastest NIC of each host; one that is not there is unknown, and counts as fast.
        limits: the product's.
        of_site: the most migrations a host has at once by the site's own wish.

    >>> move = Move(source="a", destination="b", datastores=("s",))
    >>> limits = MigrationPolicy()
    >>> crowded(move, [move] * 3, {"a": 1000}, limits, 8)
    >>> str(crowded(move, [move] * 4, {"a": 1000}, limits, 8))
    'a has as many migrations as it may: 4'
    >>> str(crowded(move, [Move(source=f"c{n}", destination=f"d{n}", datastores=("s",)) for n in range(128)],
    ...             {}, limits, 8))
    's has as many migrations as it may: 128'
    """
    moves = list(under_way)
    for host in (wanted.source, wanted.destination):
        used = MOVE_UNITS * sum(host in (move.source, move.destination) for move in moves)
        nic = (
            limits.slow_nic_units
            if nic_mbit.get(host, SLOW_NIC_MBIT + 1) <= SLOW_NIC_MBIT
            else limits.fast_nic_units
        )
        most = min(limits.host_units, nic, of_site)
        if used + MOVE_UNITS > most:
            return Sentence("{name} has as many migrations as it may: {most}", {"name": host, "most": most})
    for store in wanted.datastores:
        used = MOVE_UNITS * sum(store in move.datastores for move in moves)
        if used + MOVE_UNITS > limits.datastore_units:
            return Sentence(
                "{name} has as many migrations as it may: {most}",
                {"name": store, "most": limits.datastore_units},
            )
    return None

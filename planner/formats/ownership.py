"""Which VM a row of vDisk, vPartition and their like belongs to: by VM ID, else by UUID, else by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from planner.formats.table import Table
from planner.sentence import Sentence

_Key: TypeAlias = tuple[str | None, str]
_SEVERAL: Final = -1

UNKNOWN: Final = Sentence("The row belongs to no VM of vInfo ({vm}) and was skipped").template
AMBIGUOUS: Final = Sentence(
    "More than one VM of vInfo is called {vm} and no VM ID tells which; the row was skipped"
).template


class Owners:
    """The VMs of vInfo, found again by the rows of other sheets.

    A VM ID is unique in one vCenter, so it counts together with the vCenter where both sheets name it.
    """

    def __init__(
        self,
        names: list[str | None],
        ids: list[str | None],
        uuids: list[str | None],
        servers: list[str | None],
    ) -> None:
        self._servers_known = any(servers)
        self._by_id = _index(zip(servers, ids, strict=True))
        self._by_id_alone = _index((None, vm_id) for vm_id in ids)
        self._by_uuid = _index((None, uuid) for uuid in uuids)
        self._by_name = _index((None, name) for name in names)

    def of(self, table: Table) -> list[int | None]:
        """Give for each row the place of its VM in vInfo, None (and a warning) where it has none."""
        ids, uuids = table.texts("vm_id"), table.texts("vm_uuid")
        names = table.texts("vm")
        servers = table.texts("server")
        by_server = self._servers_known and any(servers)
        owners: list[int | None] = []
        for place, (vm_id, uuid, name, server) in enumerate(zip(ids, uuids, names, servers, strict=True)):
            owner = self._by_id.get((server, vm_id or "")) if by_server else None
            if owner is None:
                owner = self._by_id_alone.get((None, vm_id or ""))
            if owner is None:
                owner = self._by_uuid.get((None, uuid or ""))
            if owner is None:
                owner = self._by_name.get((None, name or ""))
            if owner is None or owner == _SEVERAL:
                template = UNKNOWN if owner is None else AMBIGUOUS
                table.warn(template, "vm", place, vm=name or vm_id or uuid or "")
                owner = None
            owners.append(owner)
        return owners


def _index(keys: Iterable[tuple[str | None, str | None]]) -> dict[_Key, int]:
    index: dict[_Key, int] = {}
    for place, (server, key) in enumerate(keys):
        if key is None:
            continue
        index[(server, key)] = place if (server, key) not in index else _SEVERAL
    return index

"""Managed object ids -> names: who a reference means, and what to call two things of one name."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from urllib.parse import unquote

from operations.drivers.vsphere.collector import Found
from planner.formats.findings import Findings
from planner.formats.text import cleaned, shortened
from planner.formats.vsphere_words import SAME_NAME

# vCenter writes these three of a name as %2f, %5c and %25.
KINDS: Final = ("hosts", "datastores", "clusters", "VMs")
ROOT_FOLDERS: Final = frozenset({"vm", "host", "network", "datastore", "Datacenters"})


class Names:
    """What every id is called.  Names that two things of a kind share gain their id."""

    def __init__(self, found: dict[str, list[Found]], findings: Findings) -> None:
        self._parent = {
            each.id: id_of(each.properties.get("parent")) for rows in found.values() for each in rows
        }
        self._plain = {each.id: plain(each) for rows in found.values() for each in rows}
        self._datacenters = {each.id for each in found["datacenters"]}
        self._clusters = {each.id for each in found["clusters"]}
        self._called: dict[str, str] = {}
        self._cluster_of_host = {each.id: id_of(each.properties.get("parent")) for each in found["hosts"]}
        self._port_groups = {
            str(each.properties.get("key") or each.id): plain(each) for each in found["port groups"]
        }
        self._networks = {each.id: plain(each) for each in (*found["networks"], *found["port groups"])}
        for kind in KINDS:
            self._name(found[kind], kind, findings)

    def _name(self, rows: list[Found], kind: str, findings: Findings) -> None:
        count = Counter(self._plain[each.id] for each in rows)
        for each in rows:
            name = self._plain[each.id]
            if count[name] > 1:
                findings.warn(SAME_NAME,
                              sheet=kind, kind=kind, count=count[name], name=name)  # fmt: skip
                name = f"{shortened(name, 200)} ({each.id[-40:]})"
            self._called[each.id] = name

    def of_row(self, row: Found) -> str:
        """Give the name of something that was read."""
        return self._called[row.id]

    def of(self, reference: Any) -> str | None:
        """Give the name of what a reference means; None for no reference, or one to a thing not seen."""
        return self._called.get(id_of(reference) or "")

    def cluster_of(self, row: Found) -> str | None:
        """Give the cluster of a host."""
        parent = id_of(row.properties.get("parent"))
        return self._called[parent] if parent in self._clusters else None

    def cluster_of_host(self, reference: Any) -> str | None:
        """Give the cluster of the host that a VM is registered on."""
        parent = self._cluster_of_host.get(id_of(reference) or "")
        return self._called[parent] if parent in self._clusters else None

    def network_of(self, backing: Any) -> str | None:
        """Give the network behind a VM's NIC: a distributed port group by its key, any other by its name."""
        port = getattr(backing, "port", None)
        if port is not None:
            return self._port_groups.get(str(port.portgroupKey))
        found = self._networks.get(id_of(getattr(backing, "network", None)) or "")
        name = getattr(backing, "deviceName", None)
        return found or (shortened(cleaned(str(name))) or None if name else None)

    def datacenter_of(self, identity: str | None) -> str | None:
        """Go up until a datacenter stands there."""
        while identity is not None:
            if identity in self._datacenters:
                return self._plain[identity]
            identity = self._parent.get(identity)
        return None

    def folder_of(self, row: Found) -> str | None:
        """Give the path of folders below the datacenter; None directly below."""
        path: list[str] = []
        identity = id_of(row.properties.get("parent"))
        while identity is not None and identity not in self._datacenters:
            path.append(self._plain.get(identity, ""))
            identity = self._parent.get(identity)
        return "/".join(reversed(path[:-1])) or None  # the last one is the datacenter's own


def id_of(reference: Any) -> str | None:
    """Give the id that a reference carries."""
    return None if reference is None else str(reference._moId)


def plain(row: Found) -> str:
    """Give a name as people wrote it."""
    return shortened(cleaned(unquote(str(row.properties.get("name") or "")))) or row.id

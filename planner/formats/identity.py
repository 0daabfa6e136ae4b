"""Which rows of vInfo are VMs, which are the same VM twice, and what to call two VMs of one name."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from planner.formats.findings import Findings
from planner.formats.table import PLACEHOLDER, Table, spelled
from planner.formats.text import MAX_NAME, shortened
from planner.sentence import Sentence

_REPEATED: Final = Sentence("The row repeats the header or a placeholder and was skipped").template
_NAMELESS: Final = Sentence("The row names no VM and was skipped").template
_SAME_VM: Final = Sentence(
    "{vm} stands twice (the same {key} as row {first}); the second row was skipped"
).template
_RENAMED: Final = Sentence("{count} VMs are called {vm}; they are told apart as {names}").template


def without_placeholders(table: Table) -> Table:
    """Drop rows that repeat the header or hold the placeholder, and rows without a name."""
    headers = {table.header("vm").casefold(), PLACEHOLDER.casefold()}
    dropped: set[int] = set()
    for place, (name, vcpus) in enumerate(zip(table.cells("vm"), table.cells("vcpus"), strict=True)):
        word = (spelled(name) or "").strip()
        if not word:
            table.warn(_NAMELESS, "vm", place)
        elif word.casefold() in headers and not (spelled(vcpus) or "").strip().isdecimal():
            table.warn(_REPEATED, "vm", place)
        else:
            continue
        dropped.add(place)
    return table.without(dropped) if dropped else table


def without_duplicates(table: Table) -> Table:
    """Drop the second row of a VM: the same VM ID in one vCenter, or the same VM UUID.

    A BIOS UUID is no such key, for copies of a VM share it.  Rows without any key are the same VM when
    name, datacenter, cluster, host and folder agree.
    """
    if _are_distinct(table):
        return table
    names = table.texts("vm")
    homes = zip(*(table.texts(field) for field in ("datacenter", "cluster", "host", "folder")), strict=True)
    ids, uuids, servers = (table.texts(field) for field in ("vm_id", "vm_uuid", "server"))
    seen: dict[tuple[str | None, ...], int] = {}
    dropped: set[int] = set()
    rows = zip(names, ids, uuids, servers, homes, strict=True)
    for place, (name, vm_id, uuid, server, home) in enumerate(rows):
        keys: dict[str, tuple[str | None, ...]] = {}
        if vm_id:
            keys["vm_id"] = ("id", server, vm_id)
        if uuid:
            keys["vm_uuid"] = ("uuid", uuid)
        if not keys:
            keys["vm"] = ("name", name, *home)
        field = next((field for field, key in keys.items() if key in seen), None)
        if field is None:
            seen |= dict.fromkeys(keys.values(), place)
            continue
        first = table.rows[seen[keys[field]]]
        table.warn(_SAME_VM, field, place, vm=name or "", key=table.header(field), first=first)
        dropped.add(place)
    return table.without(dropped) if dropped else table


def _are_distinct(table: Table) -> bool:
    """Whether every row has a VM ID and a VM UUID that no other row has, as in any sound export."""
    keys = list(zip(table.texts("server"), table.texts("vm_id"), strict=True))
    uuids = table.texts("vm_uuid")
    has_all = None not in uuids and all(vm_id for _, vm_id in keys)
    return has_all and len(set(keys)) == len(keys) and len(set(uuids)) == len(uuids)


def distinct_names(table: Table, findings: Findings) -> list[str]:
    """Give each VM a name of its own: `web01` and `web01 [vm-1234]`.

    The one with the lowest VM ID (else UUID, else place) keeps its name, whatever the order of the rows.
    """
    names = [name or "" for name in table.texts("vm")]
    if len(set(names)) == len(names):
        return names
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    shared = sorted(name for name, here in places.items() if len(here) > 1)
    marks = _marks(table) if shared else []
    taken = set(names)
    for name in shared:
        here = sorted(places[name], key=lambda place: (len(marks[place]), marks[place]))
        for place in here[1:]:
            names[place] = _free_name(name, marks[place], taken)
            taken.add(names[place])
        findings.warn_often(
            _RENAMED,
            len(here) - 1,
            sheet=table.name,
            row=min(table.rows[place] for place in here[1:]),
            column=table.header("vm"),
            count=len(here),
            vm=name,
            names=shortened(", ".join(names[place] for place in here), 200),
        )
    return names


def _marks(table: Table) -> list[str]:
    """Give what tells two VMs of one name apart, the best that each row has."""
    fields = ("vm_id", "vm_uuid", "bios_uuid", "folder", "cluster", "host", "datacenter")
    columns = [table.texts(field) for field in fields]
    return [next((text for text in texts if text), "") for texts in zip(*columns, strict=True)]


def _free_name(name: str, mark: str, taken: set[str]) -> str:
    candidate = _marked(name, mark)
    number = 2
    while candidate in taken:
        candidate = _marked(name, f"{mark} {number}".strip())
        number += 1
    return candidate


def _marked(name: str, mark: str) -> str:
    suffix = f" [{shortened(mark, 100)}]"
    return shortened(name, MAX_NAME - len(suffix)) + suffix

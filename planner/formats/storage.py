"""vDatastore and vMultiPath -> datastores, LUNs and paths."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from planner.estate import Datastore, Lun, Path, PathState
from planner.formats import limits
from planner.formats.findings import Findings
from planner.formats.table import Table, read_of, shown
from planner.formats.text import shortened
from planner.sentence import Sentence

PATH_STATES: Final[dict[str, PathState]] = {
    "active": "active",
    "on": "active",
    "standby": "standby",
    "disabled": "disabled",
    "off": "disabled",
    "dead": "dead",
    "unavailable": "dead",
    "unknown": "unknown",
}  # vim.host.MultipathInfo.Path.state, and what RVTools makes of it
NO_STATE: Final = Sentence("{found} is no state of a path; it counts as unknown").template
SEVERAL_ROWS: Final = Sentence(
    "The datastore {datastore} stands in several rows and is counted once"
).template
UNUSABLE: Final = Sentence("The datastore {datastore} has no usable {column}; the row was skipped").template
PATHS: Final = range(1, 9)
_LIST: Final = re.compile(r"[,;\n|]")


def names_in(text: str | None) -> tuple[str, ...]:
    """Give the names of a list in one cell, sorted, each once."""
    parts = (part.strip() for part in _LIST.split(text or ""))
    return tuple(sorted({shortened(part) for part in parts if part}))


def datastores(
    table: Table, luns: Mapping[str, tuple[str, ...]], findings: Findings
) -> tuple[Datastore, ...]:
    """Build the datastores; one that several rows show is counted once.

    The same name and URL (else object ID, else size) is the same datastore, seen from another vCenter or
    datacenter; the same name and another URL is another datastore and gets a name of its own.

    Args:
        luns: datastore -> the LUNs it stands on, as vMultiPath tells.
    """
    names = table.texts("datastore")
    capacities = table.sizes("capacity_mib", *limits.MIB)
    used = _used(table, capacities)
    provisioned = table.sizes("provisioned_mib", *limits.MIB)
    kinds, hosts = table.texts("kind"), table.texts("hosts")
    counts = table.counts("host_count", *limits.COUNT)
    urls, ids = table.texts("url"), table.texts("object_id")
    if "hosts" not in table and "host_count" not in table:
        findings.assume(
            "{sheet} does not say which hosts mount a datastore: all count as shared", sheet=table.name
        )
    built: dict[tuple[str, str], Datastore] = {}
    for place, name in enumerate(names):
        capacity, used_mib = capacities[place], used[place]
        if name is None or capacity is None or used_mib is None:
            field = "datastore" if name is None else "capacity_mib" if capacity is None else "in_use_mib"
            table.warn(UNUSABLE, field, place, datastore=name or "")
            continue
        members, count = names_in(hosts[place]), counts[place]
        datastore = Datastore(
            name=name,
            capacity_mib=capacity,
            used_mib=used_mib,
            provisioned_mib=provisioned[place],
            shared=(count if count is not None else len(members) or 2) > 1,
            kind=kinds[place],
            hosts=members,
            luns=luns.get(name, ()),
        )
        key = (name, urls[place] or ids[place] or str(capacity))
        known = built.get(key)
        if known is not None:
            table.warn(SEVERAL_ROWS, "datastore", place, datastore=name)
            datastore = _joined(known, datastore)
        built[key] = datastore
    findings.sheet_read(read_of(table, len(table) - len(built)))
    return _told_apart(built, table, findings)


def luns_and_paths(table: Table, findings: Findings) -> tuple[tuple[Lun, ...], tuple[Path, ...]]:
    """Build the LUNs and every path to them."""
    hosts = table.texts("host")
    disks = table.texts("lun")
    datastore_names = table.texts("datastore")
    policies = table.texts("policy")
    vendors, models = table.texts("vendor"), table.texts("model")
    ways = [table.texts(f"path_{number}") for number in PATHS]
    states = [_states(table, f"state_{number}") for number in PATHS]
    luns: dict[str, Lun] = {}
    paths: dict[tuple[str, str, str], Path] = {}
    skipped = 0
    for place, (host, lun) in enumerate(zip(hosts, disks, strict=True)):
        if host is None or lun is None:
            skipped += 1
            continue
        luns.setdefault(lun, Lun(name=lun, vendor=vendors[place], model=models[place]))
        for way, state in zip(ways, states, strict=True):
            name = way[place]
            if name is not None:
                paths[(host, lun, name)] = Path(
                    host=host,
                    lun=lun,
                    name=name,
                    datastore=datastore_names[place],
                    state=state[place],
                    policy=policies[place],
                )
    findings.sheet_read(read_of(table, skipped))
    return tuple(luns.values()), tuple(paths.values())


def luns_of_datastores(paths: tuple[Path, ...]) -> dict[str, tuple[str, ...]]:
    """Give datastore -> LUNs, as the paths name them."""
    gathered: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if path.datastore:
            gathered[path.datastore].add(path.lun)
    return {name: tuple(sorted(luns)) for name, luns in gathered.items()}


def _used(table: Table, capacities: list[int | None]) -> list[int | None]:
    """Give what each datastore holds: as listed, else capacity less what is free."""
    used = table.sizes("in_use_mib", *limits.MIB)
    free = table.sizes("free_mib", *limits.MIB)
    for place, (capacity, left) in enumerate(zip(capacities, free, strict=True)):
        if used[place] is None and capacity is not None and left is not None and left <= capacity:
            used[place] = capacity - left
    return used


def _states(table: Table, field: str) -> list[PathState]:
    states: list[PathState] = []
    for place, text in enumerate(table.texts(field)):
        word = (text or "unknown").casefold().split(" ")[0].strip("()")
        state = PATH_STATES.get(word)
        if state is None:
            table.warn(NO_STATE, field, place, found=shown(text))
        states.append(state or "unknown")
    return states


def _joined(known: Datastore, other: Datastore) -> Datastore:
    """Give one datastore for two rows of it: the larger figures, the hosts of both."""
    return Datastore(
        name=known.name,
        capacity_mib=max(known.capacity_mib, other.capacity_mib),
        used_mib=max(known.used_mib, other.used_mib),
        provisioned_mib=max(
            (mib for mib in (known.provisioned_mib, other.provisioned_mib) if mib is not None), default=None
        ),
        shared=True,
        kind=known.kind or other.kind,
        hosts=tuple(sorted({*known.hosts, *other.hosts})),
        luns=known.luns,
    )


def _told_apart(
    built: Mapping[tuple[str, str], Datastore], table: Table, findings: Findings
) -> tuple[Datastore, ...]:
    """Give each datastore a name of its own."""
    keys: dict[str, list[str]] = defaultdict(list)
    for name, key in built:
        keys[name].append(key)
    apart: list[Datastore] = []
    for name, same in keys.items():
        first, *others = sorted(same)
        apart.append(built[name, first])
        for key in others:
            datastore = built[name, key]
            own_name = shortened(f"{shortened(name, 150)} [{shortened(key, 90)}]")
            apart.append(_renamed(datastore, own_name))
            findings.warn(
                "{count} datastores are called {datastore}; they are told apart by URL, ID or size",
                sheet=table.name,
                column=table.header("datastore"),
                count=len(same),
                datastore=name,
            )
    return tuple(apart)


def _renamed(datastore: Datastore, name: str) -> Datastore:
    return Datastore(
        name=name,
        capacity_mib=datastore.capacity_mib,
        used_mib=datastore.used_mib,
        provisioned_mib=datastore.provisioned_mib,
        shared=datastore.shared,
        kind=datastore.kind,
        hosts=datastore.hosts,
    )

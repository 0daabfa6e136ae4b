"""Single components and cables put, changed and taken away by hand: pure, an estate in, an estate out.

An edit names one thing by its kind.  What an import brings later is amended again in the same order; an edit
whose host is gone by then does nothing, and is told as idle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from planner.estate import (
    Controller,
    ControllerPort,
    Estate,
    Fabric,
    Feed,
    Hba,
    Host,
    Link,
    Lun,
    Nic,
    PortGroup,
    Psu,
    Rack,
    RaidGroup,
    Room,
    Site,
    Switch,
)
from planner.paths.forms import EDIT_KINDS, FORMS, Asks, EditKind
from planner.paths.wiring import wire
from planner.row import Row
from planner.sentence import Sentence
from planner.service import Service, Tier, contradictions

__all__ = ["EDIT_KINDS", "FORMS", "Asks", "EditKind"]  # beside what stands here

ENDS: Final = " -- "  # between the ends of a cable, where it is called by one name


class EditError(ValueError):
    """An edit that cannot be made: which field, and why."""

    def __init__(self, field: str, message: Sentence) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Edit(Struct, frozen=True, kw_only=True):
    """Put or change one thing; `values` None takes it away.

    A part of a host or a controller is called `esx1/vmnic0`, a cable `switch:a -- switch:b`.
    """

    kind: EditKind
    name: str
    values: dict[str, Any] | None = None


class Amended(Struct, frozen=True, kw_only=True):
    """The estate as edited, and what no longer has anything to change."""

    estate: Estate
    idle: tuple[Edit, ...] = ()


class _Table(Struct, frozen=True, kw_only=True):
    """Where the rows of a kind stand: a list of the estate, or one of its rows' own."""

    rows: str
    kind: type[Row]
    within: str = ""


_TABLES: Final[Mapping[EditKind, _Table]] = {
    "site": _Table(rows="sites", kind=Site),
    "room": _Table(rows="rooms", kind=Room),
    "rack": _Table(rows="racks", kind=Rack),
    "feed": _Table(rows="feeds", kind=Feed),
    "host": _Table(rows="hosts", kind=Host),
    "psu": _Table(rows="psus", kind=Psu, within="hosts"),
    "nic": _Table(rows="nics", kind=Nic, within="hosts"),
    "hba": _Table(rows="hbas", kind=Hba, within="hosts"),
    "port-group": _Table(rows="port_groups", kind=PortGroup),
    "switch": _Table(rows="switches", kind=Switch),
    "fabric": _Table(rows="fabrics", kind=Fabric),
    "controller": _Table(rows="controllers", kind=Controller),
    "port": _Table(rows="ports", kind=ControllerPort, within="controllers"),
    "raid-group": _Table(rows="raid_groups", kind=RaidGroup),
    "lun": _Table(rows="luns", kind=Lun),
    "link": _Table(rows="links", kind=Link),
    "tier": _Table(rows="tiers", kind=Tier, within="services"),
}
_ONE, _SEVERAL = "one", "several"
# Which field of any row names which kind: what is taken away is named nowhere any more.
_NAMES: Final[Mapping[str, EditKind]] = {
    "site": "site", "witness_site": "site", "room": "room", "rack": "rack", "feed": "feed", "feeds": "feed",
    "upstream": "feed", "fabric": "fabric", "controller": "controller", "controllers": "controller",
    "raid_group": "raid-group", "luns": "lun",
}  # fmt: skip
_NEVER_NEW: Final = frozenset({"host"})  # a host is more than its place: it comes with an import


def amend(estate: Estate, edits: Sequence[Edit]) -> Amended:
    """Make edits one after the other.

    Returns:
        The estate, sorted, and the edits that found nothing to change: of a host that is gone.
    """
    idle = []
    for edit in edits:
        try:
            estate = _made(estate, edit)
        except EditError:
            idle.append(edit)
    return Amended(estate=estate.sorted(), idle=tuple(idle))


def check_edit(estate: Estate, edit: Edit) -> Estate:
    """Make one edit that a person asks for, and judge it.

    Raises:
        EditError: a value of the wrong kind, a name that is none, a thing that is not there.
        EstateError: feeds that feed each other in a ring.
    """
    for asked in FORMS[edit.kind] if edit.values is not None else ():
        _check_names(estate, asked, (edit.values or {}).get(asked.name))
    if edit.kind == "link" and edit.values is not None:
        _check_ends(estate, edit.name)
    made = _made(estate, edit).sorted()
    wire(made)
    return made


def names_of(estate: Estate, kind: str) -> tuple[str, ...]:
    """Give what may be named where a form asks for a kind."""
    if kind == "virtual-switch":
        return tuple(switch.name for switch in estate.switches if switch.kind != "physical")
    if kind == "uplink":
        every = {nic.uplink or nic.device for host in estate.hosts for nic in host.nics}
        return tuple(sorted(every))
    if kind == "vm":
        return tuple(vm.name for vm in estate.vms if not vm.template)
    if kind == "service":
        return tuple(service.name for service in estate.services)
    return tuple(name for name, _ in rows_of(estate, kind))


def rows_of(estate: Estate, kind: str) -> tuple[tuple[str, Row], ...]:
    """Give every thing of a kind with its name, as an edit calls it."""
    table = _TABLES[kind]  # type: ignore[index]
    if not table.within:
        return tuple((_name(row), row) for row in getattr(estate, table.rows))
    return tuple(
        (f"{owner.name}/{_part_name(part)}", part)
        for owner in getattr(estate, table.within)
        for part in getattr(owner, table.rows)
    )


def values_of(kind: EditKind, row: Row) -> dict[str, Any]:
    """Give what a form shows of a row."""
    return {asked.name: getattr(row, asked.name) for asked in FORMS[kind]}


def ends_of(estate: Estate) -> tuple[str, ...]:
    """Give everything that a cable may end at."""
    ends = [f"switch:{switch.name}" for switch in estate.switches if switch.kind == "physical"]
    ends += [f"port:{name}" for name, _ in rows_of(estate, "port")]
    ends += sorted({end for link in estate.links for end in (link.a, link.b) if end.startswith("clients:")})
    for host in estate.hosts:
        ends += [f"host:{host.name}/{nic.device}" for nic in host.nics]
        ends += [f"host:{host.name}/{hba.device}" for hba in host.hbas]
    return tuple(ends)


def _name(row: Any) -> str:
    return f"{row.a}{ENDS}{row.b}" if isinstance(row, Link) else str(row.name)


def _made(estate: Estate, edit: Edit) -> Estate:
    table = _TABLES[edit.kind]
    if table.within:
        return _part_made(estate, edit, table)
    rows: tuple[Any, ...] = getattr(estate, table.rows)
    known = next((row for row in rows if _same(row, edit.name)), None)
    if known is None and (edit.values is None or edit.kind in _NEVER_NEW):
        raise EditError("name", Sentence("There is no {name}", {"name": edit.name}))
    kept = tuple(row for row in rows if row is not known)
    if edit.values is None:
        if edit.kind in _NEVER_NEW:
            raise EditError("name", Sentence("A host comes and goes with an import"))
        return _unnamed(replace(estate, **{table.rows: kept}), edit)
    return replace(estate, **{table.rows: (*kept, _row(table.kind, edit, known))})


def _same(row: Any, name: str) -> bool:
    """Say whether a row is meant; a cable has no direction."""
    if isinstance(row, Link):
        return name in (f"{row.a}{ENDS}{row.b}", f"{row.b}{ENDS}{row.a}")
    return bool(row.name == name)


def _part_made(estate: Estate, edit: Edit, table: _Table) -> Estate:
    owner_name, _, device = edit.name.rpartition("/")
    owners: tuple[Any, ...] = getattr(estate, table.within)
    owner = next((one for one in owners if one.name == owner_name), None)
    if edit.kind == "tier":
        return _tier_made(estate, edit, owner, owner_name, device)
    if owner is None or not device:
        raise EditError("name", Sentence("There is no {name}", {"name": owner_name or edit.name}))
    parts: tuple[Any, ...] = getattr(owner, table.rows)
    known = next((part for part in parts if _part_name(part) == device), None)
    if known is None and edit.values is None:
        raise EditError("name", Sentence("There is no {name}", {"name": edit.name}))
    kept = [part for part in parts if part is not known]
    if edit.values is not None:
        kept.append(_row(table.kind, edit, known))
    changed = replace(owner, **{table.rows: tuple(sorted(kept, key=lambda part: part.device))})
    made = replace(estate, **{table.within: tuple(changed if one is owner else one for one in owners)})
    return _unplugged(made, edit) if edit.values is None else made


def _part_name(part: Any) -> str:
    return str(part.name if isinstance(part, Tier) else part.device)


def _tier_made(estate: Estate, edit: Edit, owner: Service | None, service: str, name: str) -> Estate:
    """Put, change or take away a tier; a service comes with its first tier and goes with its last."""
    if not service or not name:
        raise EditError("name", Sentence("A tier is called by its service and its name"))
    tiers = owner.tiers if owner else ()
    known = next((tier for tier in tiers if tier.name == name), None)
    if known is None and edit.values is None:
        raise EditError("name", Sentence("There is no {name}", {"name": edit.name}))
    made = None if edit.values is None else _row(Tier, edit, known)
    kept = [made if tier is known else tier for tier in tiers] + ([made] if known is None else [])
    left = tuple(tier for tier in kept if tier is not None)
    if made is not None and (found := contradictions(made)):
        raise EditError(*found)
    others = tuple(one for one in estate.services if one is not owner)
    return replace(estate, services=(*others, Service(name=service, tiers=left)) if left else others)


def _row(kind: type[Row], edit: Edit, known: Any) -> Any:
    """Give the row as the edit wants it, what the edit does not tell as it was."""
    identity: dict[str, Any] = {"name": edit.name}
    if edit.kind == "link":
        a, _, b = edit.name.partition(ENDS)
        identity = {"a": a, "b": b}
    elif "/" in edit.name and _TABLES[edit.kind].within:
        identity = {"name" if kind is Tier else "device": edit.name.rpartition("/")[2]}
    before = {} if known is None else msgspec.to_builtins(known)
    wanted = {**before, **identity, **(edit.values or {})}
    try:
        return msgspec.convert({key: value for key, value in wanted.items() if value is not None}, kind)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`").partition("[")[0] or "name"
        raise EditError(field, Sentence("{reason}", {"reason": reason})) from error


def _unnamed(estate: Estate, edit: Edit) -> Estate:
    """Name nowhere any more what was taken away; its cables go with it."""
    changes: dict[str, tuple[Any, ...]] = {}
    for rows in Estate.__struct_fields__:
        if rows in ("vms", "rules", "links", "paths"):
            continue
        changes[rows] = tuple(_without(row, edit.kind, edit.name) for row in getattr(estate, rows))
    gone = f"{edit.kind}:{edit.name}"
    ports = f"port:{edit.name}/" if edit.kind == "controller" else None
    links = tuple(
        link
        for link in estate.links
        if gone not in (link.a, link.b)
        and not (ports and (link.a.startswith(ports) or link.b.startswith(ports)))
    )
    paths = tuple(
        _without(path, edit.kind, edit.name)
        for path in estate.paths
        if not (edit.kind == "lun" and path.lun == edit.name)
    )
    return replace(estate, **changes, links=links, paths=paths)


def _unplugged(estate: Estate, edit: Edit) -> Estate:
    """Take the cables of a port away with it."""
    end = f"port:{edit.name}" if edit.kind == "port" else f"host:{edit.name}"
    return replace(estate, links=tuple(link for link in estate.links if end not in (link.a, link.b)))


def _without(row: Any, kind: EditKind, name: str) -> Any:
    changes: dict[str, Any] = {}
    for field in row.__struct_fields__:
        value = getattr(row, field)
        if _NAMES.get(field) == kind and (value == name or (isinstance(value, tuple) and name in value)):
            changes[field] = tuple(one for one in value if one != name) if isinstance(value, tuple) else None
        elif isinstance(value, tuple) and value and isinstance(value[0], Row):
            parts = tuple(_without(part, kind, name) for part in value)
            if parts != value:
                changes[field] = parts
    return replace(row, **changes) if changes else row


def _check_names(estate: Estate, asked: Asks, value: Any) -> None:
    if value is None or asked.holds not in (_ONE, _SEVERAL):
        return
    known = set(names_of(estate, asked.of[0]))
    for name in value if isinstance(value, list | tuple) else [value]:
        if name not in known:
            raise EditError(asked.name, Sentence("There is no {name}", {"name": str(name)}))


def _check_ends(estate: Estate, name: str) -> None:
    a, _, b = name.partition(ENDS)
    known = set(ends_of(estate))
    for field, end in (("a", a), ("b", b)):
        if end not in known and not (end.startswith("clients:") and len(end) > len("clients:")):
            raise EditError(field, Sentence("There is no {name}", {"name": end}))
    kinds = [end.partition(":")[0] for end in (a, b)]
    if a == b:
        raise EditError("b", Sentence("A cable has two ends"))
    if "switch" not in kinds:
        raise EditError("b", Sentence("One end of a cable is a switch"))

"""What changed between two readings of an estate: the same place at two dates, or recorded and observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from planner.estate import Estate
from planner.row import Row

Change: TypeAlias = Literal["added", "removed", "changed"]
RowOf = TypeVar("RowOf", bound=Row)

# Usage is measured anew each time: it differs always, and says nothing about what is there.
RESTLESS: Final = frozenset(
    {"cpu_usage_percent", "memory_usage_percent", "disk_used_mib", "used_mib", "provisioned_mib",
     "partitions", "cpu_demand_mhz", "memory_demand_mib", "iops_demand",
     "network_demand_mbit", "disk_demand_mbit"}
)  # fmt: skip
_NOTHING: Final[dict[str, object]] = {"used_mib": 0, "partitions": ()}  # the others may be None
KINDS: Final = (
    ("cluster", "clusters"), ("host", "hosts"), ("vm", "vms"), ("datastore", "datastores"), ("lun", "luns"),
    ("path", "paths"), ("switch", "switches"), ("port group", "port_groups"), ("rule", "rules"),
)  # fmt: skip


class FieldChange(Struct, frozen=True):
    """One field: what it said, and what it says, as text; None: nothing."""

    field: str
    before: str | None
    after: str | None


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is new, gone, or says something else."""

    kind: str
    name: str
    change: Change
    fields: tuple[FieldChange, ...] = ()


def differences(before: Estate, after: Estate, *, usage: bool = False) -> tuple[Difference, ...]:
    """Compare two estates, things by kind and name.

    A VM is known by its id where both have one, so that a renamed VM is one that changed its name.

    Args:
        before: the older one, or what was recorded.
        after: the newer one, or what was observed.
        usage: whether measured use counts; it never stands still.

    >>> from planner.estate import VM
    >>> old = Estate(vms=(VM(name="db", power="on", vcpus=2, memory_mib=4096, disk_mib=0, host="h1"),))
    >>> new = Estate(vms=(VM(name="db", power="on", vcpus=4, memory_mib=4096, disk_mib=0, host="h1"),))
    >>> [(each.name, each.change, each.fields[0].field) for each in differences(old, new)]
    [('db', 'changed', 'vcpus')]
    """
    found: list[Difference] = []
    for kind, field in KINDS:
        found.extend(_compare(kind, getattr(before, field), getattr(after, field), usage))
    return tuple(found)


def still(estate: Estate) -> Estate:
    """Leave measured use out: two readings that give the same have nothing that differs.

    >>> from planner.estate import VM
    >>> def reading(mhz: float) -> Estate:
    ...     db = VM(name="db", power="on", vcpus=2, memory_mib=4096, disk_mib=0, cpu_demand_mhz=mhz)
    ...     return Estate(vms=(db,))
    >>> still(reading(100.0)) == still(reading(900.0))
    True
    """
    fields = (field for _, field in KINDS)
    return replace(estate, **{field: tuple(map(_still, getattr(estate, field))) for field in fields})


def _still(row: RowOf) -> RowOf:
    measured = RESTLESS.intersection(row.__struct_fields__)
    return replace(row, **{field: _NOTHING.get(field) for field in measured}) if measured else row


def _compare(kind: str, before: Sequence[Row], after: Sequence[Row], usage: bool) -> Iterable[Difference]:
    by_id = _ids(before) & _ids(after)
    old = {_key(row, by_id): row for row in before}
    new = {_key(row, by_id): row for row in after}
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is None and now is not None:
            yield Difference(kind=kind, name=_name(now), change="added")
        elif now is None and was is not None:
            yield Difference(kind=kind, name=_name(was), change="removed")
        elif was is not None and now is not None and was != now:
            fields = tuple(_fields(was, now, usage))
            if fields:
                yield Difference(kind=kind, name=_name(now), change="changed", fields=fields)


def _ids(rows: Sequence[Row]) -> set[str]:
    return {row_id for row in rows if (row_id := getattr(row, "id", None))}


def _key(row: Row, by_id: set[str]) -> tuple[str, ...]:
    row_id = getattr(row, "id", None)
    if row_id in by_id:
        return ("", row_id)
    if "lun" in row.__struct_fields__ and "host" in row.__struct_fields__:
        return ("path", getattr(row, "host", ""), getattr(row, "lun", ""), getattr(row, "name", ""))
    if "vms" in row.__struct_fields__:
        return (
            "rule",
            getattr(row, "cluster", None) or "",
            getattr(row, "name", ""),
            getattr(row, "kind", ""),
        )
    return ("name", getattr(row, "name", ""))


def _name(row: Row) -> str:
    name = str(getattr(row, "name", "")) or "-"
    host = getattr(row, "host", None)
    return f"{host}: {name}" if "lun" in row.__struct_fields__ and host else name


def _fields(was: Row, now: Row, usage: bool) -> Iterable[FieldChange]:
    for field in was.__struct_fields__:
        if field in RESTLESS and not usage:
            continue
        before, after = getattr(was, field), getattr(now, field)
        if before != after:
            yield FieldChange(field, _text(before), _text(after))


def _text(value: object) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, (tuple, dict)):
        return msgspec.json.encode(value).decode()
    return str(value)

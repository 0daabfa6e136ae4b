"""Which planner field stands in which column.

A field stands in the column of its name, but for the few in `renamed`.  A tuple of names or a dict
stands as JSON, a tuple of rows in a table of its own, in its order.  `estate_field` is where the rows
hang in the planner's Estate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

import msgspec
from django.db.models import BooleanField, JSONField, Model

from cluster import models as rows
from planner import estate as planner
from planner import service

_CANONICAL: Final = msgspec.msgpack.Encoder(order="deterministic")
_TEXT: Final = msgspec.json.Encoder(order="deterministic")

Values = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The fields of a planner type beside the columns of a table."""

    model: type[Model]
    struct: type[msgspec.Struct]
    renamed: dict[str, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()  # fields that have tables of their own

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name in self.struct.__struct_fields__ if name not in self.apart)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.renamed.get(name, name) for name in self.fields)

    @cached_property
    def _json_places(self) -> tuple[int, ...]:
        return self._places(JSONField)

    @cached_property
    def _bool_places(self) -> tuple[int, ...]:
        return self._places(BooleanField)

    def _places(self, kind: type) -> tuple[int, ...]:
        columns = enumerate(self.columns)
        return tuple(at for at, name in columns if isinstance(self.model._meta.get_field(name), kind))

    @cached_property
    def _get(self) -> Callable[[Any], Any]:
        return attrgetter(*self.fields)

    def to_values(self, thing: msgspec.Struct) -> Values:
        """The thing's fields as its columns hold them."""
        found = self._get(thing)
        if len(self.fields) == 1:
            return (found,)
        if not self._json_places:
            return tuple(found)
        values = list(found)
        for place in self._json_places:
            values[place] = _TEXT.encode(values[place]).decode()
        return tuple(values)

    def to_fields(self, values: Iterable[Any]) -> dict[str, Any]:
        """What the columns hold, as the planner's type takes it; SQLite knows no bool."""
        found = list(values)
        for place in self._json_places:
            content = msgspec.json.decode(found[place])
            found[place] = tuple(content) if isinstance(content, list) else content
        for place in self._bool_places:
            if found[place] is not None:
                found[place] = bool(found[place])
        return dict(zip(self.fields, found, strict=True))


class _HostName(msgspec.Struct, frozen=True):
    """A host's name where the planner has a bare string."""

    host_name: str


@dataclass(frozen=True, kw_only=True)
class Child(Columns):
    """Rows that hang on a row, in the order of `position`."""

    parent_field: str
    parent_column: str
    bare: bool = False  # the planner has strings, not rows

    def values_of(self, parent: msgspec.Struct) -> Iterator[Values]:
        for item in getattr(parent, self.parent_field):
            yield (item,) if self.bare else self.to_values(item)

    def thing(self, values: Iterable[Any]) -> Any:
        fields = self.to_fields(values)
        return fields["host_name"] if self.bare else self.struct(**fields)


@dataclass(frozen=True, kw_only=True)
class Table(Columns):
    """Rows that hang on the estate.

    `identity` are the fields that find a row again; `references` name, for each column with the id of
    another row, the field with that row's name and the estate field where those rows hang.
    """

    estate_field: str
    identity: tuple[str, ...] = ("name",)
    references: dict[str, tuple[str, str]] = field(default_factory=dict)
    children: tuple[Child, ...] = ()

    @property
    def named(self) -> bool:
        return self.identity == ("name",)

    @property
    def key_column(self) -> str:
        return "name" if self.named else "key"

    @property
    def knows_its_ids(self) -> bool:
        """Whether other rows point here, so that ids must be known before the rows are written."""
        return bool(self.children) or self.estate_field in REFERRED

    @cached_property
    def own_columns(self) -> tuple[str, ...]:
        """The columns that are not the planner's: what comes before `columns` in a row to write."""
        twins = () if self.named else ("key", "ordinal")
        return ("estate_id", "fingerprint", *twins, *self.references)

    def key_of(self, thing: msgspec.Struct) -> str:
        if self.named:
            return str(getattr(thing, "name"))  # noqa: B009  Struct as such has no name
        identity = [getattr(thing, name) for name in self.identity]
        return hashlib.blake2b(_CANONICAL.encode(identity), digest_size=12).hexdigest()


def fingerprint(thing: msgspec.Struct) -> int:
    """A hash of the row and of all that hangs on it: 64 bits, signed as the column is."""
    digest = hashlib.blake2b(_CANONICAL.encode(thing), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


REFERRED: Final = frozenset({"clusters", "hosts"})

TABLES: Final = (
    Table(model=rows.Site, struct=planner.Site, estate_field="sites"),
    Table(
        model=rows.Rack,
        struct=planner.Rack,
        estate_field="racks",
        renamed={"site": "site_name", "room": "room_name"},
    ),
    Table(model=rows.Room, struct=planner.Room, estate_field="rooms", renamed={"site": "site_name"}),
    Table(model=rows.Feed, struct=planner.Feed, estate_field="feeds", renamed={"rack": "rack_name"}),
    Table(model=rows.Cluster, struct=planner.Cluster, estate_field="clusters"),
    Table(
        model=rows.Host,
        struct=planner.Host,
        estate_field="hosts",
        renamed={"cluster": "cluster_name", "site": "site_name", "rack": "rack_name"},
        references={"cluster_id": ("cluster", "clusters")},
        apart=frozenset({"nics", "hbas", "psus", "vmks"}),
        children=(
            Child(model=rows.Nic, struct=planner.Nic, parent_field="nics", parent_column="host_id"),
            Child(
                model=rows.Hba,
                struct=planner.Hba,
                parent_field="hbas",
                parent_column="host_id",
                renamed={"fabric": "fabric_name"},
            ),
            Child(
                model=rows.Psu,
                struct=planner.Psu,
                parent_field="psus",
                parent_column="host_id",
                renamed={"feed": "feed_name"},
            ),
            Child(model=rows.Vmk, struct=planner.Vmk, parent_field="vmks", parent_column="host_id"),
        ),
    ),
    Table(
        model=rows.Datastore,
        struct=planner.Datastore,
        estate_field="datastores",
        renamed={"luns": "lun_names"},
        apart=frozenset({"hosts"}),
        children=(
            Child(
                model=rows.Mount,
                struct=_HostName,
                parent_field="hosts",
                parent_column="datastore_id",
                bare=True,
            ),
        ),
    ),
    Table(
        model=rows.Lun,
        struct=planner.Lun,
        estate_field="luns",
        renamed={
            "controller": "controller_name",
            "controllers": "controller_names",
            "raid_group": "raid_group_name",
        },
    ),
    Table(model=rows.RaidGroup, struct=planner.RaidGroup, estate_field="raid_groups"),
    Table(
        model=rows.Path,
        struct=planner.Path,
        estate_field="paths",
        identity=("host", "lun", "name"),
        renamed={
            "host": "host_name",
            "lun": "lun_name",
            "datastore": "datastore_name",
            "fabric": "fabric_name",
            "controller": "controller_name",
        },
    ),
    Table(
        model=rows.Controller,
        struct=planner.Controller,
        estate_field="controllers",
        renamed={"rack": "rack_name", "feeds": "feed_names"},
        apart=frozenset({"ports"}),
        children=(
            Child(
                model=rows.ControllerPort,
                struct=planner.ControllerPort,
                parent_field="ports",
                parent_column="controller_id",
                renamed={"fabric": "fabric_name"},
            ),
        ),
    ),
    Table(model=rows.Fabric, struct=planner.Fabric, estate_field="fabrics"),
    Table(
        model=rows.Switch,
        struct=planner.Switch,
        estate_field="switches",
        renamed={
            "hosts": "host_names",
            "fabric": "fabric_name",
            "rack": "rack_name",
            "feeds": "feed_names",
        },
    ),
    Table(
        model=rows.PortGroup,
        struct=planner.PortGroup,
        estate_field="port_groups",
        renamed={"hosts": "host_names"},
    ),
    Table(model=rows.Link, struct=planner.Link, estate_field="links", identity=("a", "b")),
    Table(
        model=rows.VirtualMachine,
        struct=planner.VM,
        estate_field="vms",
        renamed={
            "id": "source_id",
            "cluster": "cluster_name",
            "host": "host_name",
            "datastores": "datastore_names",
            "networks": "network_names",
        },
        references={"cluster_id": ("cluster", "clusters"), "host_id": ("host", "hosts")},
        apart=frozenset({"disks", "partitions", "nics"}),
        children=(
            Child(
                model=rows.Disk,
                struct=planner.Disk,
                parent_field="disks",
                parent_column="vm_id",
                renamed={"datastore": "datastore_name"},
            ),
            Child(
                model=rows.Partition,
                struct=planner.Partition,
                parent_field="partitions",
                parent_column="vm_id",
            ),
            Child(model=rows.VmNic, struct=planner.VmNic, parent_field="nics", parent_column="vm_id"),
        ),
    ),
    Table(
        model=rows.Service,
        struct=service.Service,
        estate_field="services",
        apart=frozenset({"tiers"}),
        children=(
            Child(
                model=rows.ServiceTier,
                struct=service.Tier,
                parent_field="tiers",
                parent_column="service_id",
                renamed={"vms": "vm_names"},
            ),
        ),
    ),
    Table(
        model=rows.Rule,
        struct=planner.Rule,
        estate_field="rules",
        identity=("kind", "vms", "hosts", "name"),
        renamed={"vms": "vm_names", "hosts": "host_names", "cluster": "cluster_name"},
    ),
)

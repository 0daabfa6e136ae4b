"""The shapes of answers that the planner has no type for: rows of the database, as programs read them.

Units end the names (`memory_mib`, `at_s`); moments are RFC 3339 in UTC; a number that nobody knows is null.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from msgspec import Meta, Struct, to_builtins

Of = TypeVar("Of")
RunId = Annotated[UUID, Meta(description="the run: follow it under /api/v1/runs/")]


class Rows(Struct, Generic[Of], frozen=True, kw_only=True):
    """A page of a list: `count` rows in all, those after `offset` here."""

    rows: list[Of]
    count: int
    more: bool


class Queued(Struct, frozen=True, kw_only=True):
    """What was asked for is queued: follow `url` until its state is succeeded, failed or cancelled."""

    run: RunId
    url: Annotated[str, Meta(examples=["/api/v1/runs/0b5e4d2c-8f0e-4d7a-9c55-6a7f0e1b2c3d"])]


class Done(Struct, frozen=True, kw_only=True):
    """What became of it; `done` false: there was nothing left to do it to."""

    done: bool


class Secret(Struct, frozen=True, kw_only=True):
    """A secret, told this once."""

    id: int
    name: str
    secret: str


class EstateTold(Struct, frozen=True, kw_only=True):
    """An estate with its clusters."""

    id: int
    name: str
    format: str
    revision: int
    imported_at: datetime | None
    clusters: list[ClusterTold]


class ClusterTold(Struct, frozen=True, kw_only=True):
    name: str
    hosts: int


class HostTold(Struct, frozen=True, kw_only=True):
    """A host as recorded; `cores` of the whole host."""

    id: int
    estate: int
    name: str
    cluster_name: str | None
    site_name: str | None
    rack_name: str | None
    sockets: int
    cores: int
    cpu_mhz: float
    memory_mib: int
    vendor: str | None
    model: str | None
    cpu_model: str | None
    version: str | None
    maintenance: bool
    connected: bool
    cpu_usage_percent: float | None
    memory_usage_percent: float | None


class VmTold(Struct, frozen=True, kw_only=True):
    """A VM as recorded; its demand where it was measured."""

    id: int
    estate: int
    name: str
    cluster_name: str | None
    host_name: str | None
    power: str
    template: bool
    vcpus: int
    memory_mib: int
    disk_mib: int
    disk_used_mib: int | None
    cpu_demand_mhz: float | None
    memory_demand_mib: int | None
    cpu_reservation_mhz: float | None
    memory_reservation_mib: int | None
    datastore_names: list[str]
    network_names: list[str]
    ft: str
    restart_priority: str
    guest_os: str | None
    folder: str | None
    owner: str | None


class DatastoreTold(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    kind: str | None
    capacity_mib: int
    used_mib: int
    provisioned_mib: int | None
    shared: bool
    lun_names: list[str]


class PortGroupTold(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    switch: str | None
    vlan: str | None
    host_names: list[str]
    roles: list[str]
    active: list[str]
    standby: list[str]
    teaming: str | None


class HitTold(Struct, frozen=True, kw_only=True):
    """Something that bears the text; `id` is that of a thing of its kind."""

    kind: str
    name: str
    id: int
    estate: int


class ObservationTold(Struct, frozen=True, kw_only=True):
    """A date of which something is known; without `has_document`, measurements alone."""

    id: int
    taken_at: datetime
    hosts: int
    vms: int
    has_document: bool


class PlanTold(Struct, frozen=True, kw_only=True):
    id: int
    estate: int
    estate_revision: int
    run: UUID | None
    cluster: str | None
    created_at: datetime


class StudyTold(Struct, frozen=True, kw_only=True):
    """A study of one cluster; `answer` is null in a list."""

    id: int
    estate: int
    estate_revision: int
    run: UUID | None
    kind: str
    cluster_name: str
    question: dict[str, Any]
    answer: dict[str, Any] | None
    created_at: datetime


class EditTold(Struct, frozen=True, kw_only=True):
    """A change of the wiring by hand; `values` null: the thing was taken away."""

    id: int
    kind: str
    name: str
    values: dict[str, Any] | None


class ComponentTold(Struct, frozen=True, kw_only=True):
    """A component of the wiring and what is known of it."""

    name: str
    values: dict[str, Any]


class ProjectTold(Struct, frozen=True, kw_only=True):
    """A planned project: from a day on so much more of one thing, in the unit of the resource."""

    id: int
    title: str
    subject_name: str
    resource: str
    amount: float
    starts_on: date


class HistoryTaken(Struct, frozen=True, kw_only=True):
    dates: Annotated[int, Meta(description="dates that were new")]


class CostTold(Struct, frozen=True, kw_only=True):
    """An answer about cost with what it was made of; the shape of `answer` follows `kind`."""

    id: int
    kind: str
    estate: int
    estate_revision: int
    run: UUID | None
    book: int | None
    book_version: int | None
    answer: dict[str, Any]
    created_at: datetime


class VariantTold(Struct, frozen=True, kw_only=True):
    """A what-if; `told` says its changes in words, in the order of their `place`."""

    id: int
    estate: int
    name: str
    base: int | None
    changes: list[dict[str, Any]]
    told: list[str]
    committed_at: datetime | None


class BookTold(Struct, frozen=True, kw_only=True):
    id: int
    name: str
    version: int
    changed_by: str | None
    changed_at: datetime


class BookRows(Struct, frozen=True, kw_only=True):
    """A price book with its rows, as its CSV has them."""

    id: int
    name: str
    version: int
    rows: list[dict[str, Any]]


def of(shape: type[Of], row: Model, **more: Any) -> Of:
    """The row in a shape: its fields by their names, a person by his name, another row by its number."""
    told = dict(more)
    for name in shape.__struct_fields__:  # type: ignore[attr-defined]
        if name not in told:
            value = getattr(row, name)
            told[name] = (
                value.get_username()
                if isinstance(value, User)
                else value.pk
                if isinstance(value, Model)
                else value
            )
    return shape(**told)


def page_of(shape: type[Of], rows: QuerySet[Any], limit: int, offset: int, make: Any = None) -> Rows[Of]:
    """One page of rows; `make` where a row needs more than its fields."""
    seen = list(rows[offset : offset + limit + 1])  # one more: rows may come and go before they are counted
    found = [make(row) if make else of(shape, row) for row in seen[:limit]]
    count = max(rows.count(), offset + len(seen) if seen else 0)
    return Rows(rows=found, count=count, more=len(seen) > limit)


def plain(thing: Any) -> Any:
    """A planner's answer as JSON has it."""
    return to_builtins(thing, str_keys=True)

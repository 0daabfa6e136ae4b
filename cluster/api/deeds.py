"""The shapes of what people do: connections, operations, requests, mails, webhooks, rehearsals; the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct


class ConnectionTold(Struct, frozen=True, kw_only=True):
    """A connection: all but its secret."""

    id: int
    name: str
    kind: str
    host: str
    port: int
    uris: str
    username: str
    fingerprint: str
    refresh_minutes: int | None
    next_refresh_at: datetime | None
    may_act: bool
    stopped: bool
    four_eyes: bool
    blackout: str
    moves_per_host: int
    seen_at: datetime | None


class OperationTold(Struct, frozen=True, kw_only=True):
    """An operation; approve it with its `plan_sha256`, which says what you were shown."""

    id: UUID
    connection: int | None
    kind: str
    state: str
    subject: str
    source: str
    destination: str
    post_copy: bool
    dry_run: bool
    predicted: dict[str, Any]
    measured: dict[str, Any]
    why: str | None
    plan_sha256: str
    requested_by: str | None
    approved_by: str | None
    created_at: datetime
    approved_at: datetime | None
    submitted_at: datetime | None
    abort_asked_at: datetime | None
    ended_at: datetime | None


class WishTold(Struct, frozen=True, kw_only=True):
    id: int
    estate: int
    vm: str
    kind: str
    state: str
    vcpus: int | None
    memory_mib: int | None
    disk_mib: int | None
    priority: str
    after: str
    reason: str
    answer: str
    asked_by: str | None
    answered_by: str | None
    asked_at: datetime
    answered_at: datetime | None


class ScheduleTold(Struct, frozen=True, kw_only=True):
    id: int
    estate: int
    kind: str
    language: str
    rhythm: str
    recipients: list[str]
    next_at: datetime | None
    off_because: str
    created_by: str | None


class LetterTold(Struct, frozen=True, kw_only=True):
    id: UUID
    schedule: int | None
    estate_name: str
    recipient: str
    state: str
    attempts: int
    due_at: datetime
    sent_at: datetime | None
    error: str


class WebhookTold(Struct, frozen=True, kw_only=True):
    """Who is told: up to event number `cursor`; `error` says why the last delivery was not taken."""

    id: int
    name: str
    url: str
    kinds: list[str]
    is_on: bool
    cursor: int
    attempts: int
    failing_since: datetime | None
    delivered_at: datetime | None
    error: str | None


class ScopeTold(Struct, frozen=True, kw_only=True):
    """A part of the site that a role is held to; empty fields mean any."""

    id: int
    role: str
    estate: int | None
    cluster: str
    site: str
    owner: str


class PersonTold(Struct, frozen=True, kw_only=True):
    id: int
    username: str
    is_active: bool
    roles: list[str]
    scopes: list[ScopeTold]
    second_factor: bool


class AuditTold(Struct, frozen=True, kw_only=True):
    """An entry of the audit, sealed with the one before."""

    seq: int
    at: datetime
    actor: str
    source: str
    request_id: str
    deed: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    previous: str
    digest: str


class ScenarioTold(Struct, frozen=True, kw_only=True):
    """An example to rehearse."""

    name: str
    title: str
    promise: str
    product: str
    script: str


class RehearsalListed(Struct, frozen=True, kw_only=True):
    """A rehearsal in a list; `kind` is rehearsal or drill."""

    id: UUID
    kind: str
    state: str
    estate: int | None
    estate_name: str
    cluster: str
    scenario: str
    product: str
    created_at: datetime

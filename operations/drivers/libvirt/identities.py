"""Ids of what was asked of libvirt, which has none of its own: what, of whom, from where to where.

migrate/6695eb01-f6a4-8304-79aa-97f2502e193f/h1/h2
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

KINDS: Final = frozenset({"migrate", "restart", "power-on", "power-off", "reset"})


class Identity(Struct, frozen=True, kw_only=True):
    """What was asked for; hosts by name."""

    kind: str
    uuid: str
    source: str
    destination: str


def made(identity: Identity) -> str:
    """Write an id."""
    return "/".join((identity.kind, identity.uuid, identity.source, identity.destination))


def read_identity(text: str) -> Identity | None:
    """Read an id; None for what is none.

    >>> read_identity("migrate/6695eb01-f6a4-8304-79aa-97f2502e193f/h1/h2").destination
    'h2'
    >>> read_identity("migrate/x") is None
    True
    """
    parts = text.split("/")
    if len(parts) != 4 or parts[0] not in KINDS:
        return None
    return Identity(kind=parts[0], uuid=parts[1], source=parts[2], destination=parts[3])

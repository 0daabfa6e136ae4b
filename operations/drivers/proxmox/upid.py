"""Proxmox's task ids: a UPID says by itself on which node, when, what and about which guest it is.

    UPID:pve1:000C3A5B:02F3C1D7:67890ABC:qmigrate:100:root@pam!headroom:
         node pid      pstart   start    type     id  user

Source: PVE::Tools::upid_decode.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

_PATTERN: Final = re.compile(
    r"UPID:([A-Za-z0-9][A-Za-z0-9-]{0,62}):([0-9A-Fa-f]{8}):([0-9A-Fa-f]{8,9}):([0-9A-Fa-f]{8})"
    r":([^:\s/]+):([^:\s/]*):([^:\s/]+):"
)


class Upid(Struct, frozen=True, kw_only=True):
    """A task id, read."""

    text: str
    node: str
    began: datetime
    kind: str
    about: str


def read_upid(text: object) -> Upid | None:
    """Read a task id; None for what is none.

    >>> read_upid("UPID:pve1:000C3A5B:02F3C1D7:67890ABC:qmigrate:100:root@pam!headroom:").kind
    'qmigrate'
    >>> read_upid("UPID:../etc:1") is None
    True
    """
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    node, _, _, began, kind, about, _ = found.groups()
    return Upid(
        text=found.group(0),
        node=node,
        began=datetime.fromtimestamp(int(began, 16), UTC),
        kind=kind,
        about=about,
    )

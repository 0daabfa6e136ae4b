"""What a report may be printed with beside the plan; nothing of it has to be there."""

from __future__ import annotations

from msgspec import Struct

from cluster.exports.origin import Origin
from cluster.exports.redundant import Redundant
from cluster.outlook import Outlook


class Beside(Struct, frozen=True, kw_only=True):
    """Where the numbers come from, what is single, until when it suffices."""

    origin: Origin = Origin()
    redundancy: Redundant | None = None
    outlook: Outlook | None = None


NOTHING = Beside()

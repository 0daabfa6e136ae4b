"""What a report may be printed with beside the plan; nothing of it has to be there."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cluster.exports.origin import Origin
from cluster.exports.redundant import Redundant
from cluster.foretelling import Taught
from cluster.outlook import Outlook


class Beside(Struct, frozen=True, kw_only=True):
    """Where the numbers come from, what is single, until when it suffices, how well we foretell."""

    origin: Origin = Origin()
    redundancy: Redundant | None = None
    outlook: Outlook | None = None
    taught: Mapping[str, Taught] = {}


NOTHING = Beside()

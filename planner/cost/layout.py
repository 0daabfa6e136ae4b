"""From raw to usable storage, by how it is laid out: copies, RAID groups, erasure codes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from planner.cost.book import BookError
from planner.sentence import Sentence

PARITY: Final = {"raid5": 1, "raid6": 2}
DISKS_MAX: Final = 64
_GROUP: Final = re.compile(r"(raid5|raid6):(\d{1,2})")
_ERASURE: Final = re.compile(r"erasure:(\d{1,2})\+(\d{1,2})")
_COPIES: Final = re.compile(r"copies:([1-9])")


def raw_per_usable(layout: str) -> Decimal:
    """Say how much raw storage a usable one takes.

    `copies:2` (RAID-1 or 10, a mirror), `raid5:8` and `raid6:10` (disks of a group, one or two of them
    parity), `erasure:4+2` (four pieces of data and two of parity).  Spare disks, file systems and free
    space come on top.

    Raises:
        BookError: a layout that is none.

    >>> [str(round(raw_per_usable(one), 3)) for one in ("copies:2", "raid5:8", "raid6:10", "erasure:4+2")]
    ['2.000', '1.143', '1.250', '1.500']
    """
    if found := _COPIES.fullmatch(layout):
        return Decimal(found[1])
    if found := _GROUP.fullmatch(layout):
        disks, parity = int(found[2]), PARITY[found[1]]
        if parity + 1 < disks <= DISKS_MAX:
            return Decimal(disks) / (disks - parity)
    if (found := _ERASURE.fullmatch(layout)) and int(found[1]):
        data, parity = int(found[1]), int(found[2])
        return Decimal(data + parity) / data
    said = Sentence("{layout} is no layout as copies:2, raid5:8, raid6:10, erasure:4+2", {"layout": layout})
    raise BookError(said)

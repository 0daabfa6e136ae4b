"""How many pings a stop costs, as chances: pings come at a phase that nobody chose.

Docs: docs/formulas/migration.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def loss_chances(gaps_ms: Sequence[float], interval_s: float) -> tuple[float, ...]:
    """Say how likely it is that 0, 1, 2 ... pings are lost.

    A ping is lost if it is sent within the gap.  With pings every I at a phase drawn at random, a gap g
    loses floor(g / I) of them, or one more with the chance of what is left over.

    Args:
        gaps_ms: how long the VM may be silent, each as likely as the others.
        interval_s: from ping to ping, in seconds.

    Returns:
        Chances that add up to 1, the last one above 0.

    Raises:
        ValueError: no gap, a gap below 0, or an interval that is not above 0.

    >>> loss_chances([250.0], 1.0)
    (0.75, 0.25)
    >>> loss_chances([40.0, 1500.0], 1.0)
    (0.48, 0.27, 0.25)
    """
    if not gaps_ms or min(gaps_ms) < 0 or interval_s <= 0:
        raise ValueError("lost pings need gaps of 0 or more and an interval above 0")
    chances: dict[int, float] = {}
    for gap_ms in gaps_ms:
        whole = math.floor(gap_ms / 1000.0 / interval_s)
        more = gap_ms / 1000.0 / interval_s - whole
        for count, chance in ((whole, 1.0 - more), (whole + 1, more)):
            chances[count] = chances.get(count, 0.0) + chance / len(gaps_ms)
    most = max(count for count, chance in chances.items() if chance > 0)
    return tuple(round(chances.get(count, 0.0), 12) for count in range(most + 1))


def most_lost(chances: Sequence[float], held: float) -> int:
    """Say how many are lost at most in a share of all cases.

    >>> most_lost((0.85, 0.12, 0.03), 0.9)
    1
    """
    total = 0.0
    for count, chance in enumerate(chances):
        total += chance
        if total >= held - 1e-9:
            return count
    return len(chances) - 1

"""Whether a change makes any loss of hosts worse than it is today."""

from __future__ import annotations

import numpy as np

from planner.kernels.arrays import I64
from planner.patterns.standing import Standing
from planner.resilience.failures import lose
from planner.resilience.ground import Ground, changed

EFFORT = 100_000  # looks at a host each time, for losses that the quick ways do not settle


class LossGuard:
    """Knows the single (and double) losses of today; asked, says whether any got worse."""

    __slots__ = ("double", "ground", "today", "unit")

    def __init__(self, ground: Ground, failures: int) -> None:
        self.ground = ground
        self.double = failures > 1
        self.unit: I64 = np.arange(len(ground.hosts), dtype=np.int64)
        self.today = self._lost(ground)

    def is_worse(self, where: I64, standing: Standing | None = None) -> bool:
        """Whether a loss that is survived today no longer is, or more VMs are lost in all.

        Args:
            where: the host of each row after the change.
            standing: with the hosts that were closed meanwhile; None: as today.
        """
        now = self._lost(changed(self.ground, where, standing))
        anew = (now > 0) & (self.today == 0)
        more = now.trace() > self.today.trace() or now.sum() > self.today.sum()
        return bool(anew.any() or more)

    def allowed(self, where: I64, moves: I64) -> int:
        """Say how many moves of a row of them can be done before one makes things worse."""
        now = where.copy()
        for number, (row, _, target) in enumerate(moves.tolist()):
            now[row] = target
            if self.is_worse(now):
                return number
        return len(moves)

    def _lost(self, ground: Ground) -> I64:
        _, gone, _ = lose(ground, self.unit, len(self.unit), double=self.double, effort=EFFORT)
        return np.asarray(gone, np.int64)

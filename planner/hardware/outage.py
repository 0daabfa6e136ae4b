"""Minutes of outage that hosts cause: restarts, and times when more of them are down than are spared."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from planner.units import HOURS_PER_YEAR

MINUTES_PER_YEAR: Final = HOURS_PER_YEAR * 60
NEGLIGIBLE: Final = 1e-15  # of the time; what follows is less still


def minutes_vm_year(
    hosts: int, failures: int, failures_year_percent: Decimal, repair_hours: Decimal, restart_seconds: Decimal
) -> float:
    """Expect the outage of one VM in a year by failures of hosts, in minutes.

    Each failure of its host costs a restart.  While more hosts are down than the cluster carries, the
    VMs of the hosts too many have no place: the share of hosts too many of those left over, times how
    often that is (binomial, hosts independent of each other).

    Source: 5 % a year and 24 h of repair; two of 4 hosts are down 1.1e-7 of the time, of 8 hosts 5.2e-7.

    >>> round(too_many(4, 1, 0.05 * 24 / 8760), 9), round(too_many(8, 1, 0.05 * 24 / 8760), 9)
    (1.13e-07, 5.25e-07)
    >>> round(minutes_vm_year(4, 1, Decimal(5), Decimal(24), Decimal(180)), 3)
    0.17
    """
    rate = float(failures_year_percent) / 100
    down = min(1.0, rate * float(repair_hours) / HOURS_PER_YEAR)
    waiting = 0.0
    for lost in range(failures + 1, hosts + 1):
        share = _exactly(hosts, lost, down)
        waiting += share * (lost - failures) / max(1, hosts - failures)
        if lost > hosts * down and share < NEGLIGIBLE:
            break
    return rate * float(restart_seconds) / 60 + waiting * MINUTES_PER_YEAR


def too_many(hosts: int, failures: int, down: float) -> float:
    """The share of time in which more hosts are down than the cluster carries."""
    return sum(_exactly(hosts, lost, down) for lost in range(failures + 1, hosts + 1))


def _exactly(hosts: int, lost: int, down: float) -> float:
    """The share of time in which exactly so many hosts are down; by logarithms, for large clusters."""
    if not 0 < down < 1:
        return float(lost == (hosts if down else 0))
    ways = math.lgamma(hosts + 1) - math.lgamma(lost + 1) - math.lgamma(hosts - lost + 1)
    return math.exp(ways + lost * math.log(down) + (hosts - lost) * math.log1p(-down))

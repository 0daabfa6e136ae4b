"""Availability in closed form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

HOURS_A_YEAR: Final = 8760.0
MINUTES_A_YEAR: Final = 525_600.0


def steady(mtbf_h: float, mttr_h: float) -> float:
    """Give the share of time that one component works.

    Source: any text on reliability; a host of 10,000 h and 8 h is down 7 h a year.

    >>> steady(10_000, 8)
    0.9992006394884093
    """
    return mtbf_h / (mtbf_h + mttr_h)


def series(parts: Iterable[float]) -> float:
    """Give the availability of what needs all of its independent parts.

    Source: vmware-operations-guide 1.7.2, corrected: 4 web, 2 application and 1 database server of 99.9 %.

    >>> round(series([parallel([0.999] * 4), parallel([0.999] * 2), 0.999]), 6)
    0.998999
    """
    return math.prod(parts)


def parallel(parts: Iterable[float]) -> float:
    """Give the availability of what needs one of its independent parts.

    >>> parallel([0.9, 0.9])
    0.99
    """
    return 1.0 - math.prod(1.0 - part for part in parts)


def k_of_n(k: int, n: int, part: float) -> float:
    """Give the probability that at least k of n equal, independent parts work.

    >>> round(k_of_n(2, 3, steady(10_000, 8)), 12)
    0.99999808409
    """
    return math.fsum(math.comb(n, up) * part**up * (1.0 - part) ** (n - up) for up in range(k, n + 1))


def states(n: int, mtbf_h: float, mttr_h: float, crews: int) -> tuple[float, ...]:
    """Give the probability of 0 to n parts being failed: a birth-death chain in its steady state.

    Each working part fails with rate 1 / MTBF; at most `crews` are under repair, each with rate 1 / MTTR.

    Raises:
        ValueError: no crew, or a time that is not positive.

    >>> [round(share, 6) for share in states(2, 9.0, 1.0, 2)]
    [0.81, 0.18, 0.01]
    """
    if crews < 1 or mtbf_h <= 0 or mttr_h <= 0:
        raise ValueError("a repair takes a crew, and times above zero")
    weights = [1.0]
    for failed in range(n):
        fails, mended = (n - failed) / mtbf_h, min(failed + 1, crews) / mttr_h
        weights.append(weights[-1] * fails / mended)
    whole = math.fsum(weights)
    return tuple(weight / whole for weight in weights)


def with_crews(k: int, n: int, mtbf_h: float, mttr_h: float, crews: int) -> float:
    """Give the probability that at least k of n parts work when so many repair crews mend them.

    >>> round(with_crews(2, 3, 10_000, 8, 1), 12)
    0.999996166144
    """
    return math.fsum(states(n, mtbf_h, mttr_h, crews)[: n - k + 1])


def unavailable_with_crews(k: int, n: int, mtbf_h: float, mttr_h: float, crews: int) -> float:
    """Give what `with_crews` leaves, exact however small.

    Source: 16 hosts of which 13 must work, MTBF 8,760 h, MTTR 8 h, repaired independently, are short
    of one 1.25e-9 of the time.

    >>> round(unavailable_with_crews(13, 16, 8760, 8, 16), 12)
    1.25e-09
    """
    return math.fsum(states(n, mtbf_h, mttr_h, crews)[n - k + 1 :])


def with_common_cause(k: int, n: int, mtbf_h: float, mttr_h: float, beta: float) -> float:
    """Give the availability of k of n where a share beta of all failures takes all parts at once.

    The parts fail alone with rate (1 - beta) / MTBF, together with rate beta / MTBF: a series of the two.

    Raises:
        ValueError: a share outside 0 to 1.

    Source: IEC 61508-6, annex D (beta factor).

    >>> with_common_cause(1, 2, 10_000, 8, 0.0) == k_of_n(1, 2, steady(10_000, 8))
    True
    >>> with_common_cause(1, 2, 10_000, 8, 1.0) == steady(10_000, 8)
    True
    """
    if not 0.0 <= beta <= 1.0:
        raise ValueError(f"beta is a share of 0 to 1, not {beta}")
    alone = 1.0 if beta == 1.0 else k_of_n(k, n, steady(mtbf_h / (1.0 - beta), mttr_h))
    together = 1.0 if beta == 0.0 else steady(mtbf_h / beta, mttr_h)
    return series([alone, together])


def restart_seconds(mtbf_h: float, restart_s: float) -> float:
    """Give the seconds a year that restarts after host failures take from one VM.

    >>> [round(restart_seconds(10_000, s), 1) for s in (123, 180, 240)]
    [107.7, 157.7, 210.2]
    """
    return HOURS_A_YEAR / mtbf_h * restart_s


def both_lost_a_year(mtbf_h: float, reprotect_h: float) -> float:
    """Count how often a year an FT pair loses both hosts: the second before a new copy is ready.

    >>> round(both_lost_a_year(10_000, 0.25), 10)
    4.38e-05
    """
    return HOURS_A_YEAR * 2.0 / mtbf_h * reprotect_h / mtbf_h


def nines(unavailable: float) -> float:
    """Give the number of nines: 0.00001 down is five.

    >>> round(nines(1e-5), 6), nines(0.0)
    (5.0, inf)
    """
    return math.inf if unavailable <= 0 else -math.log10(unavailable)

"""The units of the planner and their conversions: MiB, MHz, W; nothing is converted anywhere else."""

from __future__ import annotations

from typing import Final

MIB_PER_GIB: Final = 1024
MIB_PER_TIB: Final = 1024 * 1024
HOURS_PER_YEAR: Final = 8760.0  # 365 x 24, the year of availability and energy figures


def gib(mib: float) -> float:
    """Give GiB for MiB.

    >>> gib(262109)
    255.9658203125
    """
    return mib / MIB_PER_GIB


def tib(mib: float) -> float:
    """Give TiB for MiB.

    >>> tib(1048576)
    1.0
    """
    return mib / MIB_PER_TIB

"""A quantity with its unit, as OVF (DMTF DSP0004, annex C.1) and libvirt write them -> bytes, hertz, MiB."""

from __future__ import annotations

import math
import re
from typing import Final

BYTES_PER_MIB: Final = 1024 * 1024
MAX_DIGITS: Final = 25  # a yottabyte; a longer number is an attack on the memory
_PROGRAMMATIC: Final = re.compile(
    r"(?P<base>byte|hertz)s?(?:\s*\*\s*(?P<root>2|10|1000|1024)\s*\^\s*(?P<power>\d{1,2}))?", re.IGNORECASE
)
# The spellings of OVF 0.9, and libvirt's: K, M ... and KiB are powers of 1024, KB of 1000.
# libvirt.org/formatdomain.html#memory-allocation; VMware wrote MegaBytes for 2^20.
_WORDS: Final = {
    "b": 1,
    "byte": 1,
    "bytes": 1,
    "kilobytes": 2**10,
    "megabytes": 2**20,
    "gigabytes": 2**30,
    "terabytes": 2**40,
    "k": 2**10,
    "m": 2**20,
    "g": 2**30,
    "t": 2**40,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "megahertz": 10**6,
    "mhz": 10**6,
    "ghz": 10**9,
}


def factor_of(unit: str) -> int | None:
    """Say how many bytes or hertz a unit is; None where nobody knows it.

    >>> factor_of("byte * 2^20"), factor_of("MegaBytes"), factor_of("hertz * 10 ^ 9"), factor_of("KB")
    (1048576, 1048576, 1000000000, 1000)
    """
    found = _PROGRAMMATIC.fullmatch(unit.strip())
    if found:
        return math.prod([int(found["root"] or 1)] * int(found["power"] or 0))
    return _WORDS.get(unit.strip().casefold())


def whole(text: str) -> int | None:
    """Give a whole number that is not negative, written in ASCII digits; None for anything else.

    >>> whole("42"), whole("-1"), whole("1e9"), whole("٣")
    (42, None, None, None)
    """
    stripped = text.strip()
    is_number = stripped.isascii() and stripped.isdecimal() and len(stripped) <= MAX_DIGITS
    return int(stripped) if is_number else None


def mib_of(amount: int) -> int:
    """Round bytes up to MiB, so that what is wanted is never told too small.

    >>> mib_of(1), mib_of(2**20)
    (1, 1)
    """
    return -(-amount // BYTES_PER_MIB)

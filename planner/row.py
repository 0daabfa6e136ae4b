"""What every row of the estate is made of: names, counts and sizes within bounds."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
# The ceilings stand far above every product's configuration maximums: beyond them a number is a typing error.
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000)]
Mib: TypeAlias = Annotated[int, Meta(ge=0, le=10**12)]
Rate: TypeAlias = Annotated[float, Meta(ge=0, le=10**9)]  # a second
Mhz: TypeAlias = Annotated[float, Meta(ge=0, le=10**9)]


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing of the estate.  It can hold no cycle, so the garbage collector need not look at 100,000."""

"""How large a value may be: the bounds that the estate itself declares."""

from __future__ import annotations

from typing import Final, get_args, get_type_hints

from msgspec import Meta

from planner.estate import VM, Host
from planner.row import Count, Mhz, Mib


def _bounds(declared: object) -> tuple[int, int]:
    """Give the bounds of an `Annotated[number, Meta(ge=..., le=...)]`."""
    meta = next(part for part in get_args(declared) if isinstance(part, Meta))
    return int(meta.ge or 0), int(meta.le or 0)


_VM: Final = get_type_hints(VM, include_extras=True)
_HOST: Final = get_type_hints(Host, include_extras=True)

COUNT: Final = _bounds(Count)
MIB: Final = _bounds(Mib)
MHZ: Final = _bounds(Mhz)
PERCENT: Final = (0, 100)
HOST_SOCKETS: Final = _bounds(_HOST["sockets"])
HOST_CORES: Final = _bounds(_HOST["cores"])
HOST_MEMORY_MIB: Final = _bounds(_HOST["memory_mib"])
# The estate allows a VM of no vCPU and no memory; an export that says so does not know them.
VM_VCPUS: Final = (1, _bounds(_VM["vcpus"])[1])
VM_MEMORY_MIB: Final = (1, MIB[1])

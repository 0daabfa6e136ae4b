"""Estates for tests of the shell: hypothesis strategies of all the planner knows, and one of a given size."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from planner.estate import VM, Cluster, Datastore, Disk, Estate, Host, Partition, VmNic
from planner.quality import Finding, Quality, Reading, SheetRead
from planner.sentence import Sentence
from planner.service import Service, Tier

# What the readers let through: printable text of any script, no NUL (which PostgreSQL cannot store).
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
INTEGER_MAX = 1024  # the smallest ceiling of any count


def things(struct: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Any value of a planner type, from its annotations."""
    hints = typing.get_type_hints(struct)
    if struct is Service:  # a service without a tier is none
        tiers = st.lists(things(Tier), min_size=1, max_size=3).map(tuple)
        return st.builds(Service, name=NAMES, tiers=tiers)
    return st.builds(struct, **{name: of_type(hint) for name, hint in hints.items()})


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([st.none() if a is types.NoneType else of_type(a) for a in typing.get_args(hint)])
    if origin is typing.Literal:
        return st.sampled_from(typing.get_args(hint))
    if origin is tuple:
        return st.lists(of_type(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(NAMES, TEXT, max_size=3)
    if hint is str:
        return NAMES
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(1, INTEGER_MAX)
    if hint is float:
        return st.floats(0, 100)
    return things(hint)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """Any estate that does not contradict itself."""
    hints = typing.get_type_hints(Estate)
    rows = {}
    for name, hint in hints.items():
        struct = typing.get_args(hint)[0]
        unique = (lambda row: row.name) if struct.__name__ not in ("Path", "Link", "Rule") else None
        rows[name] = tuple(draw(st.lists(things(struct), max_size=4, unique_by=unique)))
    return Estate(**rows).sorted()


def reading(estate: Estate) -> Reading:
    """The estate as a reader would give it."""
    return Reading(
        estate=estate,
        quality=Quality(
            format="rvtools",
            sheets=(SheetRead(name="vInfo", rows_read=len(estate.vms)),),
            warnings=(Finding(sheet="vInfo", row=7, column="VM", message=Sentence("{n} rows", {"n": 1.5})),),
        ),
    )


def estate_of(vms: int, hosts: int = 4, owner: str = "") -> Estate:
    """Two clusters of identical hosts, and VMs with two disks, two partitions and one NIC each."""
    return Estate(
        clusters=(Cluster(name="A"), Cluster(name="B")),
        hosts=tuple(
            Host(name=f"esx{i}", cluster="AB"[i % 2], sockets=2, cores=32, cpu_mhz=2600.0, memory_mib=524288)
            for i in range(hosts)
        ),
        datastores=(Datastore(name="ds1", capacity_mib=10**9, used_mib=10**8, hosts=("esx0", "esx1")),),
        vms=tuple(_vm(i, hosts, owner) for i in range(vms)),
    ).sorted()


def _vm(i: int, hosts: int, owner: str) -> VM:
    return VM(
        name=f"vm{i:06}",
        cluster="AB"[i % hosts % 2],
        host=f"esx{i % hosts}",
        power="off" if i % 10 == 0 else "on",
        vcpus=2 + i % 7,
        memory_mib=4096 * (1 + i % 5),
        disk_mib=102400,
        datastores=("ds1",),
        networks=("prod",),
        disks=(
            Disk(name="Hard disk 1", capacity_mib=51200, datastore="ds1", thin=True),
            Disk(name="Hard disk 2", capacity_mib=51200, datastore="ds1", thin=False),
        ),
        partitions=(
            Partition(name="C:\\", capacity_mib=51200, consumed_mib=20480),
            Partition(name="D:\\", capacity_mib=51200, consumed_mib=10240),
        ),
        nics=(VmNic(label="Network adapter 1", network="prod", connected=True),),
        guest_os="Debian GNU/Linux 12",
        owner=owner or None,
    )

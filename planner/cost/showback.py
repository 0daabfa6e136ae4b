"""Who causes which cost: every line shared out over the running VMs, to the cent, and added up by owner."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.catalogue.cards import Area
from planner.consolidation import storage_used_mib
from planner.cost.bill import Bill, Line
from planner.cost.databases import LICENCE
from planner.cost.guests import guest_of
from planner.cost.money import NOTHING, Span, apportion
from planner.estate import VM

By: TypeAlias = Literal["owner", "folder", "cluster"]
Key: TypeAlias = Literal["size", "storage", "each", "windows-server", "rhel", "sql", "oracle"]

NOBODY: Final = ""
KEY_OF: Final[dict[Area, Key]] = {
    "storage": "storage",
    "labour": "each",
    "change": "each",
    "downtime": "each",
}


class Share(Struct, frozen=True, kw_only=True):
    """What one VM costs, over all years of the bill."""

    vm: str
    owner: str
    amount: Span


class OwnerShare(Struct, frozen=True, kw_only=True):
    """What the VMs of one owner cost; an empty name is nobody."""

    owner: str
    vms: int
    amount: Span


def key_of(line: Line) -> Key:
    """Say by what a line is shared out: size, storage, or evenly over all or over the VMs it is for."""
    if line.area == "guests":
        databases: dict[str, Key] = {"sql_enterprise_2": "sql", "oracle_ee_processor": "oracle"}
        return databases.get(line.what, "windows-server" if line.what.startswith("windows") else "rhel")
    return KEY_OF.get(line.area, "size")


def shares(bill: Bill, vms: Sequence[VM], by: By = "owner") -> tuple[Share, ...]:
    """Share a bill out over the running VMs; the shares add up to its total, to the cent.

    Hosts, their licences, energy and space go by size: the larger of a VM's share of all vCPUs and its
    share of all memory.  Storage goes by what its files hold, work and outages evenly, guest licences
    evenly over the VMs that need them.
    """
    load = [vm for vm in vms if vm.is_load and vm.ft != "secondary"]
    if not load:
        return ()
    amounts = [NOTHING] * len(load)
    weights: dict[Key, list[Decimal]] = {}
    for line in bill.lines:
        if line.amount is None:
            continue
        key = key_of(line)
        if key not in weights:
            weights[key] = weights_of(load, key)
        amounts = [
            sum_ + Span(low, high)
            for sum_, low, high in zip(
                amounts,
                apportion(line.amount.low, weights[key]),
                apportion(line.amount.high, weights[key]),
                strict=True,
            )
        ]
    return tuple(
        Share(vm=vm.name, owner=owner_of(vm, by), amount=amount)
        for vm, amount in zip(load, amounts, strict=True)
    )


def weights_of(load: Sequence[VM], key: Key) -> list[Decimal]:
    """What each VM weighs by one key."""
    match key:
        case "each":
            return [Decimal(1)] * len(load)
        case "storage":
            return [Decimal(storage_used_mib(vm)) for vm in load]
        case "size":
            vcpus = sum(vm.vcpus for vm in load) or 1
            memory = sum(vm.memory_mib for vm in load) or 1
            return [max(Decimal(vm.vcpus) / vcpus, Decimal(vm.memory_mib) / memory) for vm in load]
        case "sql" | "oracle":
            return [Decimal(vm.attributes.get(LICENCE) == key) for vm in load]
        case _:
            return [Decimal(guest_of(vm) == key) for vm in load]


def owner_of(vm: VM, by: By) -> str:
    """Whose VM it is, by the field asked for."""
    return {"owner": vm.owner, "folder": vm.folder, "cluster": vm.cluster}[by] or NOBODY


def by_owner(found: Sequence[Share]) -> tuple[OwnerShare, ...]:
    """Add the shares up by owner, the dearest first."""
    sums: dict[str, tuple[int, Span]] = {}
    for share in found:
        vms, amount = sums.get(share.owner, (0, NOTHING))
        sums[share.owner] = (vms + 1, amount + share.amount)
    rows = [OwnerShare(owner=owner, vms=vms, amount=amount) for owner, (vms, amount) in sums.items()]
    return tuple(sorted(rows, key=lambda row: (-row.amount.high, row.owner)))

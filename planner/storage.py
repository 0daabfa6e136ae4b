"""What datastores a cluster sees: what they hold, what its VMs take of them, what is free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from planner.consolidation import Members, storage_used_mib
from planner.estate import VM, Datastore
from planner.sentence import Sentence
from planner.units import tib


class Storage(Struct, frozen=True, kw_only=True):
    """The datastores of one cluster, each counted once.

    `capacity_mib` None: the estate names no datastore for it.  `per_host_mib` is None where storage is
    shared, for then it does not come with hosts.
    """

    demand_mib: int
    provisioned_mib: int
    datastores: int = 0
    capacity_mib: int | None = None
    used_mib: int | None = None
    per_host_mib: float | None = None
    assumptions: tuple[Sentence, ...] = ()

    @property
    def free_mib(self) -> int | None:
        """What is free on the datastores, after everything on them, not only this cluster's VMs."""
        if self.capacity_mib is None or self.used_mib is None:
            return None
        return max(0, self.capacity_mib - max(self.used_mib, self.demand_mib))

    @property
    def fits(self) -> bool | None:
        """Whether the files fit; None where no datastore is known."""
        if self.capacity_mib is None or self.used_mib is None:
            return None
        return max(self.used_mib, self.demand_mib) <= self.capacity_mib


def storage_of(cluster: Members, datastores: Sequence[Datastore], alone: bool) -> Storage:
    """Gather the storage of a cluster.

    A datastore belongs to it when one of its hosts mounts it; where the estate does not say who
    mounts it, when one of its VMs has files there, or when there is no other cluster.  Local
    datastores count only where VMs have files on them or where nothing is shared: most of them only
    boot their host.

    Args:
        cluster: its hosts and VMs.
        datastores: all of the estate.
        alone: whether the estate has no other cluster.
    """
    demand = sum(storage_used_mib(vm) for vm in cluster.vms)
    provisioned = sum(max(vm.disk_mib, vm.disk_used_mib or 0) for vm in cluster.vms)
    named = {name for vm in cluster.vms for name in _named(vm)}
    hosts = {host.name for host in cluster.hosts}
    seen = [
        store
        for store in datastores
        if (not hosts.isdisjoint(store.hosts) if store.hosts else alone or store.name in named)
    ]
    shared = [store for store in seen if store.shared]
    local = [store for store in seen if not store.shared and (store.name in named or not shared)]
    counted = [*shared, *local]
    if not counted:
        return Storage(demand_mib=demand, provisioned_mib=provisioned, assumptions=(UNKNOWN,))
    return Storage(
        demand_mib=demand,
        provisioned_mib=provisioned,
        datastores=len(counted),
        capacity_mib=sum(store.capacity_mib for store in counted),
        used_mib=sum(store.used_mib for store in counted),
        per_host_mib=_per_host(local, hosts) if not shared else None,
        assumptions=_said(cluster, hosts, shared, len(seen) - len(counted)),
    )


UNKNOWN: Final = Sentence("No datastore of this cluster is known: whether its storage suffices is not judged")
_BOOT = Sentence("Local datastores without VM files ({count}) are left out")
_COMMON = Sentence("Datastores that hosts outside mount too ({count}): their free space counts for both")
SHARED: Final = Sentence("Storage is shared and does not grow with hosts, so it asks for no number of hosts")


def _named(vm: VM) -> list[str]:
    return [*vm.datastores, *(disk.datastore for disk in vm.disks if disk.datastore is not None)]


def _per_host(local: Sequence[Datastore], hosts: set[str]) -> float | None:
    return sum(store.capacity_mib for store in local) / len(hosts) if hosts else None


def _said(
    cluster: Members, hosts: set[str], shared: Sequence[Datastore], left_out: int
) -> tuple[Sentence, ...]:
    common = sum(any(host not in hosts for host in store.hosts) for store in shared)
    return (
        *((Sentence(_BOOT.template, {"count": left_out}),) if left_out else ()),
        *((Sentence(_COMMON.template, {"count": common}),) if common else ()),
        *((SHARED,) if shared else ()),
    )


def refusals(storage: Storage) -> tuple[Sentence, ...]:
    """Say that the datastores are too small, where they are."""
    if storage.fits is not False or storage.capacity_mib is None or storage.used_mib is None:
        return ()
    return (
        Sentence(
            "The datastores hold {capacity} TiB and the files on them take {taken} TiB: hosts do not help",
            {
                "capacity": round(tib(storage.capacity_mib), 2),
                "taken": round(tib(max(storage.used_mib, storage.demand_mib)), 2),
            },
        ),
    )

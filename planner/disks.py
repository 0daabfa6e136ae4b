"""Where the disks of new VMs find room: on the datastores that their host sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.estate import VM, Datastore
from planner.reach import datastores_of


def without_room(placed: Mapping[str, str], vms: Sequence[VM], datastores: Sequence[Datastore]) -> list[str]:
    """Name the new VMs whose disks find no room beside each other, largest first.

    A VM is new when it has no host and names no datastore; its disks go on one datastore that its host
    sees, the fullest that holds them.  Where no datastore is known nothing is judged.

    Args:
        placed: VM -> host.
        vms, datastores: those of the estate.  What is used on a datastore stays.

    >>> store = Datastore(name="d", capacity_mib=100, used_mib=50)
    >>> vms = [VM(name=n, power="on", vcpus=1, memory_mib=1, disk_mib=30) for n in ("a", "b")]
    >>> without_room({"a": "esx1", "b": "esx1"}, vms, [store])
    ['b']
    """
    free = {store.name: store.capacity_mib - store.used_mib for store in datastores}
    new = [vm for vm in vms if vm.name in placed and vm.host is None and not datastores_of(vm)]
    homeless = []
    for vm in sorted(new, key=lambda vm: (-vm.disk_mib, vm.name)):
        host = placed[vm.name]
        able = [
            store.name
            for store in datastores
            if (not store.hosts or host in store.hosts) and free[store.name] >= vm.disk_mib
        ]
        if able:
            free[min(able, key=lambda name: (free[name], name))] -= vm.disk_mib
        elif free:
            homeless.append(vm.name)
    return homeless

"""How many hosts a cluster needs, which resource says so, whether today's hosts do, and what room is left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from planner.admission import Tolerance, failures_tolerated, identical, room_beside, tolerates
from planner.consolidation import Members, storage_used_mib
from planner.demand import (
    KHZ,
    MEMORY,
    VCPU,
    Amounts,
    Capacity,
    Load,
    capacity_of,
    give_of,
    held_mhz,
    load_of,
    need_of,
    usable_memory_mib,
)
from planner.estate import VM, Host, Rule
from planner.placement import Placement, pack
from planner.storage import Storage
from planner.units import MIB_PER_GIB, tib

Resource: TypeAlias = Literal["cpu", "memory", "storage"]

SOCKETS_UNKNOWN: Final = 2  # most common for servers; decides nothing but the licence floor
FREE_VMS_MAX: Final = 100_000  # beyond it the answer is "more than enough"
REPACK_MAX: Final = 3_000  # VMs up to which free room is looked for by placing all of them anew
WORTH_REPACKING: Final = 100  # ... where that could add more than one VM to so many that run
AVERAGE: Final = "average running VM"
KIB_PER_GIB: Final = 1024 * 1024


class HostModel(Struct, frozen=True, kw_only=True):
    """The host that a plan counts in; `name` says whose it is (a model, or 'as given')."""

    name: str
    sockets: int
    cores: int
    memory_mib: int
    usable_memory_mib: float
    cpu_mhz: float | None = None


class Need(Struct, frozen=True, kw_only=True):
    """One resource: wanted by VMs, given by a host, hosts that makes."""

    resource: Resource
    demand: float
    capacity_today: float | None
    capacity_per_host: float | None
    unit: str
    hosts: int | None


class Template(Struct, frozen=True, kw_only=True):
    """The VM in which free room is counted, always named; `held_mhz` is reserved or was measured."""

    name: str
    vcpus: float
    memory_mib: float
    disk_mib: float
    held_mhz: float = 0.0


class Wish(Struct, frozen=True, kw_only=True):
    """What the asker chose, as far as sizes hang on it.  Host values None: those of the cluster itself."""

    failures: int
    vcpu_per_core: float
    host_cores: int | None = None
    host_sockets: int | None = None
    host_memory_mib: int | None = None

    @property
    def names_host(self) -> bool:
        """Whether the asker described a host to buy."""
        return any(value is not None for value in (self.host_cores, self.host_sockets, self.host_memory_mib))


class Sizing(Struct, frozen=True, kw_only=True, eq=False):
    """Everything sized for one cluster; None where there is no host to count in."""

    load: Load
    capacity: Capacity
    host_model: HostModel | None
    needs: tuple[Need, ...]
    packing: Placement | None
    hosts_for_load: int | None
    lower_bound: int | None
    binding: Resource | None
    tolerance: Tolerance | None
    failures_tolerated_today: int | None
    carried_today: bool | None


def host_model(hosts: Sequence[Host], load: Load, wish: Wish) -> HostModel | None:
    """Choose the host to count in: the one described, or the most common one that can hold every VM.

    Of equally common ones it is the smaller.  What the asker left open is taken from the cluster's
    own.  None where neither the cluster nor the asker says how many cores and how much memory.
    """
    own = _most_common(hosts, load, wish.vcpu_per_core)
    cores = wish.host_cores or (own.cores if own else None)
    memory_mib = wish.host_memory_mib or (own.memory_mib if own else None)
    if cores is None or memory_mib is None:
        return None
    sockets = wish.host_sockets or (own.sockets if own else SOCKETS_UNKNOWN)
    speeds = [host.cpu_mhz for host in hosts if host.cpu_mhz]
    return HostModel(
        name="as given" if wish.names_host or own is None else own.model or own.name,
        sockets=min(sockets, cores),
        cores=cores,
        memory_mib=memory_mib,
        usable_memory_mib=usable_memory_mib(memory_mib),
        cpu_mhz=min(speeds) if speeds else None,
    )


def _most_common(hosts: Sequence[Host], load: Load, vcpu_per_core: float) -> Host | None:
    kinds = Counter((host.cores, host.memory_mib, host.sockets) for host in hosts)
    largest = load.needs.max(axis=0, initial=0)
    best: tuple[bool, int, int, int, int, str] | None = None
    chosen = None
    for host in hosts:
        give = give_of(
            cores=host.cores, cpu_mhz=host.cpu_mhz, memory_mib=host.memory_mib, vcpu_per_core=vcpu_per_core
        )
        holds = bool((largest <= np.array(give)).all())
        count = kinds[host.cores, host.memory_mib, host.sockets]
        # A kind that holds every VM comes first; if none does, the largest there is.
        key = (
            not holds,
            -count if holds else -host.memory_mib,
            host.memory_mib,
            host.cores,
            host.sockets,
            host.name,
        )
        if best is None or key < best:
            best, chosen = key, host
    return chosen


def size(cluster: Members, storage: Storage, rules: Sequence[Rule], wish: Wish) -> Sizing:
    """Size one cluster: needs by resource, hosts for the load, failures that the real hosts stand."""
    load = load_of(cluster.vms)
    capacity = capacity_of(cluster.hosts, wish.vcpu_per_core)
    model = host_model(cluster.hosts, load, wish)
    give = give_of_model(model, wish.vcpu_per_core) if model else None
    packing = pack(load, give, rules) if give is not None else None
    needs = (_cpu(load, capacity, give), _memory(load, capacity, give), _storage(storage))
    same = packing if give is not None and _is_one_of(give, load, capacity, rules) else None
    asked = tolerates(load, capacity, rules, wish.failures, same) if cluster.hosts else None
    tolerated = failures_tolerated(load, capacity, rules, asked, same) if asked is not None else None
    carried = packing if packing is not None and packing.complete else None
    by_storage = needs[2].hosts or 0
    return Sizing(
        load=load,
        capacity=capacity,
        host_model=model,
        needs=needs,
        packing=packing,
        hosts_for_load=max(carried.hosts_used, by_storage) if carried else None,
        lower_bound=max(carried.lower_bound, by_storage) if carried else None,
        binding=_binding(load, give, storage) if give is not None else None,
        tolerance=asked,
        failures_tolerated_today=(tolerated or 0) if cluster.hosts else None,
        carried_today=tolerated is not None if cluster.hosts else None,
    )


def _is_one_of(give: Sequence[int], load: Load, capacity: Capacity, rules: Sequence[Rule]) -> bool:
    """Say whether the hosts are all like the planned one, so that its packing serves for them too."""
    needed = load.needs.any(axis=0)
    return identical(load, capacity, rules) and bool((capacity.gives[0] == give)[needed].all())


def give_of_model(model: HostModel, vcpu_per_core: float) -> Amounts:
    """Say what a planned host gives, in the columns of `demand`."""
    return give_of(
        cores=model.cores,
        cpu_mhz=model.cpu_mhz or 0.0,
        memory_mib=model.memory_mib,
        vcpu_per_core=vcpu_per_core,
    )


def average_vm(vms: Sequence[VM]) -> Template | None:
    """Give the average running VM, rounded up to whole vCPUs and GiB; None where nothing runs.

    >>> vms = [VM(name=n, power="on", vcpus=v, memory_mib=m, disk_mib=10240)
    ...        for n, v, m in (("a", 2, 4096), ("b", 5, 6000))]
    >>> average_vm(vms)
    Template(name='average running VM', vcpus=4, memory_mib=5120, disk_mib=10240, held_mhz=0.0)
    """
    load = [vm for vm in vms if vm.is_load]
    if not load:
        return None
    count = len(load)
    return Template(
        name=AVERAGE,
        vcpus=-(-sum(vm.vcpus for vm in load) // count),
        memory_mib=-(-sum(vm.memory_mib for vm in load) // (count * MIB_PER_GIB)) * MIB_PER_GIB,
        disk_mib=-(-sum(storage_used_mib(vm) for vm in load) // (count * MIB_PER_GIB)) * MIB_PER_GIB,
        held_mhz=float(math.ceil(sum(held_mhz(vm) for vm in load) / count)),
    )


def template_of(vm: VM) -> Template:
    """Count free room in VMs like this one, whose disks then hold what they may hold."""
    return Template(
        name=vm.name,
        vcpus=vm.vcpus,
        memory_mib=vm.memory_mib,
        disk_mib=vm.disk_mib,
        held_mhz=held_mhz(vm),
    )


def free_room(
    sizing: Sizing, storage: Storage, template: Template, rules: Sequence[Rule], failures: int
) -> int | None:
    """Say how many more VMs of a template fit while `failures` hosts may still be lost.

    First what fits beside everything as it was placed; where there are not too many VMs, and the sums
    leave room for more than a hundredth of them besides, then what fits when all are placed anew, in
    growing steps while they work.  The number given was itself placed.  Storage that is not known
    does not limit it.
    None where the cluster has no host; 0 where it does not even carry what it has.
    """
    if sizing.tolerance is None:
        return None
    if not sizing.tolerance.carried:
        return 0
    need = need_of(
        VM(
            name=template.name,
            power="on",
            vcpus=int(template.vcpus),
            memory_mib=int(template.memory_mib),
            disk_mib=0,
            cpu_demand_mhz=template.held_mhz,
        )
    )
    free = storage.free_mib
    by_storage = int(free // template.disk_mib) if free is not None and template.disk_mib else FREE_VMS_MAX
    most = min(by_storage, _room_at_most(sizing, need, failures))
    good = min(most, room_beside(sizing.tolerance, sizing.load, need))
    running = len(sizing.load.names)
    if running > REPACK_MAX or (most - good) * WORTH_REPACKING <= running:
        return good
    bad, stride = most + 1, 1
    while bad - good > 1:
        tried = min(good + stride, (good + bad + 1) // 2)
        more = with_more(sizing.load, need, tried)
        if tolerates(more, sizing.capacity, rules, failures, quick=True).carried:
            good, stride = tried, stride * 2
        else:
            bad, stride = tried, max(1, stride // 4)
    return good


def with_more(load: Load, need: Sequence[int], count: int) -> Load:
    """Add copies of one need to a load."""
    names = tuple(f"\0{number}" for number in range(count))  # no VM has such a name
    return Load(
        names=load.names + names,
        vms=load.vms + names,
        needs=np.vstack([load.needs, np.tile(np.array(need, dtype=np.int64), (count, 1))]),
        pairs=load.pairs,
    )


def _room_at_most(sizing: Sizing, need: Sequence[int], failures: int) -> int:
    """Bound the room by the sums alone: what the hosts but the largest give, less what is taken."""
    hosts = len(sizing.capacity.names)
    most = FREE_VMS_MAX
    for column, each in enumerate(need):
        if each:
            gives = sorted(sizing.capacity.gives[:, column].tolist())[: max(0, hosts - failures)]
            most = min(most, max(0, sum(gives) - sizing.load.total(column)) // each)
    return most


def _cpu(load: Load, capacity: Capacity, give: Sequence[int] | None) -> Need:
    """Count hosts by vCPUs at the ratio, or by the MHz that VMs hold where those ask for more."""
    by_column = [_hosts(load.total(column), give[column]) for column in (VCPU, KHZ)] if give else [None]
    return Need(
        resource="cpu",
        demand=load.total(VCPU) / 1000,
        capacity_today=sum(capacity.gives[:, VCPU].tolist()) / 1000 if capacity.names else None,
        capacity_per_host=give[VCPU] / 1000 if give else None,
        unit="vCPU",
        hosts=None if None in by_column else max(hosts for hosts in by_column if hosts is not None),
    )


def _memory(load: Load, capacity: Capacity, give: Sequence[int] | None) -> Need:
    return Need(
        resource="memory",
        demand=load.total(MEMORY) / KIB_PER_GIB,
        capacity_today=sum(capacity.gives[:, MEMORY].tolist()) / KIB_PER_GIB if capacity.names else None,
        capacity_per_host=give[MEMORY] / KIB_PER_GIB if give else None,
        unit="GiB",
        hosts=_hosts(load.total(MEMORY), give[MEMORY]) if give else None,
    )


def _storage(storage: Storage) -> Need:
    per_host = storage.per_host_mib
    return Need(
        resource="storage",
        demand=tib(storage.demand_mib),
        capacity_today=tib(storage.capacity_mib) if storage.capacity_mib is not None else None,
        capacity_per_host=tib(per_host) if per_host is not None else None,
        unit="TiB",
        hosts=_hosts(storage.demand_mib, per_host) if per_host is not None else None,
    )


def _hosts(total: int, give: float) -> int | None:
    """Divide and round up, exactly; None where no number of hosts would do."""
    if not total:
        return 0
    return math.ceil(Fraction(total) / Fraction(give)) if give else None


def _binding(load: Load, give: Sequence[int], storage: Storage) -> Resource | None:
    """Name the resource that asks for most hosts, before rounding; storage too small for any number wins."""
    if storage.fits is False and storage.per_host_mib is None:
        return "storage"
    shares: dict[Resource, float] = {
        "cpu": max(_share(load.total(column), give[column]) for column in (VCPU, KHZ)),
        "memory": _share(load.total(MEMORY), give[MEMORY]),
        "storage": _share(storage.demand_mib, storage.per_host_mib) if storage.per_host_mib else 0.0,
    }
    resource, share = max(shares.items(), key=lambda pair: pair[1])
    return resource if share else None


def _share(total: int, give: float) -> float:
    if not total:
        return 0.0
    return total / give if give else math.inf

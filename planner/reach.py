"""Which hosts a VM can run on at all: those that see its datastores and networks and have a CPU it knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from planner.estate import VM, Estate, Host
from planner.refusal import Reason

Hosts: TypeAlias = frozenset[str]

# EVC baselines from old to new; a VM that runs on one also runs on any later one of the same maker.
# Source: Broadcom KB 313545, "Enhanced vMotion Compatibility (EVC) processor support".
GENERATIONS: Final = {
    "intel": (
        *("merom", "penryn", "nehalem", "westmere", "sandybridge", "ivybridge", "haswell", "broadwell"),
        *("skylake", "cascadelake", "icelake", "sapphirerapids"),
    ),
    "amd": (
        *("rev-e", "rev-f", "greyhound-no3dnow", "greyhound", "bulldozer", "piledriver", "steamroller"),
        *("zen", "zen2", "zen3", "zen4"),
    ),
}


class Bar(Struct, frozen=True, kw_only=True):
    """Hosts that a VM cannot use, and why; `detail` names the datastore, the network or the CPU."""

    reason: Reason
    detail: str
    hosts: Hosts


class Reach(Struct, frozen=True, kw_only=True):
    """The bars of each VM that has any; every other VM can run on every host."""

    bars: Mapping[str, tuple[Bar, ...]] = {}

    def barred(self, vm: str) -> Hosts:
        """Give the hosts on which a VM cannot run."""
        return frozenset[str]().union(*(bar.hosts for bar in self.bars.get(vm, ())))

    def why(self, vm: str, host: str) -> Bar | None:
        """Say why a VM cannot run on a host; None where it can."""
        return next((bar for bar in self.bars.get(vm, ()) if host in bar.hosts), None)


def reach_of(estate: Estate, hosts: Sequence[Host], vms: Iterable[VM]) -> Reach:
    """Find the hosts that lack a datastore, a network or the CPU of a VM.

    A VM that stands nowhere yet and names no datastore needs one with room for its disks.
    A datastore or network of which the estate does not say who sees it bars nobody.  The host on which
    a VM runs today plainly has all three.  A running VM keeps its CPU when it moves: it needs the same
    maker and, where both EVC modes are known, no older generation.

    Args:
        estate: names datastores, port groups and switches.
        hosts: those to choose from.
        vms: whose reach is asked.

    >>> from planner.estate import Datastore
    >>> hosts = [Host(name=n, sockets=1, cores=8, cpu_mhz=0, memory_mib=1024) for n in ("esx1", "esx2")]
    >>> local = Datastore(name="local1", capacity_mib=1, used_mib=0, hosts=("esx1",))
    >>> vm = VM(name="db", power="on", vcpus=1, memory_mib=1, disk_mib=1, datastores=("local1",))
    >>> reach_of(Estate(datastores=(local,)), hosts, [vm]).why("db", "esx2").reason.value
    'DATASTORE_UNREACHABLE'
    """
    every = frozenset(host.name for host in hosts)
    stores = {store.name: every - {*store.hosts} for store in estate.datastores if store.hosts}
    networks = _blind_to_network(estate, every)
    cpus = {host.name: cpu_of(host) for host in estate.hosts}
    blind_cpus = {cpu: _unable(cpu, hosts) for cpu in {*cpus.values()}}
    roomiest = _roomiest(estate, every)
    found = {}
    for vm in vms:
        bars = (
            *_bars(Reason.DATASTORE_UNREACHABLE, datastores_of(vm), stores, vm.host),
            *_bars(Reason.NETWORK, vm.networks, networks, vm.host),
            *_cpu_bar(vm, cpus, blind_cpus),
            *_full_bar(vm, roomiest),
        )
        if bars:
            found[vm.name] = bars
    return Reach(bars=found)


def datastores_of(vm: VM) -> tuple[str, ...]:
    """Give the datastores that hold anything of a VM, each once."""
    named = (*vm.datastores, *(disk.datastore for disk in vm.disks if disk.datastore is not None))
    return tuple(dict.fromkeys(named))


def cpu_of(host: Host) -> tuple[str, int | None]:
    """Give the maker of a host's CPU and its EVC generation; an empty maker or None where not known.

    >>> cpu_of(Host(name="h", sockets=1, cores=1, cpu_mhz=1, memory_mib=1, evc="intel-broadwell"))
    ('intel', 7)
    """
    text = f"{host.evc or ''} {host.cpu_model or ''}".lower()
    maker = next((maker for maker in GENERATIONS if maker in text), "")
    mode = (host.evc or "").lower().removeprefix(f"{maker}-")
    known = GENERATIONS.get(maker, ())
    return maker, known.index(mode) if mode in known else None


def runs_on(source: tuple[str, int | None], target: tuple[str, int | None]) -> bool:
    """Say whether a VM started on one CPU can move to another while it runs; unknown counts as able.

    >>> broadwell, skylake, zen2 = ("intel", 7), ("intel", 8), ("amd", 8)
    >>> runs_on(broadwell, skylake), runs_on(skylake, broadwell), runs_on(broadwell, zen2)
    (True, False, False)
    """
    if source[0] and target[0] and source[0] != target[0]:
        return False
    return source[1] is None or target[1] is None or source[1] <= target[1]


def _blind_to_network(estate: Estate, every: Hosts) -> dict[str, Hosts]:
    """Give the hosts without a network; a network is there where one port group of its name is."""
    by_switch = {switch.name: frozenset(switch.hosts) for switch in estate.switches}
    seen: dict[str, Hosts | None] = {}
    for group in estate.port_groups:
        hosts = frozenset(group.hosts) or by_switch.get(group.switch or "", frozenset())
        before = seen.get(group.name, frozenset())
        seen[group.name] = before | hosts if hosts and before is not None else None
    return {name: every - hosts for name, hosts in seen.items() if hosts is not None}


def _bars(reason: Reason, names: Iterable[str], blind: Mapping[str, Hosts], today: str | None) -> list[Bar]:
    bars = []
    for name in names:
        hosts = blind.get(name, frozenset()) - {today}
        if hosts:
            bars.append(Bar(reason=reason, detail=name, hosts=hosts))
    return bars


def _unable(cpu: tuple[str, int | None], hosts: Sequence[Host]) -> Hosts:
    return frozenset(host.name for host in hosts if not runs_on(cpu, cpu_of(host)))


def _cpu_bar(
    vm: VM,
    cpus: Mapping[str, tuple[str, int | None]],
    blind: Mapping[tuple[str, int | None], Hosts],
) -> list[Bar]:
    cpu = cpus.get(vm.host or "")
    if cpu is None or not vm.is_load:
        return []
    maker, generation = cpu
    detail = f"{maker}-{GENERATIONS[maker][generation]}" if generation is not None else maker
    return [Bar(reason=Reason.CPU_MODEL, detail=detail, hosts=blind[cpu])] if blind[cpu] else []


def _roomiest(estate: Estate, every: Hosts) -> dict[str, int]:
    """Give the most that is free on one datastore that each host sees; empty where no datastore is known."""
    free: dict[str, int] = dict.fromkeys(every, 0) if estate.datastores else {}
    for store in estate.datastores:
        left = store.capacity_mib - store.used_mib
        for host in every & {*store.hosts} if store.hosts else every:
            free[host] = max(free[host], left)
    return free


def _full_bar(vm: VM, roomiest: Mapping[str, int]) -> list[Bar]:
    if vm.host is not None or datastores_of(vm):
        return []
    full = frozenset(host for host, free in roomiest.items() if free < vm.disk_mib)
    return [Bar(reason=Reason.DATASTORE_FULL, detail="", hosts=full)] if full else []

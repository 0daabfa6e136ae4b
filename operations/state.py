"""ClusterState: who runs where, who is up.  It changes in `apply(event)` alone.

One cluster with its hosts, VMs, datastores and rules.  What the estate recorded is the start; from then
on only events count.  A host's `used_mib` holds what runs on it and what is on its way to it, so that no
two decisions take the same room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from operations.event import Event
from operations.guest import Guest
from operations.vm_event import StorageMoving
from planner.estate import VM, Host
from planner.sentence import Sentence

Phase: TypeAlias = Literal["running", "booting", "starting", "down", "hung", "failover", "off", "error"]
Verdict: TypeAlias = Literal["live", "unreachable", "isolated", "dead", "fenced"]
Maintenance: TypeAlias = Literal["", "emptying", "on"]
TIERS: Final = {"highest": 0, "high": 1, "medium": 2, "low": 3, "lowest": 4, "disabled": 5}
NO_RESTART: Final = TIERS["disabled"]
NEVER: Final = -1e9
NOTHING_SAID: Final = Sentence("")


class VmState(Struct, gc=False):
    """One VM now.  `host` is where it runs or is being started; None while it is down.

    `activity` is the number of the event that began its start or its move: what ends under another
    number is not news.  `stalled_at` is when its storage or its network went; None while it can serve.
    `is_safe`: whoever ran it last has certainly stopped.  `out_s` sums its outages that are over.
    """

    name: str
    row: VM
    guest: Guest
    memory_mib: int
    vcpus: int
    tier: int
    is_plain: bool
    phase: Phase = "off"
    host: str | None = None
    last_host: str | None = None
    target: str | None = None
    activity: int = 0
    down_at: float = 0.0
    attempts: int = 0
    local_tries: int = 0
    relocations: int = 0
    first_try_at: float = 0.0
    tried: tuple[str, ...] = ()
    hold: str = ""
    why: Sentence = NOTHING_SAID
    stalled_at: float | None = None
    is_safe: bool = True
    out_s: float = 0.0
    outages: int = 0
    ft: bool = False
    secondary: str | None = None
    seeding: str | None = None
    copying: StorageMoving | None = None
    seed_activity: int = 0
    told_unprotected: bool = False
    resets: tuple[float, ...] = ()
    moved_at: float = NEVER
    failed_moves: int = 0
    home: str | None = None
    cpu_mhz: float = 0.0
    cause: int = 0


class HostState(Struct, gc=False):
    """One host now.

    `vms` run or start on it, `incoming` are on their way by migration, `copies` are second copies of FT
    VMs, `lost` went down with it and run nowhere yet.  All hold names, in the order they came.  `is_cut`:
    the networks of its VMs are gone as well.  `may_migrate`: it has a port for that, or nobody told.
    `fenced_number`: the event since which its VMs may start elsewhere.  `returned`: it is back, and takes
    nothing until what it ran before was fenced.  `asked_off`: it went down because somebody asked for it.
    `idle_since`: its last VM left then.
    """

    name: str
    row: Host
    memory_mib: int
    vcpus: int
    link_mib_s: float
    nic_units: int
    powered: bool = True
    connected: bool = True
    is_cut: bool = False
    may_migrate: bool = True
    group: int = 0
    verdict: Verdict = "live"
    maintenance: Maintenance = ""
    then: str = "stay"
    emptying_since: float = 0.0
    told_blocked: bool = False
    standby: bool = False
    silent_at: float | None = None
    silent_cause: int = 0
    was_primary: bool = False
    returned: bool = False
    asked_off: bool = False
    idle_since: float | None = None
    fenced_at: float = 0.0
    fenced_number: int = 0
    used_mib: int = 0
    used_vcpus: int = 0
    count: int = 0
    starting: int = 0
    units: int = 0
    streams: int = 0
    vms: dict[str, None] = {}
    lost: dict[str, None] = {}
    incoming: dict[str, None] = {}
    copies: dict[str, None] = {}
    ft_vms: int = 0
    ft_vcpus: int = 0
    storage_lost: dict[str, float] = {}

    @property
    def is_silent(self) -> bool:
        """Whether the others hear nothing from it."""
        return not (self.powered and self.connected)

    @property
    def is_open(self) -> bool:
        """Whether VMs may be placed on it."""
        return (
            self.powered
            and self.connected
            and self.verdict == "live"
            and not self.maintenance
            and not self.standby
        )


class DatastoreState(Struct, gc=False):
    """One datastore now; `hosts` are those that mount it, by name."""

    name: str
    capacity_mib: int
    used_mib: int
    shared: bool
    hosts: frozenset[str]
    paths: dict[str, tuple[str, ...]] = {}
    units: int = 0
    full: bool = False


class Bonds(Struct, frozen=True):
    """What the rules say about one VM."""

    apart: frozenset[str] = frozenset()
    together: frozenset[str] = frozenset()
    must: frozenset[str] | None = None
    must_not: frozenset[str] = frozenset()
    should: frozenset[str] = frozenset()
    should_not: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()


FREE: Final = Bonds()
Apply: TypeAlias = Callable[["ClusterState", Any], None]


class ClusterState:
    """The cluster at one moment.  `number` counts the events applied: the number of the last one."""

    __slots__ = (
        "bonds",
        "datastores",
        "emptying",
        "forced_tier",
        "ft_names",
        "held",
        "homesick",
        "hosts",
        "level",
        "level_since",
        "lock_of",
        "locked_since",
        "networks",
        "now",
        "number",
        "on_apply",
        "primaries",
        "queued",
        "record_up",
        "rolling",
        "unready",
        "unstarted",
        "vms",
        "watched_since",
    )

    def __init__(
        self,
        hosts: dict[str, HostState],
        vms: dict[str, VmState],
        datastores: dict[str, DatastoreState],
        bonds: dict[str, Bonds],
        networks: dict[str, frozenset[str]],
        on_apply: dict[type[Event], Apply],
    ) -> None:
        self.hosts = hosts
        self.vms = vms
        self.datastores = datastores
        self.bonds = bonds
        self.networks = networks
        self.on_apply = on_apply
        self.number = 0
        self.now = 0.0
        self.primaries: dict[int, str] = {}
        self.watched_since = 0.0
        self.lock_of = ""  # whose lock the next primary has to wait for, where a lock makes it one
        self.locked_since = NEVER
        self.record_up = True
        self.held: dict[str, dict[str, None]] = {}
        self.ft_names = tuple(name for name, vm in vms.items() if vm.ft)
        self.queued: dict[str, str] = {}
        self.emptying: dict[str, None] = {}
        self.homesick = dict.fromkeys(name for name, vm in vms.items() if vm.guest.home or vm.home)
        self.rolling: tuple[str, ...] = ()
        self.forced_tier = -1
        self.unready = [0] * len(TIERS)
        self.unstarted = [0] * len(TIERS)
        self.level = "normal"
        self.level_since = 0.0

    def apply(self, event: Event) -> None:
        """Let one event happen.  Nothing else changes the state."""
        self.number += 1
        self.now = event.at_s
        change = self.on_apply.get(type(event))
        if change is not None:
            change(self, event)

    # -- what follows is called by `changes.py` alone

    def enter(self, vm: VmState, phase: Phase) -> None:
        """Put a VM into a phase and keep the counts of its tier."""
        was = vm.phase
        if was == phase:
            return
        vm.phase = phase
        tier = vm.tier
        self.unstarted[tier] += (phase in _UNSTARTED) - (was in _UNSTARTED)
        self.unready[tier] += (phase in _UNREADY) - (was in _UNREADY)

    def occupy(self, vm: VmState, name: str) -> None:
        """Take room for a VM on a host."""
        host = self.hosts[name]
        host.used_mib += vm.memory_mib
        host.used_vcpus += vm.vcpus
        host.count += 1
        if vm.ft:
            host.ft_vms += 1
            host.ft_vcpus += vm.vcpus

    def leave(self, vm: VmState, name: str) -> None:
        """Give the room of a VM on a host back."""
        host = self.hosts[name]
        host.used_mib -= vm.memory_mib
        host.used_vcpus -= vm.vcpus
        host.count -= 1
        if vm.ft:
            host.ft_vms -= 1
            host.ft_vcpus -= vm.vcpus

    def release(self, vm: VmState) -> None:
        """Let a VM wait for nothing any more."""
        if vm.hold:
            del self.held[vm.hold][vm.name]
            vm.hold = ""

    # -- questions

    def majority(self, group: int) -> bool:
        """Whether the hosts of a network group that can speak are more than half of all hosts."""
        return 2 * self._speaking(group) > len(self.hosts)

    def lost_majority(self) -> bool:
        """Whether the last host that fell silent was the one too many."""
        speaking, all_hosts = self._speaking(0), len(self.hosts)
        return 2 * speaking <= all_hosts < 2 * (speaking + 1)

    def _speaking(self, group: int) -> int:
        return sum(host.powered and host.connected and host.group == group for host in self.hosts.values())

    def reaches(self, host: HostState, vm: VmState) -> bool:
        """Whether a host mounts every datastore of a VM and has its port groups."""
        return self.unmounted(host, vm) is None and self.unwired(host, vm) is None

    def unmounted(self, host: HostState, vm: VmState) -> str | None:
        """The first datastore of a VM that a host does not reach."""
        for name in vm.row.datastores:
            store = self.datastores.get(name)
            if store is None:
                continue
            if (store.hosts and host.name not in store.hosts) or name in host.storage_lost:
                return name
        return None

    def unwired(self, host: HostState, vm: VmState) -> str | None:
        """The first port group of a VM that a host does not have."""
        for name in vm.row.networks:
            if host.name not in self.networks.get(name, (host.name,)):
                return name
        return None

    def are_linked(self, one: str, two: str) -> bool:
        """Whether two hosts have a network between them over which VMs move and copies keep up."""
        first, second = self.hosts[one], self.hosts[two]
        return not first.is_cut and not second.is_cut and first.group == second.group

    def at_risk(self) -> tuple[VmState, ...]:
        """FT VMs that run without a second copy and without one on its way."""
        return tuple(
            vm
            for vm in (self.vms[name] for name in self.ft_names)
            if vm.secondary is None and vm.seeding is None and vm.host is not None
        )


_UNSTARTED: Final = frozenset({"down", "starting"})
_UNREADY: Final = frozenset({"down", "starting", "booting"})

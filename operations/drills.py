"""Fire drills: fail every host in turn, or every pair, and see who is out for how long and who is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from operations.drivers.simulated import SimulatedDriver
from operations.engine import run
from operations.guest import Guest
from operations.instruction import Instruction
from operations.opening import fork, open_state
from operations.policy import Policies
from operations.state import ClusterState
from operations.summary import VmOutage, outage_of
from planner.estate import Estate

Kind: TypeAlias = Literal["each", "pairs"]
# A drill is over when nothing more is to come, or after this long: what waits then waits for a person.
DRILL_ENDS_S: Final = 3600.0
# Where second copies are to be seeded or rules mended first, the hosts fail when that is over.
SETTLED_S: Final = 1800.0


class Drill(Struct, frozen=True, kw_only=True):
    """One drill: the hosts that failed at once, and the VMs that were out."""

    failed: tuple[str, ...]
    outages: tuple[VmOutage, ...]

    @property
    def worst_s(self) -> float:
        """The longest outage of a VM that came back."""
        return max((outage.outage_s for outage in self.outages if not outage.is_lost), default=0.0)

    @property
    def lost(self) -> tuple[VmOutage, ...]:
        """VMs that did not come back."""
        return tuple(outage for outage in self.outages if outage.is_lost)


class DrillReport(Struct, frozen=True, kw_only=True):
    """All drills of one kind.  `matrix` is drill by VM: seconds out, None where a VM was not touched."""

    kind: Kind
    drills: tuple[Drill, ...]
    vms: tuple[str, ...]

    @property
    def worst(self) -> Drill | None:
        """The drill that loses most VMs, and among those the longest outage."""
        return max(self.drills, key=lambda drill: (len(drill.lost), drill.worst_s), default=None)

    @property
    def is_survived(self) -> bool:
        """Whether no drill loses a VM."""
        return not any(drill.lost for drill in self.drills)

    def matrix(self) -> tuple[tuple[float | None, ...], ...]:
        """Seconds each VM was out in each drill."""
        rows = []
        for drill in self.drills:
            out = {outage.vm: outage.outage_s for outage in drill.outages}
            rows.append(tuple(out.get(vm) for vm in self.vms))
        return tuple(rows)


def drill(
    estate: Estate,
    policies: Policies,
    kind: Kind = "each",
    *,
    cluster: str | None = None,
    guests: Mapping[str, Guest] | None = None,
) -> DrillReport:
    """Play every drill of a kind.

    Raises:
        EstateError: the estate has several clusters and none is chosen, or no host.
    """
    state = open_state(estate, policies, guests, cluster=cluster)
    drills = tuple(drill_hosts(state, policies, hosts) for hosts in hosts_to_fail(state, kind))
    return DrillReport(kind=kind, drills=drills, vms=tuple(state.vms))


def hosts_to_fail(state: ClusterState, kind: Kind) -> Iterator[tuple[str, ...]]:
    """Yield the hosts of each drill."""
    names = [host.name for host in state.hosts.values() if host.powered]
    yield from combinations(names, 1 if kind == "each" else 2)


def drill_hosts(opening: ClusterState, policies: Policies, hosts: tuple[str, ...]) -> Drill:
    """Fail some hosts at once and play it to the end."""
    state = fork(opening)
    at_s = SETTLED_S if state.ft_names or policies.ha.keeps_rules else 0.0
    script = [Instruction(at_s, "fail", (name,)) for name in hosts]
    for _ in run(state, policies, SimulatedDriver(state, policies, script, at_s + DRILL_ENDS_S)):
        pass
    touched = (
        vm for vm in state.vms.values() if vm.outages or vm.phase != "running" or vm.stalled_at is not None
    )
    outages = [outage for vm in touched if (outage := outage_of(state, vm)) is not None]
    return Drill(failed=hosts, outages=tuple(outages))

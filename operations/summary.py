"""What a run meant: who was out for how long, who is lost and why, and what would have helped."""

from __future__ import annotations

from msgspec import Struct

from operations.journeys import Emptied, Moved
from operations.state import NOTHING_SAID, ClusterState, VmState
from planner.sentence import Sentence


class VmOutage(Struct, frozen=True, kw_only=True):
    """One VM's fate.  `outage_s` sums its outages, `times` of them; one not over lasts to the end of the run.

    `is_lost`: it did not come back by itself; `why` then says what it waits for.
    """

    vm: str
    outage_s: float
    is_lost: bool
    host: str | None
    why: Sentence = NOTHING_SAID
    times: int = 1


class Rescue(Struct, frozen=True, kw_only=True):
    """One thing that would have helped: the VMs that come back with it, the longest after so long."""

    what: Sentence
    saves: tuple[str, ...]
    longest_s: float


class Summary(Struct, frozen=True, kw_only=True):
    """The end of a run.  `outages` holds only VMs that were out, the longest first.

    `rescues` were played, the best first; `advice` is what no run can show.
    """

    ended_at_s: float
    events: int
    outages: tuple[VmOutage, ...]
    advice: tuple[Sentence, ...]
    rescues: tuple[Rescue, ...] = ()
    moved: Moved | None = None
    emptied: tuple[Emptied, ...] = ()

    @property
    def lost(self) -> tuple[VmOutage, ...]:
        """Those that did not come back."""
        return tuple(outage for outage in self.outages if outage.is_lost)


def summarize(state: ClusterState) -> Summary:
    """Say what the state at the end of a run means."""
    outages = [found for vm in state.vms.values() if (found := outage_of(state, vm)) is not None]
    outages.sort(key=lambda outage: (not outage.is_lost, -outage.outage_s, outage.vm))
    return Summary(
        ended_at_s=state.now, events=state.number, outages=tuple(outages), advice=advise(state, outages)
    )


def outage_of(state: ClusterState, vm: VmState) -> VmOutage | None:
    """How long a VM was out; None for one that never was, or that nobody wants."""
    if vm.phase == "off" or vm.guest.error:
        return None
    since = vm.stalled_at if vm.phase == "running" else vm.down_at
    is_lost = vm.phase != "running" or vm.stalled_at is not None
    still_s = state.now - since if is_lost and since is not None else 0.0
    if not is_lost and not vm.outages:
        return None
    return VmOutage(
        vm=vm.name,
        outage_s=vm.out_s + still_s,
        is_lost=is_lost,
        host=vm.host,
        why=why_lost(state, vm) if is_lost else NOTHING_SAID,
        times=vm.outages + is_lost,
    )


def why_lost(state: ClusterState, vm: VmState) -> Sentence:
    """Say what keeps a VM down."""
    if vm.hold or vm.phase == "error":
        return vm.why
    if vm.phase == "running":
        return Sentence("its storage or its network is gone")
    if vm.phase == "hung":
        return Sentence("its guest does not answer")
    if vm.phase in ("starting", "booting", "failover"):
        return Sentence("it was still starting at the end")
    if not vm.is_safe and vm.last_host is not None:
        return Sentence("nobody made sure that {host} stopped it", {"host": vm.last_host})
    return Sentence("nobody was left to restart it")


def advise(state: ClusterState, outages: list[VmOutage]) -> tuple[Sentence, ...]:
    """Say what VMs that are lost need, most important first."""
    lost = [state.vms[outage.vm] for outage in outages if outage.is_lost]
    room = sum(vm.memory_mib for vm in lost if vm.hold == "room" and vm.why.template.startswith("no room"))
    found = []
    if room:
        found.append(Sentence("{room} MiB more free memory on the other hosts", {"room": room}))
    if any(vm.phase == "error" for vm in lost):
        found.append(Sentence("a person who looks at the VMs that do not start"))
    if any(vm.phase == "hung" for vm in lost):
        found.append(Sentence("a person who looks at the guests that hang"))
    return tuple(found)

"""What would have saved them: the rehearsal played again with one thing different, for all that might help.

Nothing is guessed: a remedy is told only when VMs that were lost come back in the run that has it.  Which
remedies are tried follows from why VMs were lost and from what the script let happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, TypeAlias

from msgspec import Struct, structs

from operations.engine import run
from operations.instruction import Verb
from operations.restart import ROOM_HOLDS
from operations.scenario import begin
from operations.script import Script
from operations.state import FREE, NO_RESTART, ClusterState, VmState
from operations.summary import Rescue, Summary, summarize
from planner.estate import Estate, Host
from planner.sentence import Sentence

EVENTS_MOST: Final = 400_000  # of all tries of one rehearsal: seconds
LONGER: Final = 4  # a try may take so many times the events of the run, and a few more
A_FEW: Final = 10_000
SPARE: Final = "spare host"
NETWORK: Final[frozenset[Verb]] = frozenset({"cut", "isolate", "part"})
FABRIC: Final[frozenset[Verb]] = frozenset({"apd", "lose-path"})

Change: TypeAlias = Callable[[Estate, Script], tuple[Estate, Script]]
OnEvent: TypeAlias = Callable[[], None]


class Remedy(Struct, frozen=True):
    """One thing different, in words and as a change of what is played."""

    what: Sentence
    change: Change


def rescues(
    estate: Estate, script: Script, end: ClusterState, summary: Summary, on_event: OnEvent | None = None
) -> tuple[Rescue, ...]:
    """Play every remedy that might help, and give those that do, the one that saves most first.

    Where no single one saves all, all that help are played together.

    Args:
        end: the state at the end of the run; it is not changed.
        on_event: called at each event of each try.
    """
    lost = frozenset(outage.vm for outage in summary.lost)
    if not lost:
        return ()
    tries = _Tries(estate, script, lost, summary.events, on_event)
    helpful: list[tuple[Remedy, Rescue]] = []
    for remedy in remedies(estate, script, end, [end.vms[name] for name in sorted(lost)]):
        found = tries.play(remedy)
        if found is not None:
            helpful.append((remedy, found))
    found_ones = [rescue for _, rescue in helpful]
    if len(helpful) > 1 and not any(len(rescue.saves) == len(lost) for rescue in found_ones):
        together = tries.play(_together([remedy for remedy, _ in helpful]))
        if together is not None and len(together.saves) > max(len(rescue.saves) for rescue in found_ones):
            found_ones.append(together)
    return tuple(sorted(found_ones, key=lambda one: (-len(one.saves), one.longest_s, str(one.what))))


class _Tries:
    """Plays remedies within a budget of events."""

    def __init__(
        self, estate: Estate, script: Script, lost: frozenset[str], events: int, on_event: OnEvent | None
    ) -> None:
        self._estate, self._script, self._lost = estate, script, lost
        self._most = LONGER * events + A_FEW
        self._left = EVENTS_MOST
        self._on_event = on_event

    def play(self, remedy: Remedy) -> Rescue | None:
        """Say what a remedy saves; None where it saves nobody, or does not end within the budget."""
        if self._left <= 0:
            return None
        state, driver = begin(*(changed := remedy.change(self._estate, self._script)))
        most = min(self._most, self._left)
        count = 0
        for _ in islice(run(state, changed[1].policies, driver), most):
            count += 1
            if self._on_event is not None:
                self._on_event()
        self._left -= count
        if count == most:
            return None
        outages = {one.vm: one for one in summarize(state).outages}
        saved = [name for name in sorted(self._lost) if name not in outages or not outages[name].is_lost]
        if not saved:
            return None
        longest_s = max((outages[name].outage_s for name in saved if name in outages), default=0.0)
        return Rescue(what=remedy.what, saves=tuple(saved), longest_s=longest_s)


def _together(found: list[Remedy]) -> Remedy:
    def change(estate: Estate, script: Script) -> tuple[Estate, Script]:
        for remedy in found:
            estate, script = remedy.change(estate, script)
        return estate, script

    return Remedy(Sentence("all of these together"), change)


# -- what is worth a try


def remedies(estate: Estate, script: Script, end: ClusterState, lost: list[VmState]) -> Iterator[Remedy]:
    """Yield what might have helped the VMs that are lost."""
    yield from _of_policy(script, end, lost)
    yield from _of_estate(estate, end, lost)
    yield from _of_script(script, end)


def _of_policy(script: Script, end: ClusterState, lost: list[VmState]) -> Iterator[Remedy]:
    ha = script.policies.ha
    if not ha.enabled:
        yield Remedy(Sentence("HA switched on"), _with_ha(enabled=True))
    if any(not vm.is_safe for vm in lost) and ha.fencing in ("none", "lock"):
        yield Remedy(Sentence("fencing by power"), _with_ha(fencing="power"))
    if any(_is_cut_off(end, vm) for vm in lost) and ha.isolation == "none":
        yield Remedy(Sentence("the isolation response power-off"), _with_ha(isolation="power-off"))
    if any(_is_without_storage(end, vm) for vm in lost) and (ha.apd, ha.pdl) != ("aggressive", "restart"):
        yield Remedy(
            Sentence("a response to lost storage that restarts VMs elsewhere"),
            _with_ha(apd="aggressive", pdl="restart"),
        )
    if any(vm.hold in ("tier", "depends") for vm in lost):
        yield Remedy(Sentence("no gate between priorities, no dependency"), _without_gates)
    if any(vm.phase == "hung" for vm in lost) and not ha.monitors:
        yield Remedy(Sentence("VM monitoring"), _with_ha(monitors=True))


def _of_estate(estate: Estate, end: ClusterState, lost: list[VmState]) -> Iterator[Remedy]:
    if any(vm.tier == NO_RESTART for vm in lost):
        yield Remedy(Sentence("a restart priority for VMs that have none"), _with_priorities)
    if any(vm.hold in ROOM_HOLDS for vm in lost) or not end.primaries:
        open_ones = [host for host in end.hosts.values() if host.is_open] or list(end.hosts.values())
        largest = min(open_ones, key=lambda host: (-host.memory_mib, -host.vcpus, host.name)).row
        what = Sentence("one host more, like {host}", {"host": largest.name})
        yield Remedy(what, lambda e, s: (_with_host(e, largest), s))
    if any(not _is_mounted_where_open(end, vm) for vm in lost):
        yield Remedy(Sentence("shared storage: every host mounts every datastore"), _with_shared_storage)
    if any(_is_bound(end, vm) for vm in lost):
        yield Remedy(Sentence("rules that ask instead of forbidding"), _with_soft_rules)


def _of_script(script: Script, end: ClusterState) -> Iterator[Remedy]:
    """What would not have happened with everything there twice."""
    verbs = {instruction.verb for instruction in script.instructions}
    if verbs & NETWORK or script.begins_cut:
        yield Remedy(Sentence("two crossed networks: none of the cuts"), _without_cuts)
    if verbs & FABRIC:
        yield Remedy(Sentence("two crossed fabrics: no path lost, none all down"), _without(FABRIC))
    if "fill" in verbs:
        yield Remedy(Sentence("more room on the datastores"), _without(frozenset({"fill"})))


def _is_cut_off(end: ClusterState, vm: VmState) -> bool:
    return vm.host is not None and end.hosts[vm.host].is_cut


def _is_without_storage(end: ClusterState, vm: VmState) -> bool:
    return vm.host is not None and any(name in end.hosts[vm.host].storage_lost for name in vm.row.datastores)


def _is_mounted_where_open(end: ClusterState, vm: VmState) -> bool:
    """Whether an open host has every datastore of a VM."""
    return any(host.is_open and end.unmounted(host, vm) is None for host in end.hosts.values())


def _is_bound(end: ClusterState, vm: VmState) -> bool:
    bonds = end.bonds.get(vm.name, FREE)
    return bonds.must is not None or bool(bonds.must_not or bonds.apart)


# -- the changes


def _with_ha(**fields: object) -> Change:
    def change(estate: Estate, script: Script) -> tuple[Estate, Script]:
        policies = script.policies
        ha = structs.replace(policies.ha, **fields)
        return estate, structs.replace(script, policies=structs.replace(policies, ha=ha))

    return change


def _without_gates(estate: Estate, script: Script) -> tuple[Estate, Script]:
    guests = {name: structs.replace(guest, after=()) for name, guest in script.guests.items()}
    estate, script = _with_ha(gate="none")(estate, script)
    return estate, structs.replace(script, guests=guests)


def _with_priorities(estate: Estate, script: Script) -> tuple[Estate, Script]:
    vms = tuple(
        structs.replace(vm, restart_priority="low") if vm.restart_priority == "disabled" else vm
        for vm in estate.vms
    )
    return structs.replace(estate, vms=vms), script


def _with_host(estate: Estate, like: Host) -> Estate:
    """One host more, with the datastores and port groups of the one it is like."""
    spare = structs.replace(
        like, name=SPARE, rack=None, chassis=None, psus=(), connected=True, maintenance=False
    )
    stores = tuple(
        structs.replace(store, hosts=(*store.hosts, SPARE))
        if like.name in store.hosts and store.shared
        else store
        for store in estate.datastores
    )
    groups = tuple(
        structs.replace(group, hosts=(*group.hosts, SPARE)) if like.name in group.hosts else group
        for group in estate.port_groups
    )
    return structs.replace(estate, hosts=(*estate.hosts, spare), datastores=stores, port_groups=groups)


def _with_shared_storage(estate: Estate, script: Script) -> tuple[Estate, Script]:
    stores = tuple(structs.replace(store, hosts=(), shared=True) for store in estate.datastores)
    return structs.replace(estate, datastores=stores), script


_SOFT: Final = {"must-run-on": "should-run-on", "must-not-run-on": "should-not-run-on"}


def _with_soft_rules(estate: Estate, script: Script) -> tuple[Estate, Script]:
    rules = tuple(structs.replace(rule, kind=_SOFT.get(rule.kind, rule.kind)) for rule in estate.rules)
    estate, script = _with_ha(respects_spread=False)(estate, script)
    return structs.replace(estate, rules=rules), script


def _without(verbs: frozenset[Verb]) -> Change:
    def change(estate: Estate, script: Script) -> tuple[Estate, Script]:
        kept = tuple(one for one in script.instructions if one.verb not in verbs)
        return estate, structs.replace(script, instructions=kept)

    return change


def _without_cuts(estate: Estate, script: Script) -> tuple[Estate, Script]:
    estate, script = _without(NETWORK)(estate, script)
    return estate, structs.replace(script, begins_cut=())

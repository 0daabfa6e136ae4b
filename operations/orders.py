"""What an operator may ask for, and the answer: done, waiting for its turn, or refused with the reason."""

from __future__ import annotations

from typing import Final

from operations import event as e
from operations import vm_event as v
from operations.action import MigrateStorage, StopVm
from operations.choice import pick_for_group, takes_unit
from operations.moves import begin_move, has_turn
from operations.policy import COPY_DATASTORE_UNITS, COPY_HOST_UNITS, Policies
from operations.prerequisites import OTHER_HOST, RULED_OUT, Prerequisite, unmet
from operations.state import FREE, ClusterState, HostState, VmState
from operations.step import NOTHING, Answer, Rules, Steps
from planner.sentence import Sentence

IN_ERROR: Final = Sentence("it is in error: it needs a person first")


def on_asked(state: ClusterState, event: e.Asked, cause: int, policies: Policies) -> Steps:
    """Answer what concerns one VM; hosts are `evacuation`'s."""
    match event.verb:
        case "migrate":
            yield from _migrate(state, policies, state.vms[event.subject], event.target, cause)
        case "migrate-storage":
            yield from _migrate_storage(state, policies, state.vms[event.subject], event.target, cause)
        case "start":
            yield from _start(state, policies, state.vms[event.subject], cause)
        case "stop":
            yield from _stop(state, state.vms[event.subject], cause, disable=False)
        case "disable":
            yield from _stop(state, state.vms[event.subject], cause, disable=True)


def _migrate(state: ClusterState, policies: Policies, vm: VmState, target: str, cause: int) -> Steps:
    """Move a VM, and all that must stay beside it."""
    if (why := _not_now(state, vm, target)) is not None:
        yield e.Refused(state.now, vm.name, cause, why)
        return
    unit = _unit(state, vm)
    strict = len(unit) == 1
    for each in unit:
        missing = _beside_stopped(state, policies, each, target)
        missing = missing or unmet(state, policies, each, state.hosts[target], strict=strict)
        if missing:
            yield from _refuse(state, vm.name, cause, missing)
            return
    if not strict and not takes_unit(state, policies, unit, state.hosts[target]):
        room = Prerequisite(
            id="room",
            words=Sentence("{host} has no room for all that stay beside it", {"host": target}),
            remedy=Sentence("choose a host with more room"),
        )
        yield from _refuse(state, vm.name, cause, (room,))
        return
    for each in unit:
        if each.host != target:
            yield from _move_or_wait(state, policies, each, target, cause)


def _beside_stopped(
    state: ClusterState, policies: Policies, vm: VmState, target: str
) -> tuple[Prerequisite, ...]:
    """What bars a move to where a stopped VM is recorded that must be apart: Proxmox counts it as there."""
    apart = (state.vms.get(name) for name in sorted(state.bonds.get(vm.name, FREE).apart))
    there = [one.name for one in apart if one is not None and one.host is None and one.last_host == target]
    if policies.product != "proxmox" or not there:
        return ()
    return (
        Prerequisite(
            id="rule",
            words=Sentence(RULED_OUT.template, {"vm": vm.name, "host": target, "rules": ", ".join(there)}),
            remedy=OTHER_HOST,
        ),
    )


def _refuse(state: ClusterState, vm: str, cause: int, missing: tuple[Prerequisite, ...]) -> Steps:
    """Tell everything that is not met, each with what mends it."""
    for one in missing:
        yield e.Refused(state.now, vm, cause, one.words, one.remedy, one.id)
        yield e.Remedied(state.now, vm, state.number, one.remedy)


def _not_now(state: ClusterState, vm: VmState, target: str) -> Sentence | None:
    """Why a VM cannot move whatever the target; None when it can."""
    if vm.phase == "error":
        return IN_ERROR
    if vm.host is None:
        return Sentence("it does not run; HA starts it where it can")
    if vm.activity:
        return Sentence("it is busy already")
    return Sentence("it runs on {host} already", {"host": target}) if vm.host == target else None


def _unit(state: ClusterState, vm: VmState) -> list[VmState]:
    """A VM and those that a rule keeps beside it, the VM first."""
    names = sorted(state.bonds.get(vm.name, FREE).together)
    mates = [mate for name in names if (mate := state.vms.get(name)) is not None and mate.host is not None]
    return [vm, *mates]


def _move_or_wait(state: ClusterState, policies: Policies, vm: VmState, target: str, cause: int) -> Steps:
    if has_turn(state, policies, vm, target):
        yield from begin_move(state, vm, target, cause, Sentence("to {host}, asked for", {"host": target}))
    else:
        why = Sentence("for its turn: the limits of hosts, links and datastores are reached")
        yield v.MoveWaiting(state.now, vm.name, cause, why, target)


def on_move_over(state: ClusterState, event: e.Event, cause: int, policies: Policies) -> Answer:
    """A move, or a host with its moves, is gone: the turn of those that wait may have come."""
    return _next_in_turn(state, cause, policies) if state.queued else NOTHING


def _next_in_turn(state: ClusterState, cause: int, policies: Policies) -> Steps:
    for name, target in tuple(state.queued.items()):
        vm = state.vms[name]
        if (why := _not_now(state, vm, target)) is not None:
            yield e.Refused(state.now, name, cause, why)
        elif missing := unmet(state, policies, vm, state.hosts[target], strict=len(_unit(state, vm)) == 1):
            yield from _refuse(state, name, cause, missing)
        elif has_turn(state, policies, vm, target):
            yield from begin_move(
                state, vm, target, cause, Sentence("to {host}, asked for", {"host": target})
            )


def _migrate_storage(state: ClusterState, policies: Policies, vm: VmState, target: str, cause: int) -> Steps:
    source = next((name for name in vm.row.datastores if name != target and name in state.datastores), "")
    size = _disk_mib(vm, source)
    why = _storage_refusal(state, policies, vm, source, target, size)
    if why is not None:
        yield e.Refused(state.now, vm.name, cause, why)
        return
    yield v.StorageMoving(state.now, vm.name, cause, source, target, size)
    yield MigrateStorage(state.number, vm.name, source, target, size)


def _disk_mib(vm: VmState, source: str | None) -> int:
    """What a VM's disks hold on one datastore; all of them where the estate does not say which are there."""
    there = [disk.capacity_mib for disk in vm.row.disks if disk.datastore == source]
    whole = vm.row.disk_used_mib or vm.row.disk_mib
    return min(whole, sum(there)) if there else whole


def _storage_refusal(
    state: ClusterState, policies: Policies, vm: VmState, source: str, target: str, size_mib: int
) -> Sentence | None:
    store = state.datastores[target]
    if vm.host is None or vm.activity:
        return Sentence("it does not run, or is busy already")
    if vm.ft:
        return Sentence("it is fault tolerant: its disks cannot move")
    if not source:
        return Sentence("its disks are on {datastore} already, or nobody knows where", {"datastore": target})
    host = state.hosts[vm.host]
    if (store.hosts and vm.host not in store.hosts) or target in host.storage_lost:
        return Sentence("{host} does not reach {datastore}", {"host": vm.host, "datastore": target})
    if source in host.storage_lost:
        return Sentence("{host} does not reach {datastore}", {"host": vm.host, "datastore": source})
    if store.full or store.used_mib + size_mib > store.capacity_mib:
        return Sentence("{datastore} lacks {size} MiB", {"datastore": target, "size": size_mib})
    if not _has_turn_to_copy(state, policies, host, (source, target)):
        return Sentence("too many copies run already: ask again later")
    return None


def _has_turn_to_copy(
    state: ClusterState, policies: Policies, host: HostState, stores: tuple[str, str]
) -> bool:
    """Whether one more copy of disks fits into the units of its host and both datastores."""
    limits = policies.migration
    return host.units + COPY_HOST_UNITS <= limits.host_units and all(
        state.datastores[name].units + COPY_DATASTORE_UNITS <= limits.datastore_units for name in stores
    )


def _start(state: ClusterState, policies: Policies, vm: VmState, cause: int) -> Steps:
    """Start a VM.  Proxmox leaves one in error alone until it was disabled."""
    if vm.phase == "error" and policies.product == "proxmox":
        yield e.Refused(state.now, vm.name, cause, IN_ERROR)
    elif vm.phase in ("off", "error"):
        yield v.VmWanted(state.now, vm.name, cause)
    else:
        yield e.Refused(state.now, vm.name, cause, Sentence("it runs or waits already"))


def _stop(state: ClusterState, vm: VmState, cause: int, *, disable: bool) -> Steps:
    """Stop a VM.  One that HA tries to recover stays with HA, unless it is disabled."""
    if vm.host is not None:
        yield v.VmDisabled(state.now, vm.name, cause)
        yield StopVm(state.number, vm.name, vm.host, "asked")
    elif disable and vm.phase in ("down", "error", "off"):
        yield v.VmDisabled(state.now, vm.name, cause)
    else:
        why = Sentence("it does not run; HA goes on trying, disable it to end that")
        yield e.Refused(state.now, vm.name, cause, why)


def suggest_host(state: ClusterState, policies: Policies, vm: VmState) -> str | None:
    """Where a VM, with those that stay beside it, would go best."""
    avoid = () if vm.host is None else (vm.host,)
    host = pick_for_group(state, policies, _unit(state, vm), avoid)
    return None if host is None else host.name


ON_EVENT: Final[Rules] = {
    e.Asked: on_asked,
    v.Migrated: on_move_over,
    v.MigrationFailed: on_move_over,
    v.StorageMoved: on_move_over,
    v.VmOff: on_move_over,
    e.HostFailed: on_move_over,
    e.HostOff: on_move_over,
    e.HostFenced: on_move_over,
}

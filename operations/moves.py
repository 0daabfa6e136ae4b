"""Migrations as a policy begins them: turn by turn, within the cost units of hosts, NICs and datastores."""

from __future__ import annotations

from operations import vm_event as v
from operations.action import MigrateVm
from operations.policy import MOVE_UNITS, Policies
from operations.state import ClusterState, VmState
from operations.step import Steps
from planner.sentence import Sentence


def has_turn(state: ClusterState, policies: Policies, vm: VmState, target: str) -> bool:
    """Whether one more migration fits into the units of both hosts, their NICs and every datastore.

    An operation starts only when what is in use and its own cost stay within the maximum of every
    resource; otherwise it waits.  Source: docs.vmware 6.7 GUID-25EA5833.
    """
    limits = policies.migration
    for name in (vm.host, target):
        if name is None:
            return False
        host = state.hosts[name]
        if host.units + MOVE_UNITS > limits.host_units or host.streams + MOVE_UNITS > host.nic_units:
            return False
    return all(
        state.datastores[name].units + MOVE_UNITS <= limits.datastore_units
        for name in vm.row.datastores
        if name in state.datastores
    )


def begin_move(state: ClusterState, vm: VmState, target: str, cause: int, why: Sentence) -> Steps:
    """Move a VM that may move and has its turn."""
    if vm.host is None or vm.activity or vm.host == target:
        return
    source = vm.host
    yield v.Migrating(state.now, vm.name, cause, why, source, target)
    yield MigrateVm(state.number, vm.name, source, target)


def is_tired(policies: Policies, vm: VmState) -> bool:
    """Whether so many of a VM's migrations failed that only a person should ask for another."""
    return vm.failed_moves >= policies.migration.max_tries

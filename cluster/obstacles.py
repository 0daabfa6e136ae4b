"""What of the estate as it was read last stands in the way of a migration: rules, datastores out of reach.

The server is asked what is true now; what it lets pass and the site does not want, such as two VMs of a rule
on one host, only the estate knows.  Where VMs are is brought up to date by what we moved since.
"""

from __future__ import annotations

from collections.abc import Iterator

from cluster.models import Connection, Datastore, Operation, Rule, VirtualMachine
from planner.sentence import Sentence

KEPT_APART, ON_HOSTS, OFF_HOSTS = "spread", "must-run-on", "must-not-run-on"


def obstacle_of(connection: Connection, operation: Operation) -> Sentence | None:
    """Name the first thing in the way; None where the estate knows of none."""
    if operation.kind not in Operation.DESTINED:
        return None
    vm = VirtualMachine.objects.filter(estate__name=connection.name, source_id=operation.subject_id).first()
    return None if vm is None else next(_found(connection, vm, operation.destination), None)


def _found(connection: Connection, vm: VirtualMachine, host: str) -> Iterator[Sentence]:
    asks_itself = connection.kind == Connection.Kind.PROXMOX  # and copies the disks of a guest that is off
    named = [] if asks_itself else vm.datastore_names
    stores = Datastore.objects.filter(estate__name=connection.name, name__in=named)
    for store in stores.prefetch_related("mounts"):
        mounted = {mount.host_name for mount in store.mounts.all()}
        if mounted and host not in mounted:
            yield Sentence("{host} does not reach {datastore}", {"host": host, "datastore": store.name})
    for rule in Rule.objects.filter(estate__name=connection.name):
        if vm.name in rule.vm_names and _breaks(connection, rule, vm, host):
            yield Sentence(
                "a rule keeps {vm} off {host}: {rules}",
                {"vm": vm.name, "host": host, "rules": rule.name or rule.kind},
            )


def _breaks(connection: Connection, rule: Rule, vm: VirtualMachine, host: str) -> bool:
    if rule.kind == ON_HOSTS:
        return bool(rule.host_names) and host not in rule.host_names
    if rule.kind == OFF_HOSTS:
        return host in rule.host_names
    return rule.kind == KEPT_APART and host in _hosts_of(connection, rule, vm)


def _hosts_of(connection: Connection, rule: Rule, vm: VirtualMachine) -> set[str]:
    """Where the other VMs of a rule run, or are on their way to."""
    others = VirtualMachine.objects.filter(
        estate__name=connection.name, name__in=rule.vm_names, power="on"
    ).exclude(pk=vm.pk)
    where = {other.source_id: other.host_name for other in others}
    moves = connection.operations.filter(kind=Operation.Kind.MIGRATE, subject_id__in=where, dry_run=False)
    coming = set(moves.filter(state__in=Operation.BUSY).values_list("destination", flat=True))
    done = moves.filter(state=Operation.State.DONE)
    if connection.seen_at is not None:
        done = done.filter(ended_at__gt=connection.seen_at)
    for move in done.order_by("ended_at"):
        where[move.subject_id] = move.destination
    return {host for host in where.values() if host} | coming

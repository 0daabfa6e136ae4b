"""Keep licensed VMs on few hosts, so that only those hosts are licensed; a rule for the placement."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from planner.consolidation import Members
from planner.cost.assumptions import Assumptions
from planner.cost.licences.databases import oracle_processors, sql_cores_of_hosts
from planner.cost.licences.windows import cores_to_license
from planner.cost.machine import machine_of
from planner.demand import capacity_of, load_of
from planner.estate import Rule
from planner.placement import place


class Pin(Struct, frozen=True, kw_only=True):
    """The hosts that licensed VMs are kept on, the rule that says so, and what is licensed with and without.

    `cores` are Windows core licences, `sql_cores` SQL Server Enterprise by host, `oracle` processors.
    """

    hosts: tuple[str, ...]
    rule: Rule
    cores: int
    cores_everywhere: int
    sql_cores: int
    sql_cores_everywhere: int
    oracle: int
    oracle_everywhere: int


def pin(
    cluster: Members, names: Sequence[str], rules: Sequence[Rule], assumptions: Assumptions
) -> Pin | None:
    """Find the fewest hosts that carry the VMs named with the failures asked for, everything else placed too.

    Hosts with the fewest cores are taken first.  The rule is judged by placing the whole cluster with
    each choice of failed hosts among the pinned ones that hurts most: the first ones.

    Returns:
        The pin, or None where no set of hosts smaller than the cluster will do.
    """
    wanted = {vm.name for vm in cluster.vms if vm.name in set(names) and vm.is_load}
    ready = [host for host in cluster.hosts if host.connected and not host.maintenance]
    ordered = sorted(ready, key=lambda host: (host.cores, -host.memory_mib, host.name))
    if not wanted:
        return None
    for count in range(1 + assumptions.failures, len(ordered)):
        chosen = ordered[:count]
        rule = Rule(
            kind="must-run-on",
            vms=tuple(sorted(wanted)),
            hosts=tuple(sorted(host.name for host in chosen)),
            name="licences",
            cluster=cluster.name,
        )
        if _carried(cluster, rule, rules, assumptions):
            everywhere = [machine_of(host).cpus for host in ready]
            pinned = [machine_of(host).cpus for host in chosen]
            return Pin(
                hosts=rule.hosts,
                rule=rule,
                cores=sum(map(cores_to_license, pinned)),
                cores_everywhere=sum(map(cores_to_license, everywhere)),
                sql_cores=sql_cores_of_hosts(pinned),
                sql_cores_everywhere=sql_cores_of_hosts(everywhere),
                oracle=oracle_processors(pinned),
                oracle_everywhere=oracle_processors(everywhere),
            )
    return None


def _carried(cluster: Members, rule: Rule, rules: Sequence[Rule], assumptions: Assumptions) -> bool:
    """Whether everything has a host when the largest pinned hosts are lost."""
    pinned = set(rule.hosts)
    by_size = sorted(
        (host for host in cluster.hosts if host.name in pinned),
        key=lambda host: (-host.memory_mib, -host.cores, host.name),
    )
    lost = {host.name for host in by_size[: assumptions.failures]}
    left = [host for host in cluster.hosts if host.name not in lost]
    capacity = capacity_of(left, assumptions.vcpu_per_core)
    alive = [
        Rule(
            kind=one.kind,
            vms=one.vms,
            hosts=tuple(name for name in one.hosts if name not in lost),
            name=one.name,
        )
        for one in (*rules, rule)
    ]
    return place(load_of(cluster.vms), capacity, alive).complete

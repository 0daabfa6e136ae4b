"""The HA manager's resources and rules of Proxmox VE, as restart priorities and rules of the estate.

Source: pve-docs ha-manager.adoc, "Node Affinity Rules" and "Resource Affinity Rules" (Proxmox VE 9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from planner.estate import VM, Rule, RuleKind
from planner.formats.findings import Findings
from planner.formats.text import cleaned, shortened


def with_priorities(vms: Sequence[VM], resources: Sequence[Mapping[str, object]]) -> list[VM]:
    """Mark the VMs that the HA manager does not restart; where it manages none, nothing is known."""
    managed = {
        str(row["sid"]).partition(":")[2]
        for row in resources
        if row.get("state", "started") in ("started", "enabled")
    }
    if not resources:
        return list(vms)
    return [
        vm if (vm.id or "").partition("/")[2] in managed else replace(vm, restart_priority="disabled")
        for vm in vms
    ]


def rules_of(
    rows: Sequence[Mapping[str, object]], names: Mapping[str, str], cluster: str | None, findings: Findings
) -> tuple[Rule, ...]:
    """Read rules; `names` are the VMs by their id, such as `qemu/100`."""
    by_number = {key.partition("/")[2]: name for key, name in names.items()}
    rules = []
    for row in rows:
        if row.get("disable") in (1, "1", True):
            continue
        label = shortened(cleaned(str(row["rule"])), 255)
        wanted = [_number_of(part) for part in str(row.get("resources", "")).split(",") if part.strip()]
        strangers = [number for number in wanted if number not in by_number]
        if strangers:
            findings.warn(
                "The rule {rule} names {vm}, which no node has", sheet="rules", rule=label, vm=strangers[0]
            )
        vms = tuple(sorted(by_number[number] for number in wanted if number in by_number))
        kind = _kind(row)
        if kind is None:
            findings.warn(
                "The rule {rule} is of a kind that is not known; it was left out", sheet="rules", rule=label
            )
        elif vms:
            hosts = _nodes(row) if row.get("type") == "node-affinity" else ()
            rules.append(Rule(kind=kind, vms=vms, hosts=hosts, name=label, cluster=cluster))
    return tuple(rules)


def _number_of(resource: str) -> str:
    """Give 100 of `vm:100`."""
    return shortened(cleaned(resource.strip().rpartition(":")[2]), 60)


def _nodes(row: Mapping[str, object]) -> tuple[str, ...]:
    """Give the nodes of `pve1:2,pve2`; the priority after the colon is the manager's own."""
    nodes = (part.strip().partition(":")[0] for part in str(row.get("nodes", "")).split(","))
    return tuple(sorted(shortened(cleaned(node)) for node in nodes if node))


def _kind(row: Mapping[str, object]) -> RuleKind | None:
    match (row.get("type"), row.get("affinity")):
        case ("resource-affinity", "negative"):
            return "spread"
        case ("resource-affinity", "positive"):
            return "gather"
        case ("node-affinity", _):
            return "must-run-on" if row.get("strict") in (1, "1", True) else "should-run-on"
    return None

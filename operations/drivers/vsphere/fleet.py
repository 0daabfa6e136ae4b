"""vSphere's hosts and clusters as those of the estate; a cluster's rules and restart priorities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace
from pyVmomi import vim

from operations.drivers.vsphere.collector import Found
from operations.drivers.vsphere.names import Names
from operations.drivers.vsphere.network import nics_of
from operations.drivers.vsphere.storage import hbas_of
from planner.estate import VM, Cluster, Host, Priority, Rule, RuleKind
from planner.formats.findings import Findings
from planner.formats.text import cleaned, shortened
from planner.formats.vsphere_words import UNKNOWN_RULE

HOST: Final = (
    "name",
    "parent",
    "datastore",
    "summary.hardware",
    "summary.quickStats",
    "summary.config.product",
    "summary.currentEVCModeKey",
    "runtime.connectionState",
    "runtime.inMaintenanceMode",
    "config.network.pnic",
    "config.network.vswitch",
    "config.network.proxySwitch",
    "config.network.portgroup",
    "config.storageDevice.hostBusAdapter",
    "config.storageDevice.scsiLun",
    "config.storageDevice.multipathInfo",
)
BYTES_PER_MIB: Final = 2**20
PRIORITIES: Final[dict[str, Priority]] = {
    "disabled": "disabled", "lowest": "lowest", "low": "low", "medium": "medium", "high": "high",
    "highest": "highest",
}  # fmt: skip


def host_of(row: Found, names: Names) -> Host:
    """Read a host; one that is not connected keeps the hardware that vCenter last saw."""
    told = row.properties
    hardware, stats, product = (
        told.get(key) for key in ("summary.hardware", "summary.quickStats", "summary.config.product")
    )
    cores = max(1, int(getattr(hardware, "numCpuCores", 0) or 0))
    memory_mib = max(1, int(getattr(hardware, "memorySize", 0) or 0) // BYTES_PER_MIB)
    mhz = float(getattr(hardware, "cpuMhz", 0) or 0)
    return Host(
        name=names.of_row(row),
        cluster=names.cluster_of(row),
        datacenter=names.datacenter_of(row.id),
        sockets=max(1, int(getattr(hardware, "numCpuPkgs", 0) or 0)),
        cores=cores,
        cpu_mhz=mhz,
        memory_mib=memory_mib,
        vendor=_text(hardware, "vendor"),
        model=_text(hardware, "model"),
        cpu_model=_text(hardware, "cpuModel"),
        version=_text(product, "fullName"),
        evc=told.get("summary.currentEVCModeKey"),
        maintenance=bool(told.get("runtime.inMaintenanceMode")),
        connected=told.get("runtime.connectionState", "connected") == "connected",
        cpu_usage_percent=_share(stats, "overallCpuUsage", cores * mhz),
        memory_usage_percent=_share(stats, "overallMemoryUsage", memory_mib),
        nics=nics_of(told),
        hbas=hbas_of(told),
    )


def _text(thing: Any, name: str) -> str | None:
    value = getattr(thing, name, None)
    return shortened(cleaned(str(value))) or None if value else None


def _share(stats: Any, name: str, whole: float) -> float | None:
    """Give a usage in percent; the average of the last minutes, not a percentile."""
    used = getattr(stats, name, None)
    return None if used is None or not whole else min(100.0, 100.0 * used / whole)


def cluster_of(row: Found, names: Names) -> Cluster:
    """Read a cluster's HA and DRS."""
    config = row.properties.get("configurationEx")
    das, drs = getattr(config, "dasConfig", None), getattr(config, "drsConfig", None)
    return Cluster(
        name=names.of_row(row),
        datacenter=names.datacenter_of(row.id),
        ha_enabled=getattr(das, "enabled", None),
        drs_enabled=getattr(drs, "enabled", None),
        admission_control=getattr(das, "admissionControlEnabled", None),
        failover_level=getattr(das, "failoverLevel", None),
    )


def with_cluster_settings(
    vms: Sequence[VM], clusters: Sequence[Found], names: Names, findings: Findings
) -> tuple[tuple[VM, ...], tuple[Rule, ...]]:
    """Give the VMs their restart priority, and the rules of all clusters."""
    priorities: dict[str, Priority] = {}
    rules: list[Rule] = []
    for row in clusters:
        config = row.properties.get("configurationEx")
        for each in getattr(config, "dasVmConfig", None) or ():
            wanted = getattr(each.dasSettings, "restartPriority", None) or each.restartPriority
            name = names.of(each.key)
            if name is not None and wanted in PRIORITIES:
                priorities[name] = PRIORITIES[wanted]
        groups = {group.name: group for group in getattr(config, "group", None) or ()}
        for rule in getattr(config, "rule", None) or ():
            rules.extend(_rules_of(rule, groups, names.of_row(row), names, findings))
    changed = (
        replace(vm, restart_priority=priorities[vm.name]) if vm.name in priorities else vm for vm in vms
    )
    return tuple(changed), tuple(rules)


def _rules_of(
    rule: Any, groups: dict[str, Any], cluster: str, names: Names, findings: Findings
) -> Sequence[Rule]:
    """Read one rule that is switched on; a VM-host rule names groups."""
    label = shortened(cleaned(str(rule.name or "")))
    if not rule.enabled:
        return ()
    if isinstance(rule, vim.cluster.VmHostRuleInfo):
        vms = _members(groups.get(rule.vmGroupName or ""), "vm", names)
        found = []
        for near, group in ((True, rule.affineHostGroupName), (False, rule.antiAffineHostGroupName)):
            hosts = _members(groups.get(group or ""), "host", names)
            if vms and hosts:
                kind = _host_kind(bool(rule.mandatory), near)
                found.append(Rule(kind=kind, vms=vms, hosts=hosts, name=label, cluster=cluster))
        return found
    spread = isinstance(rule, vim.cluster.AntiAffinityRuleSpec)
    if spread or isinstance(rule, vim.cluster.AffinityRuleSpec):
        vms = tuple(sorted(name for each in rule.vm if (name := names.of(each)) is not None))
        return (
            (Rule(kind="spread" if spread else "gather", vms=vms, name=label, cluster=cluster),)
            if vms
            else ()
        )
    findings.warn(UNKNOWN_RULE, sheet="rules", rule=label)
    return ()


def _members(group: Any, what: str, names: Names) -> tuple[str, ...]:
    return tuple(
        sorted(name for each in getattr(group, what, None) or () if (name := names.of(each)) is not None)
    )


def _host_kind(must: bool, near: bool) -> RuleKind:
    if near:
        return "must-run-on" if must else "should-run-on"
    return "must-not-run-on" if must else "should-not-run-on"

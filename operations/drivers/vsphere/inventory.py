"""A vCenter's whole inventory -> Reading: what is asked for, and in which order it is joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace
from pyVmomi import vim, vmodl

from operations.drivers.remote import Observed, OnStage
from operations.drivers.usage import VmUsage, tell_measured, with_demand
from operations.drivers.vsphere import fleet, machines, network, performance, storage
from operations.drivers.vsphere.collector import Found, read_all
from operations.drivers.vsphere.names import Names
from planner.estate import Estate, EstateError
from planner.formats.findings import Findings
from planner.formats.vsphere_words import LICENCE, LICENCES_HIDDEN, NO_COUNTERS
from planner.quality import FormatError, Quality, Reading, SheetRead
from planner.sentence import Sentence

FORMAT: Final = "vsphere-api"
# In this order: what a row refers to is read before it.
ASKED: Final[tuple[tuple[str, type, tuple[str, ...]], ...]] = (
    ("folders", vim.Folder, ("name", "parent")),
    ("datacenters", vim.Datacenter, ("name", "parent")),
    ("resources", vim.ComputeResource, ("name", "parent")),
    ("clusters", vim.ClusterComputeResource, ("name", "parent", "configurationEx")),
    ("hosts", vim.HostSystem, fleet.HOST),
    ("datastores", vim.Datastore, storage.DATASTORE),
    ("switches", vim.DistributedVirtualSwitch, network.SWITCH),
    ("networks", vim.Network, ("name", "host")),
    ("port groups", vim.dvs.DistributedVirtualPortgroup, network.PORT_GROUP),
    ("VMs", vim.VirtualMachine, machines.VM_PROPERTIES),
)
USE: Final = "measured use"


def _quietly(_stage: str) -> None:
    """Nobody asked to be told."""


def observe_inventory(instance: vim.ServiceInstance, on_stage: OnStage = _quietly) -> Observed:
    """Read everything that the estate has a place for, and what its VMs used.

    Args:
        instance: an open session.
        on_stage: is told what is asked for next.

    Returns:
        The estate, what of it is odd, and the use.  A property that the server does not give is unknown.

    Raises:
        DriverError: by `session`, when the server is lost on the way.  Nothing is half-read.
    """
    found = _answers(instance, on_stage)
    findings = Findings()
    _tell_licences(instance, findings)
    on_stage(USE)
    usage = _usage(instance, found, findings)
    reading = reading_of(found, findings)
    return Observed(reading=replace(reading, estate=with_demand(reading.estate, usage)), usage=usage)


def read_inventory(instance: vim.ServiceInstance, on_stage: OnStage = _quietly) -> Reading:
    """Read the inventory alone."""
    found = _answers(instance, on_stage)
    findings = Findings()
    _tell_licences(instance, findings)
    return reading_of(found, findings)


def _answers(instance: vim.ServiceInstance, on_stage: OnStage) -> dict[str, list[Found]]:
    found: dict[str, list[Found]] = {}
    for what, kind, paths in ASKED:
        on_stage(what)
        found[what] = list(read_all(instance, kind, paths))
    return found


def _usage(
    instance: vim.ServiceInstance, found: dict[str, list[Found]], findings: Findings
) -> tuple[VmUsage, ...]:
    """Read the counters; a reader that may not is told so, and the demand stays unknown."""
    called = Names(found, Findings())
    names = {row.id: called.of_row(row) for row in found["VMs"]}
    try:
        usage = tuple(performance.usage_of_vms(instance, found["VMs"], names))
    except (vim.fault.NoPermission, vmodl.fault.NotSupported, vmodl.fault.InvalidArgument) as fault:
        findings.warn(NO_COUNTERS, fault=type(fault).__name__.rpartition(".")[2])
        return ()
    running = sum(str(row.properties.get("runtime.powerState")) == performance.ON for row in found["VMs"])
    tell_measured(findings, usage, running)
    return usage


def reading_of(found: dict[str, list[Found]], findings: Findings) -> Reading:
    """Join the answers into an estate."""
    names = Names(found, findings)
    vms = tuple(machines.vm_of(each, names, findings) for each in found["VMs"])
    vms, rules = fleet.with_cluster_settings(vms, found["clusters"], names, findings)
    luns, paths = storage.luns_and_paths(found["hosts"], found["datastores"], names)
    mounted = storage.mounts_of(found["hosts"], names)
    estate = Estate(
        clusters=tuple(fleet.cluster_of(each, names) for each in found["clusters"]),
        hosts=tuple(fleet.host_of(each, names) for each in found["hosts"]),
        vms=vms,
        datastores=tuple(storage.datastore_of(each, names, mounted) for each in found["datastores"]),
        rules=rules,
        luns=luns,
        paths=paths,
        fabrics=(),
        switches=(
            *network.standard_switches(found["hosts"], names),
            *network.distributed(found["switches"], names),
        ),
        port_groups=network.port_groups(found["hosts"], found["port groups"], names),
    )
    for what, rows in found.items():
        findings.sheet_read(SheetRead(name=what, rows_read=len(rows)))
    try:
        estate = estate.sorted()
    except EstateError as error:
        raise FormatError(
            Sentence("The estate contradicts itself: {reason}", {"reason": str(error)})
        ) from error
    quality = Quality(
        format=FORMAT, sheets=findings.sheets, warnings=findings.warnings, assumptions=findings.assumptions
    )
    return Reading(estate=estate, quality=quality)


def _tell_licences(instance: vim.ServiceInstance, findings: Findings) -> None:
    """Note the licences; a reader without the privilege sees none, which is no error."""
    manager = instance.RetrieveContent().licenseManager
    try:
        licences: Iterable[Any] = manager.licenses if manager else ()
    except vim.fault.NoPermission:
        findings.warn(LICENCES_HIDDEN)
        return
    for licence in licences:
        findings.assume(
            LICENCE,
            name=str(licence.name),
            used=int(licence.used or 0),
            total=int(licence.total or 0),
        )

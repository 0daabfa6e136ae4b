"""A vCenter's whole inventory -> Reading: what is asked for, and in which order it is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pyVmomi import vim

from operations.drivers.vsphere import fleet, machines, network, storage
from operations.drivers.vsphere.collector import Found, read_all
from operations.drivers.vsphere.names import Names
from planner.estate import Estate, EstateError
from planner.formats.findings import Findings
from planner.formats.vsphere_words import LICENCE, LICENCES_HIDDEN
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
OnStage = Callable[[str], None]


def _quietly(_stage: str) -> None:
    """Nobody asked to be told."""


def read_inventory(instance: vim.ServiceInstance, on_stage: OnStage = _quietly) -> Reading:
    """Read everything that the estate has a place for.

    Args:
        instance: an open session.
        on_stage: is told what is asked for next.

    Returns:
        The estate, and what of it is odd.  A property that the server does not give is unknown.

    Raises:
        DriverError: by `session`, when the server is lost on the way.  Nothing is half-read.
    """
    found: dict[str, list[Found]] = {}
    for what, kind, paths in ASKED:
        on_stage(what)
        found[what] = list(read_all(instance, kind, paths))
    findings = Findings()
    _tell_licences(instance, findings)
    return reading_of(found, findings)


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

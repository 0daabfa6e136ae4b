"""What the estate uses of its platform, and therefore needs of the next: DRS, distributed switches, FT."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.consolidation import Members
from planner.estate import Estate
from planner.sentence import Sentence

Feature: TypeAlias = Literal[
    "ha", "live-migration", "drs", "distributed-switch", "ft-2", "ft-8", "vsan", "storage-drs"
]
LACKS: Final[dict[Feature, Sentence]] = {
    "ha": Sentence("{edition} has no HA, which {where} uses"),
    "live-migration": Sentence("{edition} has no live migration, which {where} uses"),
    "drs": Sentence("{edition} has no DRS or its like, which {where} uses"),
    "distributed-switch": Sentence("{edition} has no distributed switch; {where} is one and in use"),
    "ft-2": Sentence("{edition} has no FT, which VM {where} uses"),
    "ft-8": Sentence("{edition} has no FT for more than 2 vCPUs, which VM {where} uses"),
    "vsan": Sentence("{edition} has no storage in the hosts; datastore {where} is such"),
    "storage-drs": Sentence("{edition} has no Storage DRS, which {where} uses"),
}
FT_VCPUS_STANDARD: Final = 2  # vSphere 8.0 GUID-57929CF0: 2 on Standard, 8 on Enterprise Plus
VSAN_KIND: Final = "vsan"


class Use(Struct, frozen=True, kw_only=True):
    """A feature in use, and the name of what uses it."""

    feature: Feature
    where: str


def uses(estate: Estate, cluster: Members) -> tuple[Use, ...]:
    """Say which features a cluster really uses; what is merely licensed or idle does not count.

    Where the export does not tell whether DRS is on, it counts as on: a plan that drops it in silence
    would be too cheap.  A distributed switch counts when a port group on it is the network of one of the
    cluster's VMs, or a host's NIC hangs on it.
    """
    row = next((one for one in estate.clusters if one.name == cluster.name), None)
    found = []
    if row is not None and row.ha_enabled:
        found.append(Use(feature="ha", where=cluster.name))
    if row is None or row.drs_enabled is not False:
        found.append(Use(feature="drs", where=cluster.name))
    return (*found, *_switches(estate, cluster), *_fault_tolerant(cluster), *_vsan(estate, cluster))


def _switches(estate: Estate, cluster: Members) -> list[Use]:
    distributed = {switch.name for switch in estate.switches if switch.kind == "distributed"}
    connected = {nic.switch for host in cluster.hosts for nic in host.nics}
    networks = {network for vm in cluster.vms for network in vm.networks}
    used = {group.switch for group in estate.port_groups if group.name in networks} | connected
    names = sorted(name for name in used if name in distributed)
    return [Use(feature="distributed-switch", where=name) for name in names[:1]]


def _fault_tolerant(cluster: Members) -> list[Use]:
    primaries = [vm for vm in cluster.vms if vm.ft == "primary"]
    if not primaries:
        return []
    largest = max(primaries, key=lambda vm: (vm.vcpus, vm.name))
    return [Use(feature="ft-2" if largest.vcpus <= FT_VCPUS_STANDARD else "ft-8", where=largest.name)]


def _vsan(estate: Estate, cluster: Members) -> list[Use]:
    names = {host.name for host in cluster.hosts}
    stores = [store for store in estate.datastores if (store.kind or "").lower() == VSAN_KIND]
    return [Use(feature="vsan", where=store.name) for store in stores if names & set(store.hosts)][:1]

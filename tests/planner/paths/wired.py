"""The reference design: plain hosts with two crossed fabrics, two switches and two feeds laid on."""

from __future__ import annotations

from planner.estate import VM, Cluster, Datastore, Estate, Host, PortGroup, Rack, Room, Site
from planner.paths.designs import lay

CLUSTER = "prod"


def plain(hosts: int = 4, vms: int = 8) -> Estate:
    """Hosts in two racks, two shared datastores, VMs in one network: nothing is said of cables."""
    names = tuple(f"esx{n}" for n in range(1, hosts + 1))
    return Estate(
        sites=(Site(name="home"),),
        rooms=(Room(name="hall", site="home"),),
        racks=(Rack(name="r1", room="hall"), Rack(name="r2", room="hall"), Rack(name="r3", room="hall")),
        clusters=(Cluster(name=CLUSTER, ha_enabled=True),),
        hosts=tuple(
            Host(
                name=name,
                cluster=CLUSTER,
                rack=f"r{1 + place % 2}",
                sockets=2,
                cores=32,
                cpu_mhz=2600,
                memory_mib=524_288,
            )
            for place, name in enumerate(names)
        ),
        datastores=tuple(
            Datastore(name=f"ds{n}", capacity_mib=10**7, used_mib=10**6, kind="VMFS", hosts=names)
            for n in (1, 2)
        ),
        port_groups=(PortGroup(name="lan", switch="vSwitch0", hosts=names, roles=("vm",)),),
        vms=tuple(
            VM(
                name=f"vm{n}",
                cluster=CLUSTER,
                host=names[n % hosts],
                power="on",
                vcpus=2,
                memory_mib=8192,
                disk_mib=40_960,
                datastores=(f"ds{1 + n % 2}",),
                networks=("lan",),
            )
            for n in range(vms)
        ),
    ).sorted()


def reference(hosts: int = 4, vms: int = 8) -> Estate:
    """The crossed two-fabric design with two switches and two feeds."""
    estate = plain(hosts, vms)
    for design in ("crossed-fabrics", "two-switches", "two-feeds"):
        estate = lay(estate, CLUSTER, design)
    return estate

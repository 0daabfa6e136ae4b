"""An estate as the sheets that RVTools would export of it: what RVTools has no column for is lost."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from planner.estate import Estate, Hba, Host, Nic, Path, Switch
from tests.invented import Cell, Tables
from tests.workbooks import host as host_row
from tests.workbooks import small
from tests.workbooks import vm as vm_row

Row = dict[str, Cell]
STATES = {
    "active": "Active",
    "standby": "Standby",
    "disabled": "Disabled",
    "dead": "Dead",
    "unknown": "unknown",
}


def exported(estate: Estate) -> Estate:
    """The same estate with no more than an export tells: no fabrics, cables, racks, feeds or controllers."""
    return Estate(
        clusters=estate.clusters,
        hosts=tuple(
            replace(
                host,
                rack=None,
                site=None,
                chassis=None,
                psus=(),
                nics=tuple(replace(nic, card=_card(nic.card)) for nic in host.nics),
                hbas=tuple(replace(hba, fabric=None, card=_card(hba.card)) for hba in host.hbas),
            )
            for host in estate.hosts
        ),
        datastores=estate.datastores,
        luns=tuple(replace(lun, controller=None, controllers=()) for lun in estate.luns),
        paths=tuple(replace(path, hba=None, fabric=None, controller=None) for path in estate.paths),
        switches=tuple(
            replace(switch, lacp="on" if switch.kind == "distributed" and switch.lacp else None)
            for switch in estate.switches
            if switch.kind != "physical"
        ),
        port_groups=estate.port_groups,
        vms=estate.vms,
    ).sorted()


def with_paths(estate: Estate) -> Estate:
    """The estate with four reported paths from every host to every LUN."""
    paths = tuple(
        Path(
            host=host.name,
            lun=lun,
            name=f"{hba.device}:C0:T{target}:L{place}",
            datastore=store.name,
            state="active" if target == 0 else "standby",
            policy="VMW_PSP_RR",
        )
        for host in estate.hosts
        for place, store in enumerate(estate.datastores)
        for lun in store.luns
        for hba in host.hbas
        for target in (0, 1)
    )
    return replace(estate, paths=paths).sorted()


def on_one_distributed_switch(estate: Estate) -> Estate:
    """The same networks on a distributed switch: its uplinks have names, its port groups know no hosts."""
    hosts = tuple(
        replace(
            host,
            nics=tuple(
                replace(nic, switch="dvs", uplink=f"Uplink {place + 1}")
                for place, nic in enumerate(host.nics)
            ),
        )
        for host in estate.hosts
    )
    groups = tuple(
        replace(group, switch="dvs", hosts=(), vlan="7", active=("Uplink 1",), standby=("Uplink 2",))
        for group in estate.port_groups
    )
    names = tuple(host.name for host in estate.hosts)
    uplinks = tuple(f"{host.name}/{nic.device}" for host in hosts for nic in host.nics)
    virtual = Switch(name="dvs", kind="distributed", mtu=9000, hosts=names, uplinks=uplinks, lacp="on")
    physical = tuple(switch for switch in estate.switches if switch.kind == "physical")
    return replace(estate, hosts=hosts, port_groups=groups, switches=(*physical, virtual)).sorted()


def sheets(estate: Estate) -> Tables:
    """Write the sheets about hosts, storage and networks, and vInfo."""
    distributed = {switch.name for switch in estate.switches if switch.kind == "distributed"}
    return small(
        vInfo=[
            vm_row(
                vm.name,
                Cluster=vm.cluster,
                Host=vm.host,
                CPUs=vm.vcpus,
                Memory=vm.memory_mib,
                Path=f"[{vm.datastores[0]}] {vm.name}/{vm.name}.vmx",
                **{"Network #1": vm.networks[0]},
            )
            for vm in estate.vms
        ],
        vHost=[host_row(host.name, Cluster=host.cluster) for host in estate.hosts],
        vCluster=[{"Name": cluster.name, "HA enabled": "True"} for cluster in estate.clusters],
        vDatastore=[
            {
                "Name": store.name,
                "Type": store.kind,
                "Capacity MiB": store.capacity_mib,
                "In Use MiB": store.used_mib,
                "# Hosts": len(store.hosts),
                "Hosts": ", ".join(store.hosts),
            }
            for store in estate.datastores
        ],
        vHBA=[_hba(host, hba) for host in estate.hosts for hba in host.hbas],
        vNIC=[_nic(host, nic) for host in estate.hosts for nic in host.nics],
        vSwitch=[
            {"Host": name, "Switch": switch.name, "MTU": 1500}
            for switch in estate.switches
            if switch.kind == "standard"
            for name in switch.hosts
        ],
        dvSwitch=[
            {
                "Switch": switch.name,
                "Host members": ", ".join(switch.hosts),
                "Max MTU": switch.mtu,
                "LACP Mode": "active" if switch.lacp else "",
            }
            for switch in estate.switches
            if switch.kind == "distributed"
        ],
        vPort=[
            {"Host": name, "Port Group": group.name, "Switch": group.switch, "VLAN": "0"}
            for group in estate.port_groups
            if group.switch not in distributed
            for name in group.hosts
        ],
        dvPort=[
            {
                "Port": group.name,
                "Switch": group.switch,
                "VLAN": group.vlan,
                "Active Uplink": ", ".join(group.active),
                "Standby Uplink": ", ".join(group.standby),
            }
            for group in estate.port_groups
            if group.switch in distributed
        ],
        vSC_VMK=[
            {"Host": name, "Device": f"vmk{place}", "Port Group": group.name, "IP Address": "10.0.0.1"}
            for place, group in enumerate(one for one in estate.port_groups if "vm" not in one.roles)
            for name in group.hosts or [host.name for host in estate.hosts]
        ],
        vMultiPath=list(_paths(estate)),
    )


def _paths(estate: Estate) -> Iterator[Row]:
    rows: dict[tuple[str, str], Row] = {}
    for path in estate.paths:
        row = rows.setdefault(
            (path.host, path.lun),
            {"Host": path.host, "Datastore": path.datastore, "Disk": path.lun, "Policy": path.policy},
        )
        number = sum(key.startswith("Path ") and key.endswith(tuple("12345678")) for key in row) + 1
        row[f"Path {number}"] = path.name
        row[f"Path {number} state"] = STATES[path.state]
    # A workbook has eight pairs of columns, used or not.
    for row in rows.values():
        yield {**row, **{f"Path {n}": row.get(f"Path {n}") for n in range(1, 9)}}


def _card(card: str | None) -> str | None:
    """A card as a PCI address tells it."""
    return None if card is None else f"0000:{sum(card.encode()) % 250:02x}:00"


def _hba(host: Host, hba: Hba) -> Row:
    return {
        "Host": host.name,
        "Device": hba.device,
        "Type": hba.kind,
        "Status": hba.status,
        "Pci": f"{hba.card}.0" if hba.card else None,
    }


def _nic(host: Host, nic: Nic) -> Row:
    return {
        "Host": host.name,
        "Network Device": nic.device,
        "Speed": nic.speed_mbit if nic.up else 0,
        "Switch": nic.switch,
        "Uplink port": nic.uplink,
        "PCI": f"{nic.card}.1" if nic.card else None,
    }

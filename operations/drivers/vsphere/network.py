"""vSphere's NICs, switches and port groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from operations.drivers.vsphere.collector import Found, Properties
from operations.drivers.vsphere.names import Names, plain
from planner.estate import Nic, PortGroup, Switch
from planner.formats.text import cleaned, shortened

SWITCH: Final = ("name", "uuid", "parent", "summary.hostMember")
PORT_GROUP: Final = ("name", "key", "config.distributedVirtualSwitch", "config.defaultPortConfig", "host")


def nics_of(told: Properties) -> tuple[Nic, ...]:
    """Read a host's physical ports, each with the switch that uses it as an uplink."""
    switch_of = {
        key: str(switch.name if hasattr(switch, "name") else switch.dvsName)
        for kind in ("config.network.vswitch", "config.network.proxySwitch")
        for switch in told.get(kind) or ()
        for key in switch.pnic or ()
    }
    return tuple(
        Nic(
            device=shortened(str(nic.device)),
            speed_mbit=nic.linkSpeed.speedMb if nic.linkSpeed else None,
            switch=switch_of.get(nic.key),
            mac=nic.mac or None,
            driver=nic.driver or None,
            up=nic.linkSpeed is not None,
        )
        for nic in told.get("config.network.pnic") or ()
    )


def standard_switches(hosts: Sequence[Found], names: Names) -> tuple[Switch, ...]:
    """Join the switches of one name: each host has its own, and VMs move between those of one name."""
    found: dict[str, tuple[int | None, dict[str, None], dict[str, None]]] = {}
    for row in hosts:
        for switch in row.properties.get("config.network.vswitch") or ():
            _, members, uplinks = found.setdefault(_text(switch.name), (switch.mtu, {}, {}))
            members[names.of_row(row)] = None
            uplinks.update(dict.fromkeys(str(key).rpartition("-")[2] for key in switch.pnic or ()))
    return tuple(
        Switch(name=name, kind="standard", mtu=mtu, hosts=tuple(members), uplinks=tuple(uplinks))
        for name, (mtu, members, uplinks) in found.items()
    )


def distributed(rows: Sequence[Found], names: Names) -> tuple[Switch, ...]:
    """Read the distributed switches; one whose name a datacenter uses twice gains its id."""
    taken: set[str] = set()
    switches = []
    for row in rows:
        name = plain(row) if plain(row) not in taken else f"{plain(row)} ({row.id})"
        taken.add(name)
        members = row.properties.get("summary.hostMember") or ()
        hosts = tuple(sorted(host for each in members if (host := names.of(each)) is not None))
        switches.append(Switch(name=name, kind="distributed", hosts=hosts))
    return tuple(switches)


def port_groups(hosts: Sequence[Found], rows: Sequence[Found], names: Names) -> tuple[PortGroup, ...]:
    """Read what VMs see: standard port groups by name over all hosts, and the distributed ones."""
    members: dict[str, dict[str, None]] = {}
    first: dict[str, tuple[str | None, str | None]] = {}
    for row in hosts:
        for group in row.properties.get("config.network.portgroup") or ():
            name = _text(group.spec.name)
            first.setdefault(name, (group.spec.vswitchName or None, str(group.spec.vlanId)))
            members.setdefault(name, {})[names.of_row(row)] = None
    for row in rows:
        name = plain(row)
        first.setdefault(name, (None, _vlan(row.properties.get("config.defaultPortConfig"))))
        told = members.setdefault(name, {})
        told.update(
            dict.fromkeys(host for each in row.properties.get("host") or () if (host := names.of(each)))
        )
    return tuple(
        PortGroup(name=name, switch=switch, vlan=vlan, hosts=tuple(members[name]))
        for name, (switch, vlan) in first.items()
    )


def _vlan(config: Any) -> str | None:
    vlan = getattr(getattr(config, "vlan", None), "vlanId", None)
    return str(vlan) if isinstance(vlan, int) else None


def _text(value: object) -> str:
    return shortened(cleaned(str(value))) or "-"

"""The ways a host has to its datastores, its networks and its power, each as the components on it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from planner.estate import Datastore, Estate, Hba, Host, Lun, Nic, Path, PortGroup, Role
from planner.paths import cuts
from planner.paths.cuts import Cuts
from planner.paths.wiring import Wiring

Layers: TypeAlias = tuple[tuple[str, int | None], ...]  # layer -> its component; None: nobody told

FILE_KINDS: Final = ("nfs",)
OFFLINE: Final = frozenset({"offline", "unbound", "fault", "linkdown", "link-down"})
LOST_STATES: Final = frozenset({"dead", "disabled"})
_RUNTIME_NAME: Final = re.compile(r"^(?P<hba>vmhba\d+):C\d+:T\d+:L\d+$")


class Way(Struct, frozen=True, kw_only=True):
    """One way: its components layer by layer, and what breaks it.  `certain` unless its state is unknown.

    It works while all `parts` do and, where there is a `hop`, a switch reaches one of some ends.
    """

    layers: Layers
    cuts: Cuts
    parts: tuple[int, ...]
    hop: tuple[int, frozenset[int]] | None = None
    certain: bool = True

    def known(self) -> dict[str, int | None]:
        """Give the component of each layer it has."""
        return dict(self.layers)


class Ways(Struct, frozen=True, kw_only=True):
    """All ways to one end, how many more do not work, and what is around the one array, if it is one."""

    ways: tuple[Way, ...] = ()
    dead: int = 0
    layers: tuple[str, ...] = ()
    around: frozenset[int] = frozenset()


class Roads:
    """Finds the ways of each host; what hosts share is looked up once."""

    def __init__(self, estate: Estate, wiring: Wiring) -> None:
        self.estate = estate
        self.wiring = wiring
        self._luns = {lun.name: lun for lun in estate.luns}
        self._controllers = {controller.name: controller for controller in estate.controllers}
        self._paths: dict[tuple[str, str], list[Path]] = defaultdict(list)
        self._luns_of: dict[str, set[str]] = defaultdict(set)
        for path in estate.paths:
            self._paths[path.host, path.lun].append(path)
            if path.datastore:
                self._luns_of[path.datastore].add(path.lun)
        self._groups = _groups_of_hosts(estate)
        self._hbas_cabled = any(wiring.components[port].kind == "hba" for port in wiring.switch_of)
        self._peers: dict[tuple[str | None, Role], dict[str, frozenset[int]]] = {}

    def luns_of(self, datastore: Datastore) -> Sequence[str]:
        """Give the LUNs a datastore stands on, as it says or as the paths do."""
        return datastore.luns or sorted(self._luns_of.get(datastore.name, ()))

    def roles_of(self, host: Host) -> Mapping[Role, Sequence[PortGroup]]:
        """Give the port groups of a host by what they are for."""
        found: dict[Role, list[PortGroup]] = {}
        for group in self._groups.get(host.name, ()):
            for role in group.roles:
                found.setdefault(role, []).append(group)
        return found

    def to_lun(self, host: Host, name: str) -> Ways:
        """Give the ways from a host to a LUN: the paths it reports, else what the wiring allows."""
        lun = self._luns.get(name) or Lun(name=name)
        hbas = {hba.device: hba for hba in host.hbas}
        controllers = self._controllers_of(lun)
        reported = self._paths.get((host.name, name), ())
        alive = [path for path in reported if path.state not in LOST_STATES]
        ways: Iterable[Way | None]
        if reported:
            ways = [way for path in alive for way in self._reported_all(host, hbas, path, controllers)]
        else:
            ways = self._possible(host, controllers)
        return Ways(
            ways=_working(ways),
            dead=len(reported) - len(alive),
            layers=("hba", "card", "fabric", "controller"),
            around=self._only_array(controllers, lun.raid_group),
        )

    def to_role(self, host: Host, groups: Sequence[PortGroup], role: Role) -> Ways:
        """Give the ways of a host into a network: to the clients, or to the other hosts of its cluster."""
        nics = {nic.device: nic for group in groups for nic in self._uplinks(host, group)}
        targets = frozenset(self.wiring.clients) if role == "vm" else self._peer_switches(host, role)
        ways = [self._out(host, nic, targets) for nic in nics.values()]
        return Ways(ways=_working(ways), dead=ways.count(None), layers=("nic", "card", "switch", "beyond"))

    def power(self, host: Host) -> Ways:
        """Give the ways of power into a host."""
        ways = []
        for psu in host.psus:
            unit = self.wiring.number("psu", f"{host.name}/{psu.device}")
            feed = None if psu.feed is None else self.wiring.find("feed", psu.feed)
            ways.append(self._way([("psu", unit), ("feed", feed)], [unit], None))
        return Ways(ways=_working(ways), layers=("psu", "feed"))

    def fed(self, feeds: Sequence[str]) -> Ways:
        """Give the ways of power into a switch or a controller."""
        numbers = [self.wiring.number("feed", feed) for feed in feeds]
        ways = [self._way([("feed", one)], [one], None) for one in numbers]
        return Ways(ways=_working(ways), layers=("feed",))

    def _way(
        self,
        layers: Sequence[tuple[str, int | None]],
        parts: Iterable[int | None],
        hop: tuple[int, frozenset[int]] | None,
        certain: bool = True,
    ) -> Way | None:
        """Give a way; None where its hop is known to lead nowhere."""
        known = tuple(dict.fromkeys(part for part in parts if part is not None))
        on_way = [self.wiring.cuts(part) for part in known]
        if hop is not None:
            reach = self.wiring.reach(*hop)
            if reach is None:
                return None
            on_way.append(reach)
        return Way(layers=tuple(layers), cuts=cuts.needing_all(on_way), parts=known, hop=hop, certain=certain)

    # -- storage

    def _controllers_of(self, lun: Lun) -> tuple[str, ...]:
        if lun.controllers:
            return lun.controllers
        owner = self._controllers.get(lun.controller or "")
        if owner is None or owner.array is None:
            return (owner.name,) if owner else ()
        return tuple(name for name, other in self._controllers.items() if other.array == owner.array)

    def _only_array(self, controllers: Sequence[str], raid_group: str | None) -> frozenset[int]:
        """Give the one array that a LUN lives in, its disks and the places around: no way leads past them."""
        known = [self._controllers[name] for name in controllers if name in self._controllers]
        arrays = {controller.array for controller in known}
        if len(arrays) != 1 or None in arrays:
            return frozenset()
        numbers = [self.wiring.number("controller", controller.name) for controller in known]
        shared = frozenset.intersection(*(self.wiring.places(number) for number in numbers))
        disks = set() if raid_group is None else {self.wiring.number("raid-group", raid_group)}
        return shared | disks | {self.wiring.number("array", str(known[0].array))}

    def _reported_all(
        self, host: Host, hbas: Mapping[str, Hba], path: Path, controllers: Sequence[str]
    ) -> list[Way | None]:
        """Give the way of a path; one of a software adapter has as many as there are uplinks for storage."""
        runtime = _RUNTIME_NAME.match(path.name)
        hba = hbas.get(path.hba or (runtime["hba"] if runtime else "") or "")
        if hba is None or not is_software(hba):
            return [self._reported(host, hbas, path, controllers)]
        controller = path.controller or (controllers[0] if len(controllers) == 1 else None)
        return self._over_network(host, controller, path.state != "unknown")

    def _over_network(self, host: Host, controller: str | None, certain: bool) -> list[Way | None]:
        """Give the ways of a software adapter: it is a program, and fails with the NICs under it."""
        number = None if controller is None else self.wiring.find("controller", controller)
        groups = self.roles_of(host).get("storage", ())
        nics = {nic.device: nic for group in groups for nic in self._uplinks(host, group)}
        if not nics:
            nobody: Layers = (("hba", None), ("card", None), ("fabric", None), ("controller", number))
            return [self._way(nobody, (number,), None, certain)]
        ports = self._ports(controller, None)
        found = []
        for nic in nics.values():
            port = self.wiring.number("nic", f"{host.name}/{nic.device}")
            card = None if nic.card is None else self.wiring.find("card", f"{host.name}/{nic.card}")
            plugged = self.wiring.switch_of.get(port, [])
            hop = (plugged[0], ports) if plugged and ports and self.wiring.reach(plugged[0], ports) else None
            switch = plugged[0] if plugged else None
            layers: Layers = (("hba", port), ("card", card), ("fabric", switch), ("controller", number))
            found.append(self._way(layers, (port, switch, number), hop, certain and nic.up is not None))
        return found

    def _reported(
        self, host: Host, hbas: Mapping[str, Hba], path: Path, controllers: Sequence[str]
    ) -> Way | None:
        runtime = _RUNTIME_NAME.match(path.name)
        device = path.hba or (runtime["hba"] if runtime else None)
        hba = hbas.get(device or "")
        controller = path.controller or (controllers[0] if len(controllers) == 1 else None)
        number = None if controller is None else self.wiring.find("controller", controller)
        layers, parts = self._adapter(host, hba, device)
        switches = self._plugged(layers)
        fabric = self._fabric(path.fabric or (hba.fabric if hba else None), switches)
        layers += [("fabric", fabric), ("controller", number)]
        ports = self._ports(controller, path.fabric or (hba.fabric if hba else None))
        hop = (switches[0], ports) if switches and ports else None
        # A path that works is there, whatever the cables that somebody wrote down allow.
        if hop is not None and self.wiring.reach(*hop) is None:
            hop = None
        return self._way(layers, (*parts, *switches[:1], fabric, number), hop, path.state != "unknown")

    def _adapter(
        self, host: Host, hba: Hba | None, device: str | None
    ) -> tuple[list[tuple[str, int | None]], list[int]]:
        """Give the layers of an HBA; one that the host does not list is known by its name alone."""
        if device is None:
            return [("hba", None), ("card", None)], []
        port = self.wiring.number("hba", f"{host.name}/{device}")
        card = None if hba is None or hba.card is None else f"{host.name}/{hba.card}"
        return [("hba", port), ("card", None if card is None else self.wiring.find("card", card))], [port]

    def _plugged(self, layers: Sequence[tuple[str, int | None]]) -> list[int]:
        port = dict(layers).get("hba")
        return self.wiring.switch_of.get(port, []) if port is not None else []

    def _fabric(self, name: str | None, switches: Sequence[int]) -> int | None:
        """Give the fabric, or the one switch that is all that is known of it."""
        if name is not None:
            return self.wiring.number("fabric", name)
        for switch in switches:
            for group in self.wiring.groups(switch):
                if self.wiring.components[group[0]].kind == "fabric":
                    return group[0]
            return switch
        return None

    def _ports(self, controller: str | None, fabric: str | None) -> frozenset[int]:
        """Give the ports of a controller that are plugged into the fabric."""
        known = self._controllers.get(controller or "")
        if known is None:
            return frozenset()
        numbers = {
            self.wiring.number("port", f"{known.name}/{port.device}")
            for port in known.ports
            if fabric is None or port.fabric is None or port.fabric == fabric
        }
        return frozenset(numbers & self.wiring.switch_of.keys())

    def _possible(self, host: Host, controllers: Sequence[str]) -> list[Way | None]:
        """Give the ways that fabrics and cables allow where the host reports no path."""
        online = [hba for hba in host.hbas if (hba.status or "").casefold() not in OFFLINE]
        found = [
            self._allowed(host, hba, controller, port)
            for hba in online
            if not is_software(hba)
            for controller in controllers
            for port in self._all_ports(controller)
        ]
        if any(is_software(hba) for hba in online):
            found += [way for name in controllers for way in self._over_network(host, name, True)]
        return found

    def _all_ports(self, controller: str) -> Sequence[tuple[str, str | None] | None]:
        known = self._controllers.get(controller)
        return [(port.device, port.fabric) for port in known.ports] if known and known.ports else [None]

    def _allowed(
        self, host: Host, hba: Hba, controller: str, port: tuple[str, str | None] | None
    ) -> Way | None:
        layers, parts = self._adapter(host, hba, hba.device)
        switches = self._plugged(layers)
        number = self.wiring.number("controller", controller)
        fabric = self._fabric(hba.fabric, switches)
        layers += [("fabric", fabric), ("controller", number)]
        end = None if port is None else self.wiring.number("port", f"{controller}/{port[0]}")
        hop = None
        if port is not None and end is not None:
            if switches and end in self.wiring.switch_of:
                hop = (switches[0], frozenset((end,)))
            elif hba.fabric is None or port[1] != hba.fabric:
                return None
        parts = [*parts, *switches[:1]]
        # Where somebody wrote the cables of HBAs down, one without a cable is not known to be plugged in.
        certain = hba.status is not None and (bool(switches) or not self._hbas_cabled)
        return self._way(layers, (*parts, fabric, number, end), hop, certain)

    # -- network

    def _uplinks(self, host: Host, group: PortGroup) -> list[Nic]:
        """Give the NICs that a port group may use: those of its switch, or of its teaming if known."""
        chosen = {*group.active, *group.standby}
        return [
            nic
            for nic in host.nics
            if nic.switch is not None
            and nic.switch == group.switch
            and nic.up is not False
            and (not chosen or nic.device in chosen or nic.uplink in chosen)
        ]

    def _peer_switches(self, host: Host, role: Role) -> frozenset[int]:
        """Give the switches at which the other hosts of the cluster stand with the same role."""
        key = (host.cluster, role)
        if key not in self._peers:
            members = [other for other in self.estate.hosts if other.cluster == host.cluster]
            self._peers[key] = {other.name: self._at(other, role) for other in members}
        return frozenset().union(*(at for name, at in self._peers[key].items() if name != host.name))

    def _at(self, host: Host, role: Role) -> frozenset[int]:
        nics = [nic for group in self.roles_of(host).get(role, ()) for nic in self._uplinks(host, group)]
        ports = [self.wiring.number("nic", f"{host.name}/{nic.device}") for nic in nics]
        return frozenset(switch for port in ports for switch in self.wiring.switch_of.get(port, ()))

    def _out(self, host: Host, nic: Nic, targets: frozenset[int]) -> Way | None:
        """Give the way out of a NIC; None where its switch is known to lead nowhere."""
        port = self.wiring.number("nic", f"{host.name}/{nic.device}")
        card = None if nic.card is None else self.wiring.find("card", f"{host.name}/{nic.card}")
        plugged = self.wiring.switch_of.get(port, [])
        layers: list[tuple[str, int | None]] = [("nic", port), ("card", card)]
        layers.append(("switch", plugged[0] if plugged else None))
        hop = (plugged[0], targets) if plugged and targets else None
        if hop is None:
            layers.append(("beyond", None))
        return self._way(layers, (port, *plugged[:1]), hop, nic.up is not None)


def is_software(hba: Hba) -> bool:
    """Say whether an adapter is a program over NICs: software iSCSI, NVMe over TCP or RDMA.

    >>> is_software(Hba(device="vmhba64", kind="iSCSI", model="iSCSI Software Adapter"))
    True
    """
    told = f"{hba.kind or ''} {hba.model or ''}".casefold()
    over_ip = "iscsi" in told or "nvme" in told
    return over_ip and ("software" in told or "tcp" in told or "rdma" in told)


def _groups_of_hosts(estate: Estate) -> Mapping[str, Sequence[PortGroup]]:
    """Give the port groups each host has: by its own ports, by the group's list, or by the switch."""
    by_switch: dict[str, list[PortGroup]] = defaultdict(list)
    by_name = {group.name: group for group in estate.port_groups}
    found: dict[str, dict[str, PortGroup]] = defaultdict(dict)
    for group in estate.port_groups:
        for name in group.hosts:
            found[name][group.name] = group
        if not group.hosts and group.switch is not None:
            by_switch[group.switch].append(group)
    for host in estate.hosts:
        own = {vmk.port_group for vmk in host.vmks}
        for name in sorted(name for name in own if name in by_name):
            found[host.name][str(name)] = by_name[str(name)]
        for switch in sorted({nic.switch for nic in host.nics if nic.switch}):
            for group in by_switch.get(switch, ()):
                if not host.vmks or group.name in own or set(group.roles) <= {"vm"}:
                    found[host.name][group.name] = group
    return {name: tuple(groups.values()) for name, groups in found.items()}


def _working(ways: Iterable[Way | None]) -> tuple[Way, ...]:
    """Give the ways there are, each once: a path of the same components says nothing new."""
    return tuple({way: None for way in ways if way is not None})

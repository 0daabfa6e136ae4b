"""What the ways that are left can carry, beside what is asked of them: Mbit/s, IOPS, and how many share what.

Capacity is what somebody recorded: the speed of a port, the IOPS of a controller.  Load is what was measured
of VMs.  One of them missing makes the share unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from planner.estate import VM, Estate, Host
from planner.paths.wiring import Wiring

About: TypeAlias = Literal["host-storage", "host-network", "fan-in", "uplinks", "controller-iops"]
Down: TypeAlias = frozenset[int]


class Load(Struct, frozen=True, kw_only=True):
    """One bottleneck before and after: how many carry it, what they can, and what is asked; None: not known.

    `ratio_left`: what hangs on it divided by what it has left: HBAs to ports, or speeds in to speeds out.
    """

    about: About
    name: str
    unit: Literal["Mbit/s", "IOPS", "ports"]
    parts_before: int
    parts_left: int
    capacity_before: float | None
    capacity_left: float | None
    asked: float | None = None
    ratio_before: float | None = None
    ratio_left: float | None = None

    @property
    def share_left(self) -> float | None:
        """The share of what is left that is asked; above 1 it is too little."""
        if self.asked is None or not self.capacity_left:
            return None
        return self.asked / self.capacity_left

    @property
    def is_short(self) -> bool:
        """Whether more is asked than is left."""
        return self.asked is not None and self.capacity_left is not None and self.asked > self.capacity_left


def loads(estate: Estate, wiring: Wiring, down: Down) -> tuple[Load, ...]:
    """Give every bottleneck that a failure narrows, those that it closes left out: they are losses."""
    found = (
        *_hosts(estate, wiring, down),
        *_fan_in(estate, wiring, down),
        *_uplinks(estate, wiring, down),
        *_controllers(estate, wiring, down),
    )
    return tuple(one for one in found if one.parts_left and one.parts_left < one.parts_before)


def _hosts(estate: Estate, wiring: Wiring, down: Down) -> Iterator[Load]:
    vms: dict[str, list[VM]] = {}
    for vm in estate.vms:
        if vm.is_load and vm.host is not None:
            vms.setdefault(vm.host, []).append(vm)
    for host in estate.hosts:
        if wiring.find("host", host.name) in down:
            continue
        own = vms.get(host.name, ())
        yield _of_ports(
            "host-storage",
            host,
            _hba_ports(host, wiring),
            _sum(own, lambda vm: vm.disk_demand_mbit),
            wiring,
            down,
        )
        yield _of_ports(
            "host-network",
            host,
            _nic_ports(host, wiring),
            _sum(own, lambda vm: vm.network_demand_mbit),
            wiring,
            down,
        )


def _hba_ports(host: Host, wiring: Wiring) -> Mapping[int, int | None]:
    online = [hba for hba in host.hbas if (hba.status or "online").casefold() == "online"]
    return {wiring.number("hba", f"{host.name}/{hba.device}"): hba.speed_mbit for hba in online}


def _nic_ports(host: Host, wiring: Wiring) -> Mapping[int, int | None]:
    used = [nic for nic in host.nics if nic.switch is not None and nic.up is not False]
    return {wiring.number("nic", f"{host.name}/{nic.device}"): nic.speed_mbit for nic in used}


def _of_ports(
    about: About, host: Host, ports: Mapping[int, int | None], asked: float | None, wiring: Wiring, down: Down
) -> Load:
    left = [port for port in ports if not _is_cut(port, wiring, down)]
    return Load(
        about=about,
        name=host.name,
        unit="Mbit/s",
        parts_before=len(ports),
        parts_left=len(left),
        capacity_before=_added(ports.values()),
        capacity_left=_added(ports[port] for port in left),
        asked=asked,
    )


def _is_cut(port: int, wiring: Wiring, down: Down) -> bool:
    """Say whether a port carries nothing: it is down, or everything that it is plugged into is."""
    if port in down:
        return True
    plugged = wiring.switch_of.get(port, [])
    return bool(plugged) and all(switch in down for switch in plugged)


def _fan_in(estate: Estate, wiring: Wiring, down: Down) -> Iterator[Load]:
    """Count the HBAs that share the ports of controllers, fabric by fabric."""
    for fabric in estate.fabrics:
        hbas = [
            wiring.number("hba", f"{host.name}/{hba.device}")
            for host in estate.hosts
            for hba in host.hbas
            if hba.fabric == fabric.name
        ]
        ports = {
            wiring.number("port", f"{controller.name}/{port.device}"): port.speed_mbit
            for controller in estate.controllers
            for port in controller.ports
            if port.fabric == fabric.name
        }
        left = [port for port in ports if not _is_cut(port, wiring, down)]
        sharing = [hba for hba in hbas if not _is_cut(hba, wiring, down)]
        yield Load(
            about="fan-in",
            name=fabric.name,
            unit="ports",
            parts_before=len(ports),
            parts_left=len(left),
            capacity_before=_added(ports.values()),
            capacity_left=_added(ports[port] for port in left),
            ratio_before=_ratio(len(hbas), len(ports)),
            ratio_left=_ratio(len(sharing), len(left)),
        )


def _uplinks(estate: Estate, wiring: Wiring, down: Down) -> Iterator[Load]:
    """Compare what hosts can send into each switch with what it can send on: to switches, clients, ports."""
    speeds: dict[str, list[tuple[int, int | None]]] = {}
    onward: dict[str, list[tuple[int, int | None]]] = {}
    isls: dict[tuple[str, str], int] = {}
    for link in estate.links:
        ends = [link.a.partition(":"), link.b.partition(":")]
        switches = [name for kind, _, name in ends if kind == "switch"]
        if len(switches) == 2:
            a, b = sorted(switches)
            count = isls[a, b] = isls.get((a, b), 0) + 1
            name = f"{a} -- {b}" if count == 1 else f"{a} -- {b} ({count})"
            number = wiring.find("isl", name)
            for here, there in ((a, b), (b, a)):
                other = wiring.find("switch", there)
                dead = number in down or other in down
                if number is not None:
                    onward.setdefault(here, []).append((-1 if dead else number, link.speed_mbit))
        elif len(switches) == 1:
            kind, _, name = next(end for end in ends if end[0] != "switch")
            if kind == "clients":
                onward.setdefault(switches[0], []).append((wiring.number("clients", name), link.speed_mbit))
            elif kind == "host":
                nic, hba = wiring.find("nic", name), wiring.find("hba", name)
                port = nic if nic is not None else hba
                speeds.setdefault(switches[0], []).append((-1 if port is None else port, link.speed_mbit))
    for switch, out in sorted(onward.items()):
        if wiring.find("switch", switch) in down:
            continue
        into = speeds.get(switch, [])
        left = [one for one in out if one[0] != -1 and one[0] not in down]
        sending = [one for one in into if one[0] != -1 and one[0] not in down]
        before, after = _added(mbit for _, mbit in out), _added(mbit for _, mbit in left)
        yield Load(
            about="uplinks",
            name=switch,
            unit="Mbit/s",
            parts_before=len(out),
            parts_left=len(left),
            capacity_before=before,
            capacity_left=after,
            ratio_before=_ratio(_added(mbit for _, mbit in into), before),
            ratio_left=_ratio(_added(mbit for _, mbit in sending), after),
        )


def _controllers(estate: Estate, wiring: Wiring, down: Down) -> Iterator[Load]:
    """Compare the IOPS of the VMs of an array with what its controllers give."""
    arrays: dict[str, dict[int, float | None]] = {}
    array_of: dict[str, str] = {}
    for controller in estate.controllers:
        if controller.array is not None:
            number = wiring.number("controller", controller.name)
            arrays.setdefault(controller.array, {})[number] = controller.iops_max
            array_of[controller.name] = controller.array
    luns = {lun.name: lun for lun in estate.luns}
    vms: dict[str, dict[str, VM]] = {}
    stores: dict[str, set[str]] = {}
    for store in estate.datastores:
        for lun in (luns[name] for name in store.luns if name in luns):
            named = lun.controllers or ((lun.controller,) if lun.controller else ())
            stores.setdefault(store.name, set()).update(array_of[name] for name in named if name in array_of)
    for vm in estate.vms:
        for array in (
            {array for store in vm.datastores for array in stores.get(store, ())} if vm.is_load else ()
        ):
            vms.setdefault(array, {})[vm.name] = vm
    for array, controllers in sorted(arrays.items()):
        left = [number for number in controllers if number not in down]
        yield Load(
            about="controller-iops",
            name=array,
            unit="IOPS",
            parts_before=len(controllers),
            parts_left=len(left),
            capacity_before=_added(controllers.values()),
            capacity_left=_added(controllers[number] for number in left),
            asked=_sum(list(vms.get(array, {}).values()), lambda vm: vm.iops_demand),
        )


def _sum(vms: Sequence[VM], of: Callable[[VM], float | None]) -> float | None:
    """Add up what was measured; one VM of which nobody measured anything makes it unknown."""
    return _added(of(vm) for vm in vms)


def _added(values: Iterable[float | None]) -> float | None:
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under

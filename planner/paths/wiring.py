"""The estate as components, what each of them needs to work, and the cables between the switches.

site > room > rack > chassis > host > card > NIC, HBA         feed > feed > PSU > host
                   > switch < stack, fabric                              > switch, controller
                   > controller < array > RAID group > LUN > datastore
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, get_args

import rustworkx as rx
from msgspec import Struct

from planner.estate import Estate, EstateError, Host, Switch
from planner.paths import cuts
from planner.paths.cuts import Cuts

Kind: TypeAlias = Literal[
    "site", "room", "rack", "chassis", "feed", "psu", "host", "card", "nic", "hba", "fabric", "switch",
    "stack", "isl", "port", "controller", "array", "raid-group", "lun", "datastore", "clients",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
DEEPEST: Final = 50  # feeds behind feeds; no building has so many
PLACES: Final = frozenset(("site", "room", "rack", "chassis"))


class Component(Struct, frozen=True, order=True):
    """One thing that can fail."""

    kind: Kind
    name: str


class Wiring:
    """The components by number, what they need, and the graph of switches and clients.

    `cables` is the graph of switches, inter-switch links and clients; its payloads are component numbers.
    """

    def __init__(self) -> None:
        self.components: list[Component] = []
        self.cables: rx.PyGraph[int, None] = rx.PyGraph(multigraph=False)
        self.switch_of: dict[int, list[int]] = {}  # NIC, HBA or port -> the switches it is plugged into
        self.clients: set[int] = set()
        self._number: dict[Component, int] = {}
        self._needs: dict[int, list[tuple[int, ...]]] = {}
        self._cuts: dict[int, Cuts] = {}
        self._vertex: dict[int, int] = {}
        self._neighbours: dict[int, list[int]] = {}
        self._islands: dict[int, frozenset[int]] = {}
        self._reach: dict[tuple[int, frozenset[int]], Cuts | None] = {}

    def number(self, kind: Kind, name: str) -> int:
        """Give the number of a component, a new one where it is new."""
        component = Component(kind, name)
        known = self._number.get(component)
        if known is None:
            known = self._number[component] = len(self.components)
            self.components.append(component)
        return known

    def find(self, kind: Kind, name: str) -> int | None:
        """Give the number of a component that is known."""
        return self._number.get(Component(kind, name))

    def named(self, name: str) -> list[int]:
        """Give the components of a name, written plainly or as `kind:name`."""
        kind, _, rest = name.partition(":")
        found = [self._number.get(Component(other, name)) for other in KINDS]
        if kind in KINDS and rest:
            found.append(self._number.get(Component(kind, rest)))
        return [number for number in found if number is not None]

    def needs(self, component: int, *group: int) -> None:
        """Say that a component works only while one of a group does."""
        if group and group not in self._needs.setdefault(component, []):
            self._needs[component].append(group)

    def groups(self, component: int) -> Sequence[tuple[int, ...]]:
        """Give the groups of which a component needs one each."""
        return self._needs.get(component, ())

    def join(self, a: int, b: int) -> None:
        """Lay a cable between two switches, links or clients."""
        self.cables.add_edge(self._place(a), self._place(b), None)
        self._neighbours.setdefault(a, []).append(b)
        self._neighbours.setdefault(b, []).append(a)

    def lead(self, switch: int, port: int) -> None:
        """Lay a cable from a switch to a port of a controller; no way leads on from there."""
        self.cables.add_edge(self._place(switch), self._place(port), None)
        self._neighbours.setdefault(switch, []).append(port)

    def cuts(self, component: int) -> Cuts:
        """Give what fells a component: itself, or what it needs."""
        known = self._cuts.get(component)
        if known is None:
            known = self._cuts[component] = self._fells(component, ())
        return known

    def places(self, component: int) -> frozenset[int]:
        """Give the chassis, rack, room and site around a component."""
        found: set[int] = set()
        waiting = [component]
        while waiting:
            for group in self.groups(waiting.pop()):
                inside = [one for one in group if self.components[one].kind in PLACES]
                waiting += [one for one in inside if one not in found]
                found.update(inside)
        return frozenset(found)

    def reach(self, switch: int, targets: frozenset[int]) -> Cuts | None:
        """Give what parts a switch from all targets; None where no cable joins them."""
        key = (switch, targets)
        if key not in self._reach:
            near = targets & self.island(switch)
            self._reach[key] = cuts.cuts_between(self._neighbours, self.cuts, switch, near) if near else None
        return self._reach[key]

    def reaches(self, switch: int, targets: frozenset[int], down: frozenset[int]) -> bool:
        """Say whether a switch reaches one of the targets past what is down."""
        return cuts.path_between(self._neighbours, switch, targets, down.__contains__) is not None

    def path(self, switch: int, targets: frozenset[int], lost: frozenset[int]) -> list[int] | None:
        """Give the switches and links of a way to one of the targets, all up; None where there is none."""
        return cuts.path_between(
            self._neighbours, switch, targets, lambda one: self.carrying((one,), lost) is None
        )

    def carrying(self, components: Iterable[int], lost: frozenset[int]) -> frozenset[int] | None:
        """Give what components need to work, themselves among it, one of each group; None: one is down."""
        used: set[int] = set()
        for component in components:
            if component in lost:
                return None
            if component not in self.clients:
                used.add(component)
            for group in self.groups(component):
                carried = (self.carrying((one,), lost) for one in group)
                found = next((some for some in carried if some is not None), None)
                if found is None:
                    return None
                used |= found
        return frozenset(used)

    def island(self, switch: int) -> frozenset[int]:
        """Give everything that cables join to a switch in any way."""
        if switch not in self._vertex:
            return frozenset((switch,))
        if switch not in self._islands:
            near = frozenset(
                self.cables[vertex]
                for vertex in rx.node_connected_component(self.cables, self._vertex[switch])
            )
            self._islands.update(dict.fromkeys(near, near))
        return self._islands[switch]

    def neighbours(self, switch: int) -> Sequence[int]:
        """Give what cables join to a switch."""
        return self._neighbours.get(switch, ())

    def down(self, failed: Iterable[int]) -> frozenset[int]:
        """Give everything that is down when some components have failed, those among it."""
        lost = set(failed)
        down: dict[int, bool] = {}

        def is_down(component: int) -> bool:
            if component not in down:
                down[component] = component in lost or any(
                    all(is_down(one) for one in group) for group in self.groups(component)
                )
            return down[component]

        return frozenset(number for number in range(len(self.components)) if is_down(number))

    def _place(self, component: int) -> int:
        if component not in self._vertex:
            self._vertex[component] = self.cables.add_node(component)
        return self._vertex[component]

    def _fells(self, component: int, above: tuple[int, ...]) -> Cuts:
        if component in above:
            names = " > ".join(self.components[one].name for one in (*above, component))
            raise EstateError(f"feeds: {names} feed each other in a ring")
        if len(above) > DEEPEST:
            raise EstateError(f"feeds: more than {DEEPEST} behind each other at {above[-1]}")
        known = self._cuts.get(component)
        if known is None:
            chain = (*above, component)
            groups = [
                cuts.needing_one([self._fells(one, chain) for one in group])
                for group in self.groups(component)
            ]
            # The clients are where the ways lead; they are served or not, and never fail themselves.
            own = cuts.NEVER if component in self.clients else cuts.of(component)
            known = self._cuts[component] = cuts.needing_all([own, *groups])
        return known


def wire(estate: Estate) -> Wiring:
    """Turn an estate into components and cables.

    Raises:
        EstateError: feeds that feed each other in a ring.
    """
    wiring = Wiring()
    _places(estate, wiring)
    for host in estate.hosts:
        _host(host, wiring)
    for switch in estate.switches:
        if switch.kind == "physical":
            _switch(switch, wiring)
    for fabric in estate.fabrics:
        wiring.number("fabric", fabric.name)
    _arrays(estate, wiring)
    _cables(estate, wiring)
    for number in range(len(wiring.components)):
        wiring.cuts(number)
    return wiring


def _places(estate: Estate, wiring: Wiring) -> None:
    for site in estate.sites:
        wiring.number("site", site.name)
    for room in estate.rooms:
        _inside(wiring, wiring.number("room", room.name), "site", room.site)
    for rack in estate.racks:
        number = wiring.number("rack", rack.name)
        _inside(wiring, number, "room", rack.room)
        _inside(wiring, number, "site", rack.site)
    for feed in estate.feeds:
        number = wiring.number("feed", feed.name)
        _inside(wiring, number, "rack", feed.rack)
        wiring.needs(number, *(wiring.number("feed", name) for name in feed.upstream))


def _inside(wiring: Wiring, number: int, kind: Kind, name: str | None) -> None:
    if name is not None:
        wiring.needs(number, wiring.number(kind, name))


def _host(host: Host, wiring: Wiring) -> None:
    number = wiring.number("host", host.name)
    _inside(wiring, number, "site", host.site)
    _inside(wiring, number, "rack", host.rack)
    if host.chassis is not None:
        chassis = wiring.number("chassis", host.chassis)
        _inside(wiring, chassis, "rack", host.rack)
        wiring.needs(number, chassis)
    units = []
    for psu in host.psus:
        unit = wiring.number("psu", f"{host.name}/{psu.device}")
        _inside(wiring, unit, "feed", psu.feed)
        units.append(unit)
    wiring.needs(number, *units)
    for nic in host.nics:
        _on_card(wiring, host, wiring.number("nic", f"{host.name}/{nic.device}"), nic.card)
    for hba in host.hbas:
        _on_card(wiring, host, wiring.number("hba", f"{host.name}/{hba.device}"), hba.card)


def _on_card(wiring: Wiring, host: Host, port: int, card: str | None) -> None:
    _inside(wiring, port, "card", None if card is None else f"{host.name}/{card}")


def _switch(switch: Switch, wiring: Wiring) -> None:
    number = wiring.number("switch", switch.name)
    _inside(wiring, number, "stack", switch.stack)
    _inside(wiring, number, "fabric", switch.fabric)
    _inside(wiring, number, "rack", switch.rack)
    wiring.needs(number, *(wiring.number("feed", name) for name in switch.feeds))


def _arrays(estate: Estate, wiring: Wiring) -> None:
    for controller in estate.controllers:
        number = wiring.number("controller", controller.name)
        _inside(wiring, number, "array", controller.array)
        _inside(wiring, number, "rack", controller.rack)
        wiring.needs(number, *(wiring.number("feed", name) for name in controller.feeds))
        for port in controller.ports:
            wiring.needs(wiring.number("port", f"{controller.name}/{port.device}"), number)
    for raid_group in estate.raid_groups:
        _inside(wiring, wiring.number("raid-group", raid_group.name), "array", raid_group.array)
    for lun in estate.luns:
        _inside(wiring, wiring.number("lun", lun.name), "raid-group", lun.raid_group)
    for datastore in estate.datastores:
        number = wiring.number("datastore", datastore.name)
        for name in datastore.luns:
            wiring.needs(number, wiring.number("lun", name))


def _cables(estate: Estate, wiring: Wiring) -> None:
    for link in estate.links:
        ends = [_end(link.a, wiring), _end(link.b, wiring)]
        if None in ends:
            continue
        a, b = (end for end in ends if end is not None)
        kinds = {wiring.components[end].kind for end in (a, b)}
        if kinds == {"switch"}:
            isl = _new_isl(wiring, " -- ".join(sorted(wiring.components[end].name for end in (a, b))))
            wiring.join(a, isl)
            wiring.join(isl, b)
        elif kinds == {"switch", "clients"}:
            wiring.join(a, b)
            wiring.clients.update(end for end in (a, b) if wiring.components[end].kind == "clients")
        elif "switch" in kinds:
            port, switch = (a, b) if wiring.components[b].kind == "switch" else (b, a)
            wiring.switch_of.setdefault(port, []).append(switch)
            if wiring.components[port].kind == "port":
                wiring.lead(switch, port)


def _new_isl(wiring: Wiring, name: str) -> int:
    """Give a link between switches a number of its own: two cables are two components."""
    free, count = name, 2
    while wiring.find("isl", free) is not None:
        free, count = f"{name} ({count})", count + 1
    return wiring.number("isl", free)


def _end(text: str, wiring: Wiring) -> int | None:
    """Give the component at the end of a cable; None for an end that the estate does not describe."""
    kind, _, name = text.partition(":")
    if kind == "clients":
        return wiring.number("clients", name)
    kinds: tuple[Kind, ...] = {"host": ("nic", "hba"), "switch": ("switch",), "port": ("port",)}.get(kind, ())  # type: ignore[assignment]
    return next((found for one in kinds if (found := wiring.find(one, name)) is not None), None)

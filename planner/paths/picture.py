"""The topology of a cluster as nodes in layers and lines between them: what a page draws.

clients - switches - hosts - fabrics - controllers - datastores          feeds apart
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.estate import Estate, Host
from planner.paths.report import PathsReport
from planner.paths.ways import OFFLINE
from planner.paths.wiring import Kind, Wiring, wire

State: TypeAlias = Literal["redundant", "single", "unknown", "lost"]

LAYERS: Final = ("clients", "switch", "host", "fabric", "controller", "datastore", "feed")
UNKNOWN_SWITCH: Final = "?switch"
UNKNOWN_FABRIC: Final = "?fabric"
UNKNOWN_CONTROLLER: Final = "?controller"


class Node(Struct, frozen=True, kw_only=True):
    """One thing that is drawn; `id` is what a blast takes, or begins with `?` for what nobody named."""

    id: str
    kind: str
    name: str
    layer: int
    state: State
    group: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A connection; `known` unless one end of it was never named."""

    a: str
    b: str
    known: bool = True


class Picture(Struct, frozen=True, kw_only=True):
    """What is drawn of one cluster."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]


def draw(estate: Estate, cluster: str, report: PathsReport) -> Picture:
    """Give the nodes and lines of one cluster, with what the report proves of each."""
    wiring = wire(estate)
    hosts = estate.hosts_of(cluster)
    lines = dict.fromkeys(_lines(estate, hosts, wiring))
    ends = {end for line in lines for end in (line.a, line.b)} | {f"host:{host.name}" for host in hosts}
    feeds = {f"feed:{psu.feed}" for host in hosts for psu in host.psus if psu.feed is not None}
    # A host that a service of one VM runs on is no fault of the wiring; the findings tell it.
    singles = {
        f"{point.kind}:{point.component}"
        for point in report.single_points
        if point.kind != "host" or any(cut.kind != "service" for cut in point.cuts)
    }
    states = _states(report)
    racks = {f"host:{host.name}": host.rack or "" for host in hosts}
    nodes = [
        Node(
            id=end,
            kind=end.partition(":")[0],
            name=end.partition(":")[2],
            layer=_layer(end, wiring),
            state=_state(end, singles, states),
            group=racks.get(end, ""),
        )
        for end in sorted(ends | feeds)
    ]
    return Picture(nodes=tuple(nodes), lines=tuple(lines))


def _states(report: PathsReport) -> dict[str, State]:
    """Give the worst that is proven of each subject."""
    order = ("redundant", "unknown", "single", "lost")
    found: dict[str, State] = {}
    for one in report.standings:
        key = f"{one.kind}:{one.name}"
        found[key] = max(found.get(key, "redundant"), one.proof, key=order.index)
        if one.service == "storage" and one.proof == "unknown":
            found |= {f"datastore:{target}": "unknown" for target in one.targets}
    return found


def _state(end: str, singles: set[str], states: dict[str, State]) -> State:
    if end.startswith("?"):
        return "unknown"
    return "single" if end in singles else states.get(end, "redundant")


def _layer(end: str, wiring: Wiring) -> int:
    kind, _, name = end.partition(":")
    if kind == "switch":
        number = wiring.number("switch", name)
        fabrics = (wiring.components[group[0]].kind for group in wiring.groups(number))
        kind = "fabric" if "fabric" in fabrics else "switch"
    return LAYERS.index(kind.removeprefix("?"))


def _lines(estate: Estate, hosts: Iterable[Host], wiring: Wiring) -> Iterator[Line]:
    reached: set[int] = set()
    names = set()
    fabric_ends: set[str] = set()
    for host in hosts:
        names.add(host.name)
        for end, switches in _plugs(host, wiring):
            reached.update(switches)
            ids = [_id(wiring, switch) for switch in switches]
            if end.startswith(UNKNOWN_FABRIC):
                fabric_ends.update(ids or [end])
            for other in ids or [end]:
                yield Line(a=f"host:{host.name}", b=other, known=not other.startswith("?"))
    yield from _between(reached, wiring)
    stores = [store for store in estate.datastores if names & set(store.hosts)]
    luns = {lun.name: lun for lun in estate.luns}
    for store in stores:
        controllers = {name for lun in store.luns if lun in luns for name in luns[lun].controllers}
        controllers |= {
            name for lun in store.luns if lun in luns and (name := luns[lun].controller) is not None
        }
        for name in sorted(controllers):
            yield Line(a=f"controller:{name}", b=f"datastore:{store.name}")
        if not controllers:
            yield Line(a=f"{UNKNOWN_CONTROLLER}:", b=f"datastore:{store.name}", known=False)
            for end in sorted(fabric_ends):
                yield Line(a=end, b=f"{UNKNOWN_CONTROLLER}:", known=False)


def _plugs(host: Host, wiring: Wiring) -> Iterator[tuple[str, list[int]]]:
    """Give where each used port of a host is plugged in; nowhere known: the end that stands for it."""
    for nic in host.nics:
        if nic.switch is not None and nic.up is not False:
            yield (
                f"{UNKNOWN_SWITCH}:",
                wiring.switch_of.get(wiring.number("nic", f"{host.name}/{nic.device}"), []),
            )
    for hba in host.hbas:
        if (hba.status or "").casefold() not in OFFLINE:
            plugged = wiring.switch_of.get(wiring.number("hba", f"{host.name}/{hba.device}"), [])
            if not plugged and hba.fabric is not None:
                plugged = [wiring.number("fabric", hba.fabric)]
            yield f"{UNKNOWN_FABRIC}:", plugged


def _between(reached: set[int], wiring: Wiring) -> Iterator[Line]:
    """Give the cables from the switches on: to each other, to the clients, to controllers."""
    waiting, seen = sorted(reached), set(reached)
    for switch in waiting:
        for other in wiring.neighbours(switch):
            kind: Kind = wiring.components[other].kind
            if kind == "port":
                controller = wiring.components[other].name.rpartition("/")[0]
                yield Line(a=_id(wiring, switch), b=f"controller:{controller}")
                continue
            ends = [one for one in wiring.neighbours(other) if one != switch] if kind == "isl" else [other]
            for end in ends:
                yield Line(
                    a=min(_id(wiring, switch), _id(wiring, end)), b=max(_id(wiring, switch), _id(wiring, end))
                )
                if end not in seen:
                    seen.add(end)
                    waiting.append(end)


def _id(wiring: Wiring, number: int) -> str:
    return f"{wiring.components[number].kind}:{wiring.components[number].name}"

"""Standard designs laid over a cluster: pure functions, an estate with its plain wiring in, a wired one out.

        clients                              feed-a        feed-b
        /     \\                                |             |
    tor-a --- tor-b         (uplinks)         psu1  hosts  psu2
        \\     /
         hosts
        /     \\              (HBAs)
    san-a     san-b
      |  \\   /  |
     spa       spb          each controller has a port in both fabrics

What an import told stays: a NIC keeps its switch, an HBA its card, a path its state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar, get_args

from msgspec.structs import replace

from planner.estate import (
    Controller,
    ControllerPort,
    Datastore,
    Estate,
    EstateError,
    Fabric,
    Feed,
    Hba,
    Host,
    Link,
    Lun,
    Nic,
    Path,
    PortGroup,
    Psu,
    Rack,
    Site,
    Switch,
)

Design: TypeAlias = Literal["crossed-fabrics", "two-switches", "two-feeds", "stretched"]
DESIGNS: Final[tuple[Design, ...]] = get_args(Design)
SIDES: Final = ("a", "b")
NIC_MBIT: Final = 25_000

Row = TypeVar("Row", bound=Fabric | Switch | Controller | Feed | Rack | Site | Lun)


def lay(estate: Estate, cluster: str, design: Design) -> Estate:
    """Lay one standard design over a cluster; laying it twice changes nothing more.

    Raises:
        EstateError: the estate has no such cluster, or no host in it.
    """
    if not estate.hosts_of(cluster):
        raise EstateError(f"there is no host in a cluster {cluster}")
    laid: dict[Design, Callable[[Estate, str], Estate]] = {
        "crossed-fabrics": crossed_fabrics,
        "two-switches": two_switches,
        "two-feeds": two_feeds,
        "stretched": stretched,
    }
    return laid[design](estate, cluster).sorted()


def crossed_fabrics(estate: Estate, cluster: str) -> Estate:
    """Join every host to two fabrics with a switch each, and both to both controllers of one array."""
    fabrics = [Fabric(name=f"{cluster}-fabric-{side}") for side in SIDES]
    switches = [
        Switch(name=f"{cluster}-san-{side}", kind="physical", fabric=fabric.name)
        for side, fabric in zip(SIDES, fabrics, strict=True)
    ]
    controllers = [_controller(cluster, side, fabrics) for side in SIDES]
    hosts = [_with_fabrics(host, fabrics) for host in estate.hosts_of(cluster)]
    links = [
        Link(a=f"host:{host.name}/{hba.device}", b=f"switch:{_beside(hba.fabric, fabrics, switches)}")
        for host in hosts
        for hba in host.hbas
        if hba.fabric in {fabric.name for fabric in fabrics}
    ]
    links += [
        Link(a=f"port:{controller.name}/{port.device}", b=f"switch:{switch.name}")
        for controller in controllers
        for port, switch in zip(controller.ports, switches, strict=True)
    ]
    names = tuple(controller.name for controller in controllers)
    datastores, luns = _with_luns(estate, {host.name for host in hosts}, names)
    return replace(
        estate,
        hosts=_changed(estate.hosts, hosts),
        fabrics=_with(estate.fabrics, fabrics),
        switches=_with(estate.switches, switches),
        controllers=_with(estate.controllers, controllers),
        datastores=datastores,
        luns=_with(estate.luns, luns),
        links=_linked(estate.links, links),
        paths=_crossed(estate.paths, {host.name: host for host in hosts}, luns, names),
    )


def two_switches(estate: Estate, cluster: str) -> Estate:
    """Plug the uplinks of every host in turn into two joined switches that both lead to the clients."""
    switches = [Switch(name=f"{cluster}-tor-{side}", kind="physical", lacp="fast") for side in SIDES]
    hosts = [_with_uplinks(host) for host in estate.hosts_of(cluster)]
    links = [
        Link(
            a=f"host:{host.name}/{nic.device}",
            b=f"switch:{switches[place % 2].name}",
            speed_mbit=nic.speed_mbit,
        )
        for host in hosts
        for used in _by_switch(host)
        for place, nic in enumerate(used)
    ]
    links += [Link(a=f"switch:{switch.name}", b=f"clients:{cluster}") for switch in switches]
    links.append(Link(a=f"switch:{switches[0].name}", b=f"switch:{switches[1].name}"))
    return replace(
        estate,
        hosts=_changed(estate.hosts, hosts),
        switches=_with(estate.switches, [*switches, *_virtual(estate, hosts)]),
        port_groups=_with_networks(estate, cluster, hosts),
        links=_linked(estate.links, links),
    )


def two_feeds(estate: Estate, cluster: str) -> Estate:
    """Give hosts two power supplies on two feeds, and every switch and controller of the cluster both."""
    feeds = [Feed(name=f"{cluster}-feed-{side}") for side in SIDES]
    names = tuple(feed.name for feed in feeds)
    hosts = [
        replace(host, psus=tuple(Psu(device=f"psu{n + 1}", feed=name) for n, name in enumerate(names)))
        for host in estate.hosts_of(cluster)
    ]

    def fed(name: str, feeds: tuple[str, ...]) -> tuple[str, ...]:
        return names if name.startswith(f"{cluster}-") else feeds

    return replace(
        estate,
        hosts=_changed(estate.hosts, hosts),
        feeds=_with(estate.feeds, feeds),
        switches=tuple(
            replace(row, feeds=fed(row.name, row.feeds)) if row.kind == "physical" else row
            for row in estate.switches
        ),
        controllers=tuple(replace(row, feeds=fed(row.name, row.feeds)) for row in estate.controllers),
    )


def stretched(estate: Estate, cluster: str) -> Estate:
    """Spread the cluster over two sites, a rack in each, one controller a site, the witness in a third."""
    sites = [Site(name=f"{cluster}-site-{side}") for side in (*SIDES, "witness")]
    racks = [
        Rack(name=f"{cluster}-rack-{side}", site=site.name) for side, site in zip(SIDES, sites, strict=False)
    ]
    hosts = [
        replace(host, rack=racks[place % 2].name, site=None, chassis=None)
        for place, host in enumerate(estate.hosts_of(cluster))
    ]
    own = {rack.name[-1]: rack.name for rack in racks}

    def rack_of(name: str, rack: str | None) -> str | None:
        return own.get(name[-1], rack) if name.startswith(f"{cluster}-") else rack

    controllers = tuple(
        replace(row, rack=rack_of(row.name, row.rack), array=f"{cluster}-array-{row.name[-1]}")
        if row.name.startswith(f"{cluster}-")
        else row
        for row in estate.controllers
    )
    return replace(
        estate,
        sites=_with(estate.sites, sites),
        racks=_with(estate.racks, racks),
        hosts=_changed(estate.hosts, hosts),
        switches=tuple(
            replace(row, rack=rack_of(row.name, row.rack)) if row.kind == "physical" else row
            for row in estate.switches
        ),
        feeds=tuple(replace(row, rack=None) for row in estate.feeds),
        controllers=controllers,
        clusters=tuple(
            replace(row, witness_site=sites[2].name) if row.name == cluster else row
            for row in estate.clusters
        ),
    )


# -- storage


def _controller(cluster: str, side: str, fabrics: Sequence[Fabric]) -> Controller:
    ports = tuple(ControllerPort(device=f"p{n}", fabric=fabric.name) for n, fabric in enumerate(fabrics))
    return Controller(name=f"{cluster}-controller-{side}", array=f"{cluster}-array", ports=ports)


def _with_fabrics(host: Host, fabrics: Sequence[Fabric]) -> Host:
    """Give the host's HBAs to the fabrics in turn; a host without two of them gets two, on a card each."""
    hbas = [hba for hba in host.hbas if "fibre" in (hba.kind or "").casefold()] or list(host.hbas)
    if len(hbas) < 2:
        new = [
            Hba(device=f"vmhba{n + 2}", kind="Fibre Channel", card=f"hba{n}", status="online") for n in (0, 1)
        ]
        hbas = [*hbas, *(hba for hba in new if hba.device not in {old.device for old in hbas})][:2]
    given = {
        hba.device: replace(hba, fabric=fabrics[place % 2].name, status=hba.status or "online")
        for place, hba in enumerate(hbas)
    }
    kept = [hba for hba in host.hbas if hba.device not in given]
    return replace(host, hbas=tuple(sorted((*kept, *given.values()), key=lambda hba: hba.device)))


def _beside(fabric: str | None, fabrics: Sequence[Fabric], switches: Sequence[Switch]) -> str:
    return switches[[one.name for one in fabrics].index(str(fabric))].name


def _with_luns(
    estate: Estate, hosts: set[str], controllers: tuple[str, ...]
) -> tuple[tuple[Datastore, ...], list[Lun]]:
    """Give the shared block datastores of the hosts a LUN, and every such LUN both controllers."""
    known = {lun.name: lun for lun in estate.luns}
    datastores, luns = [], []
    for datastore in estate.datastores:
        is_block = not (datastore.kind or "").casefold().startswith(("nfs", "vsan"))
        if datastore.shared and is_block and hosts & set(datastore.hosts):
            datastore = replace(datastore, luns=datastore.luns or (f"{datastore.name[:245]} lun",))
            luns += [
                replace(known.get(name) or Lun(name=name), controllers=controllers) for name in datastore.luns
            ]
        datastores.append(datastore)
    return tuple(datastores), luns


def _crossed(
    paths: Iterable[Path], hosts: dict[str, Host], luns: Sequence[Lun], controllers: Sequence[str]
) -> tuple[Path, ...]:
    """Say of the paths reported that those of one HBA end at both controllers in turn."""
    names = {lun.name for lun in luns}
    seen: dict[tuple[str, str, str], int] = {}
    changed = []
    for path in sorted(paths, key=lambda one: (one.host, one.lun, one.name)):
        if path.host in hosts and path.lun in names:
            device = path.hba or path.name.partition(":")[0]
            place = seen[path.host, path.lun, device] = seen.get((path.host, path.lun, device), -1) + 1
            fabric = next((hba.fabric for hba in hosts[path.host].hbas if hba.device == device), None)
            path = replace(path, hba=device, fabric=fabric, controller=controllers[place % len(controllers)])
        changed.append(path)
    return tuple(changed)


# -- network


def _with_uplinks(host: Host) -> Host:
    """Give a host without a pair of uplinks two of them, on a card each."""
    if any(len(used) > 1 for used in _by_switch(host)):
        return host
    switch = next((nic.switch for nic in host.nics if nic.switch), "vSwitch0")
    new = [
        Nic(device=f"vmnic{n}", switch=switch, up=True, speed_mbit=NIC_MBIT, card=f"nic{n}") for n in range(4)
    ]
    missing = [nic for nic in new if nic.device not in {old.device for old in host.nics}]
    wanted = max(0, 2 - sum(nic.switch == switch for nic in host.nics))
    return replace(host, nics=tuple(sorted((*host.nics, *missing[:wanted]), key=lambda nic: nic.device)))


def _by_switch(host: Host) -> list[list[Nic]]:
    found: dict[str, list[Nic]] = {}
    for nic in host.nics:
        if nic.switch is not None:
            found.setdefault(nic.switch, []).append(nic)
    return list(found.values())


def _virtual(estate: Estate, hosts: Sequence[Host]) -> list[Switch]:
    known = {switch.name for switch in estate.switches}
    wanted = {nic.switch for host in hosts for nic in host.nics if nic.switch} - known
    return [
        Switch(
            name=name, hosts=tuple(host.name for host in hosts if any(n.switch == name for n in host.nics))
        )
        for name in sorted(wanted)
    ]


def _with_networks(estate: Estate, cluster: str, hosts: Sequence[Host]) -> tuple[PortGroup, ...]:
    """Add management and vMotion where no port group of the hosts has these roles."""
    switches = {nic.switch for host in hosts for nic in host.nics if nic.switch}
    roles = {role for group in estate.port_groups if group.switch in switches for role in group.roles}
    used = {network for vm in estate.vms_of(cluster) for network in vm.networks}
    listed = {group.name for group in estate.port_groups}
    first = min(switches, default=None)
    names = tuple(host.name for host in hosts)
    new = [
        PortGroup(name=f"{cluster}-{role}", switch=first, hosts=names, roles=(role,))
        for role in ("management", "vmotion")
        if role not in roles
    ]
    new += [
        PortGroup(name=name, switch=first, hosts=names, roles=("vm",))
        for name in sorted(used - listed)
        if name
    ]
    return (*estate.port_groups, *(group for group in new if group.name not in listed))


# -- rows


def _with(rows: Sequence[Row], new: Iterable[Row]) -> tuple[Row, ...]:
    """Give the rows with new ones in the place of those of the same name."""
    return tuple({row.name: row for row in (*rows, *new)}.values())


def _changed(hosts: Sequence[Host], new: Iterable[Host]) -> tuple[Host, ...]:
    changed = {host.name: host for host in new}
    return tuple(changed.get(host.name, host) for host in hosts)


def _linked(links: Sequence[Link], new: Iterable[Link]) -> tuple[Link, ...]:
    """Give the cables with new ones; a port that is plugged in anew leaves its old place."""
    added = list({(link.a, link.b): link for link in new}.values())
    moved = {link.a for link in added if link.a.startswith(("host:", "port:"))}
    known = {(link.a, link.b) for link in added}
    kept = [
        link
        for link in links
        if link.a not in moved and link.b not in moved and (link.a, link.b) not in known
    ]
    return (*kept, *added)

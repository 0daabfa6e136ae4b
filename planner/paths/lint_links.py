"""Rules about bundles of links, ports that many share, and disks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from planner.estate import Estate
from planner.paths.lint_rules import Finding, found
from planner.paths.wiring import Wiring

FAN_IN: Final = 5.0  # IBM, SAN best practices: 4 to 1 for Unix hosts, 5 to 1 for Windows hosts
PEER_LINKS: Final = 2
UNMIRRORED: Final = frozenset({"none", "0"})
BUNDLED: Final = frozenset({"slow", "fast", "on"})


def bundles(estate: Estate, wiring: Wiring) -> Iterator[Finding]:
    """Look at bundles that end at two switches, and at the links between the two."""
    partner = {switch.name: switch.stack or switch.mlag for switch in estate.switches}
    bundled = {
        switch.name for switch in estate.switches if switch.lacp in BUNDLED and switch.kind != "physical"
    }
    for host in estate.hosts:
        ends: dict[str, set[str]] = defaultdict(set)
        for nic in host.nics:
            if nic.switch in bundled and nic.up is not False:
                port = wiring.number("nic", f"{host.name}/{nic.device}")
                at = wiring.switch_of.get(port, ())
                ends[str(nic.switch)].update(wiring.components[switch].name for switch in at)
        for at_switches in ends.values():
            names = sorted(at_switches)
            partners = {partner.get(name) for name in names}
            if len(names) > 1 and (len(partners) > 1 or None in partners):
                yield found("lacp-without-mlag", host.name, first=names[0], second=names[1])
    yield from _peer_links(estate)


def _peer_links(estate: Estate) -> Iterator[Finding]:
    pairs: dict[str, set[str]] = defaultdict(set)
    for switch in estate.switches:
        if switch.mlag is not None:
            pairs[switch.mlag].add(f"switch:{switch.name}")
    for name, ends in sorted(pairs.items()):
        count = sum(link.a in ends and link.b in ends for link in estate.links)
        if len(ends) > 1 and count < PEER_LINKS:
            yield found("mlag-peer-link", name, count=count)


def fan_in(estate: Estate) -> Iterator[Finding]:
    """Count the HBAs that share the controller ports of each fabric."""
    hbas: dict[str, int] = defaultdict(int)
    ports: dict[str, int] = defaultdict(int)
    for host in estate.hosts:
        for hba in host.hbas:
            if hba.fabric is not None:
                hbas[hba.fabric] += 1
    for controller in estate.controllers:
        for port in controller.ports:
            if port.fabric is not None:
                ports[port.fabric] += 1
    for fabric, count in sorted(hbas.items()):
        if ports.get(fabric) and count > FAN_IN * ports[fabric]:
            ratio = round(count / ports[fabric], 1)
            yield found("port-fan-in", fabric, hosts=count, ports=ports[fabric], ratio=ratio)


def raid(estate: Estate) -> Iterator[Finding]:
    """Name the groups of disks that outlive no disk."""
    for group in estate.raid_groups:
        if group.level in UNMIRRORED:
            yield found("raid-no-redundancy", group.name)

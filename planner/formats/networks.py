"""vSwitch, dvSwitch, vPort and dvPort -> switches and port groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from planner.estate import Host, PortGroup, Switch
from planner.formats import limits
from planner.formats.findings import Findings
from planner.formats.storage import names_in
from planner.formats.table import Table, read_of
from planner.formats.text import shortened

LACP_MODES: Final = frozenset({"active", "passive"})  # vim: LacpGroupConfig.mode


class _Port(Struct, frozen=True):
    """One row about a port group: the host it was seen on, its switch and VLAN."""

    host: str | None
    switch: str | None
    vlan: str | None
    policy: str | None = None
    active: str | None = None
    standby: str | None = None


def switches(
    standard: Table | None, distributed: Table | None, hosts: Sequence[Host], findings: Findings
) -> tuple[Switch, ...]:
    """Build the virtual switches.

    A standard switch belongs to one host; those of one name (vSwitch0) are one row with all their hosts.
    Uplinks are written `host/device`, from the switch that each host's port names.
    """
    uplinks: dict[str, set[str]] = defaultdict(set)
    members: dict[str, set[str]] = defaultdict(set)
    for host in hosts:
        for nic in host.nics:
            if nic.switch:
                uplinks[nic.switch].add(shortened(f"{host.name}/{nic.device}"))
                members[nic.switch].add(host.name)
    built = {switch.name: switch for switch in _distributed(distributed, uplinks, members, findings)}
    for switch in _standard(standard, uplinks, findings):
        if switch.name in built:
            findings.warn(
                "A standard and a distributed switch are both called {switch}; the distributed one is kept",
                sheet="vSwitch",
                column="Switch",
                switch=switch.name,
            )
            continue
        built[switch.name] = switch
    return tuple(built.values())


def port_groups(
    standard: Table | None, distributed: Table | None, findings: Findings
) -> tuple[PortGroup, ...]:
    """Build the port groups; those of one name on several hosts are one.

    Where their switch or VLAN differs it is unknown, with a warning.
    """
    ports: dict[str, list[_Port]] = defaultdict(list)
    for table in (standard, distributed):
        if table is None:
            continue
        hosts = table.texts("host")
        names = table.texts("port_group")
        columns = [table.texts(field) for field in ("switch", "vlan", "policy")]
        columns += [
            table.texts(field) if field in table else [None] * len(names) for field in ("active", "standby")
        ]
        for name, host, *rest in zip(names, hosts, *columns, strict=True):
            if name:
                ports[name].append(_Port(host, *rest))
        findings.sheet_read(read_of(table, names.count(None)))
    return tuple(_port_group(name, seen, findings) for name, seen in sorted(ports.items()))


def _port_group(name: str, seen: list[_Port], findings: Findings) -> PortGroup:
    for column, values in (
        ("Switch", {port.switch for port in seen}),
        ("VLAN", {port.vlan for port in seen}),
    ):
        if len(values) > 1:
            findings.warn(
                "The port group {port_group} differs between hosts in its {column}; it counts as unknown",
                sheet="vPort",
                column=column,
                port_group=name,
            )
    return PortGroup(
        name=name,
        switch=_only(port.switch for port in seen),
        vlan=_only(port.vlan for port in seen),
        hosts=tuple(sorted({port.host for port in seen if port.host})),
        active=names_in(_only(port.active for port in seen)),
        standby=names_in(_only(port.standby for port in seen)),
        teaming=_only(port.policy for port in seen),
    )


def _only(values: Iterable[str | None]) -> str | None:
    """Give the one value that all agree on."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _distributed(
    table: Table | None, uplinks: dict[str, set[str]], members: dict[str, set[str]], findings: Findings
) -> Iterable[Switch]:
    if table is None:
        return ()
    names = table.texts("switch")
    listed, mtus = table.texts("hosts"), table.counts("mtu", *limits.COUNT)
    bundles = table.texts("lacp")
    findings.sheet_read(read_of(table, names.count(None)))
    return [
        Switch(
            name=name,
            kind="distributed",
            mtu=mtu,
            # Some exports count the members here instead of naming them.
            hosts=tuple(sorted({*members[name], *(host for host in names_in(text) if not host.isdigit())})),
            uplinks=tuple(sorted(uplinks[name])),
            lacp="on" if (bundle or "").casefold() in LACP_MODES else None,  # the rate is in no export
        )
        for name, text, mtu, bundle in zip(names, listed, mtus, bundles, strict=True)
        if name
    ]


def _standard(table: Table | None, uplinks: dict[str, set[str]], findings: Findings) -> Iterable[Switch]:
    if table is None:
        return ()
    names = table.texts("switch")
    hosts, mtus = table.texts("host"), table.counts("mtu", *limits.COUNT)
    gathered: dict[str, set[str]] = defaultdict(set)
    sizes: dict[str, set[int | None]] = defaultdict(set)
    for name, host, mtu in zip(names, hosts, mtus, strict=True):
        if name:
            gathered[name] |= {host} if host else set()
            sizes[name].add(mtu)
    findings.sheet_read(read_of(table, names.count(None)))
    for name, differing in sorted(sizes.items()):
        if len(differing) > 1:
            findings.warn(
                "The hosts give the switch {switch} different MTUs; it counts as unknown",
                sheet=table.name,
                column="MTU",
                switch=name,
            )
    return [
        Switch(
            name=name,
            mtu=next(iter(sizes[name])) if len(sizes[name]) == 1 else None,
            hosts=tuple(sorted(members)),
            uplinks=tuple(sorted(uplinks[name])),
        )
        for name, members in sorted(gathered.items())
    ]

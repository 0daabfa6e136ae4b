"""The crossed design has no single point of failure; each mistake made in it is found by its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from planner.estate import Estate, Feed, Host, Link, Path, PortGroup
from planner.paths.designs import DESIGNS, lay
from planner.paths.report import examine
from tests.planner.paths.wired import CLUSTER, plain, reference

Mistake = Callable[[Estate], Estate]


def on(estate: Estate, name: str, change: Callable[[Host], Host]) -> Estate:
    hosts = tuple(change(host) if host.name == name else host for host in estate.hosts)
    return replace(estate, hosts=hosts)


def replug(estate: Estate, end: str, switch: str) -> Estate:
    links = tuple(Link(a=link.a, b=switch) if link.a == end else link for link in estate.links)
    return replace(estate, links=links).sorted()


def both_hbas_in_one_fabric(estate: Estate) -> Estate:
    estate = on(
        estate,
        "esx1",
        lambda host: replace(host, hbas=tuple(replace(hba, fabric="prod-fabric-a") for hba in host.hbas)),
    )
    return replug(estate, "host:esx1/vmhba3", "switch:prod-san-a")


def one_hba(estate: Estate) -> Estate:
    return on(estate, "esx2", lambda host: replace(host, hbas=host.hbas[:1]))


def both_hbas_on_one_card(estate: Estate) -> Estate:
    return on(
        estate, "esx1", lambda host: replace(host, hbas=tuple(replace(hba, card="c0") for hba in host.hbas))
    )


def both_uplinks_on_one_switch(estate: Estate) -> Estate:
    return replug(estate, "host:esx3/vmnic1", "switch:prod-tor-a")


def both_uplinks_on_one_card(estate: Estate) -> Estate:
    return on(
        estate, "esx3", lambda host: replace(host, nics=tuple(replace(nic, card="n0") for nic in host.nics))
    )


def one_uplink_active(estate: Estate) -> Estate:
    groups = tuple(
        replace(group, active=("vmnic0",)) if "vmotion" in group.roles else group
        for group in estate.port_groups
    )
    return replace(estate, port_groups=groups)


def both_power_supplies_on_one_feed(estate: Estate) -> Estate:
    return on(
        estate,
        "esx4",
        lambda host: replace(host, psus=tuple(replace(psu, feed="prod-feed-a") for psu in host.psus)),
    )


def fabric_switches_on_one_feed(estate: Estate) -> Estate:
    switches = tuple(
        replace(switch, feeds=("prod-feed-a",)) if switch.fabric else switch for switch in estate.switches
    )
    return replace(estate, switches=switches)


def both_feeds_behind_one_ups(estate: Estate) -> Estate:
    feeds = tuple(replace(feed, upstream=("ups",)) for feed in estate.feeds)
    return replace(estate, feeds=(*feeds, Feed(name="ups", kind="ups"))).sorted()


def both_switches_in_one_stack(estate: Estate) -> Estate:
    switches = tuple(
        replace(switch, stack="stack1") if "tor" in switch.name else switch for switch in estate.switches
    )
    return replace(estate, switches=switches)


def one_controller_gives_everything(estate: Estate) -> Estate:
    luns = tuple(replace(lun, controllers=("prod-controller-a",)) for lun in estate.luns)
    return replace(estate, luns=luns)


def both_fabric_switches_in_one_rack(estate: Estate) -> Estate:
    switches = tuple(replace(switch, rack="r3") if switch.fabric else switch for switch in estate.switches)
    return replace(estate, switches=switches)


def all_hosts_in_one_rack(estate: Estate) -> Estate:
    return replace(estate, hosts=tuple(replace(host, rack="r1") for host in estate.hosts))


MISTAKES: list[tuple[Mistake, tuple[str, str], str | None]] = [
    (both_hbas_in_one_fabric, ("fabric", "prod-fabric-a"), "paths-one-fabric"),
    (one_hba, ("hba", "esx2/vmhba2"), "hba-single"),
    (both_hbas_on_one_card, ("card", "esx1/c0"), "hbas-one-card"),
    (both_uplinks_on_one_switch, ("switch", "prod-tor-a"), "uplinks-one-switch"),
    (both_uplinks_on_one_card, ("card", "esx3/n0"), "uplinks-one-card"),
    (one_uplink_active, ("nic", "esx1/vmnic0"), "uplink-single"),
    (both_power_supplies_on_one_feed, ("feed", "prod-feed-a"), "power-one-feed"),
    (fabric_switches_on_one_feed, ("feed", "prod-feed-a"), "power-one-feed"),
    (both_feeds_behind_one_ups, ("feed", "ups"), None),
    (both_switches_in_one_stack, ("stack", "stack1"), "stack-shared"),
    (one_controller_gives_everything, ("controller", "prod-controller-a"), "controller-owns-all-paths"),
    (both_fabric_switches_in_one_rack, ("rack", "r3"), None),
    (all_hosts_in_one_rack, ("rack", "r1"), "one-rack"),
]


def test_the_crossed_design_has_no_single_point_of_failure_and_nothing_unknown() -> None:
    report = examine(reference())
    assert report.single_points == ()
    assert report.unknown == ()
    assert report.lint == ()
    assert {standing.proof for standing in report.standings} == {"redundant"}


@pytest.mark.parametrize(
    ("mistake", "component", "rule"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_mistake_is_found_by_name(mistake: Mistake, component: tuple[str, str], rule: str | None) -> None:
    report = examine(mistake(reference()))
    assert component in {(point.kind, point.component) for point in report.single_points}
    assert rule is None or rule in {finding.id for finding in report.lint}


@pytest.mark.parametrize(
    ("mistake", "component", "rule"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_mistake_adds_single_points_and_takes_none_away(
    mistake: Mistake, component: tuple[str, str], rule: str | None
) -> None:
    worse = both_hbas_on_one_card(reference())
    before = {(point.kind, point.component) for point in examine(worse).single_points}
    after = {(point.kind, point.component) for point in examine(mistake(worse)).single_points}
    gone = {("card", "esx1/c0")} if mistake is one_hba else set()
    assert before - gone <= after


def test_an_estate_about_which_nothing_is_said_is_unknown_and_never_redundant() -> None:
    report = examine(plain())
    assert report.single_points == ()
    assert {standing.proof for standing in report.standings} == {"unknown"}
    assert len(report.unknown) == len(report.standings) > 0


def test_a_way_through_an_unknown_fabric_proves_nothing() -> None:
    estate = on(
        reference(),
        "esx1",
        lambda host: replace(host, hbas=tuple(replace(hba, fabric=None) for hba in host.hbas)),
    )
    paths = tuple(
        Path(host="esx1", lun="ds1 lun", name=f"vmhba{n}:C0:T{t}:L1", state="active", datastore="ds1")
        for n in (2, 3)
        for t in (0, 1)
    )
    links = tuple(link for link in estate.links if not link.a.startswith("host:esx1/vmhba"))
    report = examine(replace(estate, links=links, paths=paths))
    storage = next(
        one
        for one in report.standings
        if (one.name, one.service, one.targets) == ("esx1", "storage", ("ds1",))
    )
    assert storage.proof == "unknown"
    assert storage.layers == {
        "hba": "redundant",
        "card": "redundant",
        "fabric": "unknown",
        "controller": "unknown",
    }


def test_a_dead_path_is_no_way_and_is_told() -> None:
    paths = tuple(
        Path(host="esx1", lun="ds1 lun", name=f"vmhba{n}:C0:T{t}:L1", state=state)
        for n, state in ((2, "active"), (3, "dead"))
        for t in (0, 1)
    )
    report = examine(replace(reference(), paths=paths))
    assert "esx1/vmhba2" in {point.component for point in report.single_points}
    assert "path-dead" in {finding.id for finding in report.lint}


def test_an_unplugged_spare_nic_is_no_lost_path() -> None:
    def with_spare(host: Host) -> Host:
        return replace(host, nics=(*host.nics, replace(host.nics[0], device="vmnic9", switch=None, up=False)))

    estate = reference()
    report = examine(replace(estate, hosts=tuple(with_spare(host) for host in estate.hosts)))
    assert report.lint == ()
    assert report.single_points == ()


def test_an_uplink_without_a_link_is_told_and_counts_for_nothing() -> None:
    def unplug(host: Host) -> Host:
        return replace(host, nics=(replace(host.nics[0], up=False), *host.nics[1:]))

    report = examine(on(reference(), "esx1", unplug))
    assert {"uplink-down", "uplink-single"} <= {finding.id for finding in report.lint}


def test_a_vm_is_named_among_those_a_single_point_cuts_off() -> None:
    report = examine(one_hba(reference()))
    point = next(point for point in report.single_points if point.component == "esx2/vmhba2")
    vms = {cut.name for cut in point.cuts if cut.kind == "vm"}
    assert vms == {vm.name for vm in reference().vms if vm.host == "esx2"}


@pytest.mark.parametrize("design", DESIGNS)
def test_a_design_laid_twice_is_laid_once(design: str) -> None:
    once = lay(reference(), CLUSTER, design)  # type: ignore[arg-type]
    assert lay(once, CLUSTER, design) == once  # type: ignore[arg-type]


def test_a_stretched_cluster_outlives_either_site() -> None:
    report = examine(lay(reference(), CLUSTER, "stretched"))
    assert report.single_points == ()
    assert report.lint == ()
    sites = {pair.components for pair in report.pairs if pair.kinds == ("site", "site")}
    assert sites == {("prod-site-a", "prod-site-b")}


def test_a_stretched_cluster_wants_its_witness_in_a_third_site() -> None:
    estate = lay(reference(), CLUSTER, "stretched")

    def rules(witness: str | None) -> set[str]:
        clusters = tuple(replace(one, witness_site=witness) for one in estate.clusters)
        return {finding.id for finding in examine(replace(estate, clusters=clusters)).lint}

    assert rules(None) == {"stretched-no-witness"}
    assert rules("prod-site-a") == {"witness-beside-data"}


def test_rules_about_rates_and_links() -> None:
    estate = reference()
    switches = tuple(
        replace(switch, lacp="slow") if switch.name == "prod-tor-a" else switch for switch in estate.switches
    )
    groups = (
        *estate.port_groups,
        PortGroup(name="ft", switch="vSwitch0", hosts=("esx1",), roles=("ft-logging",)),
    )
    hosts = tuple(
        replace(host, nics=tuple(replace(nic, speed_mbit=1000) for nic in host.nics)) for host in estate.hosts
    )
    links = (*estate.links, Link(a="switch:prod-san-a", b="switch:prod-san-b"))
    changed = replace(estate, switches=switches, port_groups=groups, hosts=hosts, links=links).sorted()
    assert {finding.id for finding in examine(changed).lint} == {
        "lacp-slow",
        "ft-logging-slow",
        "fabrics-joined",
    }

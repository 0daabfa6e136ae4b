"""What is left to carry the load; rules about bundles, ports and disks; adapters that are programs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from planner.blast import blast
from planner.estate import Estate, Hba, Link, Path, PortGroup, RaidGroup
from planner.paths.load import Load
from planner.paths.report import examine
from tests.planner.paths.wired import reference


def measured(estate: Estate) -> Estate:
    """Speeds of ports and what every VM asks for."""
    return replace(
        estate,
        hosts=tuple(
            replace(host, hbas=tuple(replace(hba, speed_mbit=16_000) for hba in host.hbas))
            for host in estate.hosts
        ),
        controllers=tuple(
            replace(
                one,
                iops_max=1000.0,
                ports=tuple(replace(port, speed_mbit=32_000) for port in one.ports),
            )
            for one in estate.controllers
        ),
        vms=tuple(
            replace(vm, network_demand_mbit=20_000.0, disk_demand_mbit=100.0, iops_demand=150.0)
            for vm in estate.vms
        ),
    ).sorted()


def loads(estate: Estate, *failed: str) -> dict[tuple[str, str], Load]:
    found = blast(estate, failed, vcpu_per_core=4.0, with_admission=False)
    return {(load.about, load.name): load for load in found.loads}


def test_half_the_ports_carry_half_and_too_little_is_said() -> None:
    found = loads(measured(reference()), "prod-tor-a", "prod-san-a")
    network = found["host-network", "esx1"]
    assert (network.parts_left, network.parts_before, network.capacity_left) == (1, 2, 25_000.0)
    assert network.asked == 40_000.0
    assert network.is_short
    storage = found["host-storage", "esx1"]
    assert (storage.capacity_before, storage.capacity_left, storage.asked) == (32_000.0, 16_000.0, 200.0)
    assert storage.share_left == pytest.approx(200 / 16_000)
    assert not blast(measured(reference()), ["prod-tor-a"], vcpu_per_core=4.0).harmless


def test_one_controller_left_is_asked_for_all_the_iops_and_its_ports_are_shared_by_twice_as_many() -> None:
    found = loads(measured(reference()), "prod-controller-a")
    iops = found["controller-iops", "prod-array"]
    assert (iops.capacity_before, iops.capacity_left, iops.asked) == (2000.0, 1000.0, 1200.0)
    assert iops.is_short
    ports = found["fan-in", "prod-fabric-a"]
    assert (ports.ratio_before, ports.ratio_left) == (2.0, 4.0)


def test_what_nobody_measured_is_not_known_and_never_zero() -> None:
    network = loads(reference(), "prod-tor-a")["host-network", "esx1"]
    assert (network.asked, network.share_left, network.is_short) == (None, None, False)
    half = replace(
        measured(reference()),
        vms=tuple(
            replace(vm, network_demand_mbit=None if place else 5.0)
            for place, vm in enumerate(reference().vms)
        ),
    )
    assert loads(half, "prod-tor-a")["host-network", "esx1"].asked is None


def test_a_lost_link_between_switches_raises_what_the_rest_is_shared_by() -> None:
    estate = reference()
    out = tuple(
        replace(link, speed_mbit=100_000) if link.a.startswith("switch:") else link for link in estate.links
    )
    found = loads(replace(estate, links=out).sorted(), "isl:prod-tor-a -- prod-tor-b")
    uplinks = found["uplinks", "prod-tor-a"]
    assert (uplinks.ratio_before, uplinks.ratio_left) == (0.5, 1.0)


def test_nothing_failed_in_a_fabric_narrows_nothing_of_the_network() -> None:
    assert not any(about == "host-network" for about, _ in loads(reference(), "prod-san-a"))


# -- rules


def rules(estate: Estate) -> set[str]:
    return {finding.id for finding in examine(estate).lint}


def bundled(estate: Estate, lacp: str = "fast") -> Estate:
    return replace(
        estate,
        switches=tuple(
            replace(switch, lacp=lacp) if switch.kind != "physical" else switch for switch in estate.switches
        ),
    )


def paired(estate: Estate, **fields: str) -> Estate:
    return replace(
        estate,
        switches=tuple(
            replace(switch, **fields) if "tor" in switch.name else switch for switch in estate.switches
        ),
    )


def test_a_bundle_to_two_switches_wants_a_stack_or_an_mlag_pair() -> None:
    assert "lacp-without-mlag" not in rules(reference())
    assert "lacp-without-mlag" in rules(bundled(reference()))
    assert "lacp-without-mlag" not in rules(bundled(reference(), "off"))
    assert "lacp-without-mlag" not in rules(paired(bundled(reference()), mlag="pair"))
    assert "lacp-without-mlag" not in rules(paired(bundled(reference()), stack="s"))


def test_an_mlag_pair_shares_nothing_and_wants_two_peer_links() -> None:
    pair = paired(reference(), mlag="pair")
    assert examine(pair).single_points == ()
    assert "mlag-peer-link" in rules(pair)
    second = Link(a="switch:prod-tor-b", b="switch:prod-tor-a")
    assert "mlag-peer-link" not in rules(replace(pair, links=(*pair.links, second)).sorted())


def test_many_hosts_on_few_ports_are_noted() -> None:
    assert "port-fan-in" not in rules(reference(hosts=4))
    assert "port-fan-in" in rules(reference(hosts=12))


def with_raid(estate: Estate, level: str | None) -> Estate:
    return replace(
        estate,
        raid_groups=(RaidGroup(name="rg1", array="prod-array", level=level, disks=8),),  # type: ignore[arg-type]
        luns=tuple(replace(lun, raid_group="rg1") for lun in estate.luns),
    )


def test_disks_without_mirror_or_parity_are_said_and_take_their_datastores_with_them() -> None:
    for level, is_bad in (("none", True), ("0", True), ("5", False), ("10", False), (None, False)):
        assert ("raid-no-redundancy" in rules(with_raid(reference(), level))) is is_bad
    found = blast(with_raid(reference(), "5"), ["rg1"], vcpu_per_core=4.0)
    assert {one.name for one in found.down} >= {"rg1", "ds1", "ds2"}
    assert found.count("stops") == 8
    assert examine(with_raid(reference(), "5")).single_points == ()


# -- software iSCSI


def over_ip(uplinks: tuple[str, ...] = ("vmnic0", "vmnic1"), storage: bool = True) -> Estate:
    """The reference with software iSCSI in the place of its HBAs, over the uplinks named."""
    estate = reference()
    adapter = Hba(device="vmhba64", kind="iSCSI", model="iSCSI Software Adapter", status="Online")
    hosts = tuple(replace(host, hbas=(adapter,)) for host in estate.hosts)
    names = tuple(host.name for host in hosts)
    group = PortGroup(name="iscsi", switch="vSwitch0", hosts=names, roles=("storage",), active=uplinks)
    links = tuple(link for link in estate.links if "vmhba" not in link.a)
    at = {"p0": "switch:prod-tor-a", "p1": "switch:prod-tor-b"}
    links = tuple(
        replace(link, b=at[link.a.rpartition("/")[2]]) if link.a.startswith("port:") else link
        for link in links
    )
    paths = tuple(
        Path(host=name, lun=lun.name, name=f"vmhba64:C{n}:T0:L0", state="active", controller=controller)
        for name in names
        for lun in estate.luns
        for n, controller in enumerate(lun.controllers)
    )
    groups = (*estate.port_groups, *((group,) if storage else ()))
    return replace(estate, hosts=hosts, links=links, paths=paths, port_groups=groups).sorted()


def storage_of(estate: Estate) -> tuple[str, dict[str, str]]:
    (one,) = [s for s in examine(estate).standings if (s.name, s.service) == ("esx1", "storage")]
    return one.proof, dict(one.layers)


def test_a_software_adapter_is_as_redundant_as_the_uplinks_under_it() -> None:
    proof, layers = storage_of(over_ip())
    assert (proof, set(layers.values())) == ("redundant", {"redundant"})
    assert examine(over_ip()).single_points == ()
    proof, layers = storage_of(over_ip(uplinks=("vmnic0",)))
    assert proof == "single"
    points = {(point.kind, point.component) for point in examine(over_ip(uplinks=("vmnic0",))).single_points}
    assert {("nic", "esx1/vmnic0"), ("switch", "prod-tor-a")} <= points
    assert not any(kind == "hba" for kind, _ in points)


def test_a_software_adapter_over_nobody_knows_what_is_unknown() -> None:
    proof, layers = storage_of(over_ip(storage=False))
    assert proof == "unknown"
    assert layers["hba"] == "unknown"

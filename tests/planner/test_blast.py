"""What becomes of VMs, services and clusters when components fail."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from planner.blast import Blast, blast
from planner.estate import Estate, EstateError
from planner.paths.report import examine
from tests.planner.paths.test_reference_design import one_hba
from tests.planner.paths.wired import reference


def hit(estate: Estate, *failed: str) -> Blast:
    return blast(estate, failed, vcpu_per_core=4.0)


def fates(found: Blast) -> dict[str, str]:
    return {vm.name: vm.fate for vm in found.vms}


def test_ha_restarts_the_vms_of_a_host_that_fails_and_the_rest_carries_them() -> None:
    found = hit(reference(), "esx1")
    assert fates(found) == {vm.name: "restarts" for vm in reference().vms if vm.host == "esx1"}
    (cluster,) = found.clusters
    assert (cluster.hosts_before, cluster.hosts_left, cluster.carried) == (4, 3, True)
    assert found.harmless


def test_without_ha_they_stop_and_where_nobody_told_they_wait() -> None:
    for enabled, fate in ((False, "stops"), (None, "waits")):
        estate = reference()
        estate = replace(estate, clusters=tuple(replace(one, ha_enabled=enabled) for one in estate.clusters))
        assert set(fates(hit(estate, "esx1")).values()) == {fate}


def test_a_fabric_that_fails_stops_nobody_and_leaves_everybody_without_a_reserve() -> None:
    found = hit(reference(), "prod-fabric-a")
    assert set(fates(found).values()) == {"loses-reserve"}
    assert len(found.vms) == len(reference().vms)
    assert not found.lost
    storage = next(one for one in found.weakened if one.cut.service == "storage")
    assert (storage.ways_before, storage.ways_left) == (4, 2)
    assert "prod-fabric-b" in storage.now_single


def test_both_fabrics_take_everybody_s_storage() -> None:
    found = hit(reference(), "prod-fabric-a", "prod-san-b")
    assert set(fates(found).values()) == {"stops"}
    assert not found.harmless


def test_every_single_point_stops_or_blinds_what_it_is_said_to_cut_off() -> None:
    estate = one_hba(reference())
    for point in examine(estate).single_points:
        found = hit(estate, f"{point.kind}:{point.component}")
        hosts = {(cut.name, cut.service, cut.targets) for cut in point.cuts if cut.kind == "host"}
        assert hosts <= {(one.cut.name, one.cut.service, one.cut.targets) for one in found.lost}


def test_every_pair_cuts_off_and_neither_half_does() -> None:
    estate = reference(hosts=2, vms=2)
    for pair in examine(estate).pairs:
        cuts = {(cut.name, cut.service) for cut in pair.cuts if cut.kind == "host"}
        if not cuts:
            continue
        names = [f"{kind}:{name}" for kind, name in zip(pair.kinds, pair.components, strict=True)]

        def lost(*failed: str) -> set[tuple[str, str]]:
            found = hit(estate, *failed)
            down = {(one.name, cut) for one in found.down for _, cut in cuts}  # noqa: B023
            return {(one.cut.name, one.cut.service) for one in found.lost} | down

        assert cuts <= lost(*names)
        assert not cuts <= lost(names[0])
        assert not cuts <= lost(names[1])


def test_a_vm_cut_off_from_storage_restarts_where_storage_is() -> None:
    found = hit(one_hba(reference()), "esx2/vmhba2")
    assert set(fates(found).values()) == {"restarts"}
    assert {vm.host for vm in found.vms} == {"esx2"}


def test_the_speed_that_is_left_is_told() -> None:
    found = hit(reference(), "prod-tor-a")
    network = next(one for one in found.weakened if one.cut.service == "vm")
    assert (network.mbit_before, network.mbit_left) == (50_000, 25_000)


def test_an_ft_pair_fails_over() -> None:
    estate = reference()
    primary, secondary, *others = estate.vms
    pair = (
        replace(primary, ft="primary", uuid="u1", host="esx1"),
        replace(secondary, ft="secondary", uuid="u1", host="esx2"),
    )
    found = hit(replace(estate, vms=(*pair, *others)), "esx1")
    assert fates(found)[primary.name] == "fails-over"


def test_more_lost_than_carried_is_told() -> None:
    found = hit(reference(vms=200), "esx1", "esx2", "esx3")
    (cluster,) = found.clusters
    assert cluster.carried is False
    assert cluster.refused
    assert not found.harmless


def test_names_that_are_none_or_several_are_refused() -> None:
    with pytest.raises(EstateError, match="no component 'nix'"):
        hit(reference(), "nix")
    estate = reference()
    twin = replace(estate, racks=(*estate.racks, replace(estate.racks[0], name="esx1"))).sorted()
    with pytest.raises(EstateError, match="write one of: rack:esx1, host:esx1"):
        hit(twin, "esx1")
    with pytest.raises(EstateError, match="names no component"):
        hit(estate)

"""Edits by hand: what they change, what they refuse, and that they outlive an import."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from planner.estate import Estate, EstateError
from planner.paths.amend import EDIT_KINDS, Edit, EditError, amend, check_edit, ends_of, rows_of, values_of
from planner.paths.report import examine
from tests.planner.paths.wired import plain, reference


def edited(estate: Estate, *edits: tuple[str, str, dict[str, object] | None]) -> Estate:
    for kind, name, values in edits:
        estate = check_edit(estate, Edit(kind=kind, name=name, values=values))  # type: ignore[arg-type]
    return estate


def test_every_kind_can_be_put_changed_and_taken_away() -> None:
    estate = reference()
    new: dict[str, str] = {"psu": "esx1/psu9", "nic": "esx1/vmnic9", "hba": "esx1/vmhba9"}
    new |= {"port": "prod-controller-a/p9", "link": "host:esx1/vmnic9 -- switch:prod-tor-a"}
    new |= {"tier": "shop/web"}
    for kind in EDIT_KINDS:
        if kind == "host":
            continue
        name = new.get(kind, "new")
        estate = edited(estate, (kind, name, {"vms": ["vm0"]} if kind == "tier" else {}))
        assert name in [known for known, _ in rows_of(estate, kind)], kind
        row = dict(rows_of(estate, kind))[name]
        assert edited(estate, (kind, name, values_of(kind, row))) == estate
    for kind in reversed(EDIT_KINDS):
        if kind != "host":
            estate = edited(estate, (kind, new.get(kind, "new"), None))
    assert estate == reference()


def test_a_design_drawn_by_hand_is_as_redundant_as_the_one_laid_on() -> None:
    wired = reference()
    before = plain()
    edits = [Edit(kind="fabric", name=fabric.name, values={}) for fabric in wired.fabrics]
    for kind in ("feed", "switch", "controller", "port", "psu", "nic", "hba", "port-group", "lun", "link"):
        edits += [
            Edit(kind=kind, name=name, values=values_of(kind, row)) for name, row in rows_of(wired, kind)
        ]
    stores = tuple(wired.datastores)
    made = amend(replace(before, datastores=stores), edits)
    assert made.idle == ()
    report = examine(made.estate)
    assert report.single_points == ()
    assert report.unknown == ()


def test_what_is_taken_away_is_named_nowhere_any_more() -> None:
    estate = edited(reference(), ("feed", "prod-feed-b", None))
    assert {psu.feed for host in estate.hosts for psu in host.psus} == {"prod-feed-a", None}
    assert all("prod-feed-b" not in switch.feeds for switch in estate.switches)
    points = {point.component for point in examine(estate).single_points}
    assert "prod-feed-a" in points
    estate = edited(reference(), ("controller", "prod-controller-b", None))
    assert {name for lun in estate.luns for name in lun.controllers} == {"prod-controller-a"}
    assert not any("prod-controller-b" in link.a + link.b for link in estate.links)


def test_one_cable_less_is_one_single_point_more() -> None:
    estate = edited(reference(), ("link", "switch:prod-tor-a -- host:esx1/vmnic0", None))
    assert ("nic", "esx1/vmnic1") in {
        (one.kind, one.component) for one in examine(estate).single_points
    } or any(one.name == "esx1" and one.proof != "redundant" for one in examine(estate).standings)


@pytest.mark.parametrize(
    ("kind", "name", "values", "field"),
    [
        ("host", "nobody", {"rack": "r1"}, "name"),
        ("host", "esx1", None, "name"),
        ("host", "esx1", {"rack": "nowhere"}, "rack"),
        ("nic", "nobody/vmnic0", {}, "name"),
        ("nic", "vmnic0", {}, "name"),
        ("nic", "esx1/vmnic0", {"speed_mbit": -1}, "speed_mbit"),
        ("nic", "esx1/vmnic0", {"speed_mbit": "fast"}, "speed_mbit"),
        ("switch", "s", {"lacp": "sometimes"}, "lacp"),
        ("switch", "", {}, "name"),
        ("switch", "x" * 300, {}, "name"),
        ("feed", "f", {"upstream": ["nobody"]}, "upstream"),
        ("rack", "nobody", None, "name"),
        ("link", "switch:prod-tor-a -- switch:nobody", {}, "b"),
        ("link", "switch:prod-tor-a -- switch:prod-tor-a", {}, "b"),
        ("link", "host:esx1/vmnic0 -- host:esx2/vmnic0", {}, "b"),
        ("link", "nonsense", {}, "a"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    kind: str, name: str, values: dict[str, object] | None, field: str
) -> None:
    with pytest.raises(EditError) as refused:
        edited(reference(), (kind, name, values))
    assert refused.value.field == field


def test_feeds_in_a_ring_are_refused() -> None:
    with pytest.raises(EstateError):
        edited(
            reference(),
            ("feed", "u", {"upstream": ["prod-feed-a"]}),
            ("feed", "prod-feed-a", {"upstream": ["u"]}),
        )


def test_edits_of_a_host_that_an_import_took_away_are_idle() -> None:
    edits = [
        Edit(kind="host", name="esx4", values={"rack": "r1"}),
        Edit(kind="psu", name="esx4/psu1", values={}),
        Edit(kind="rack", name="r9", values={}),
    ]
    made = amend(plain(hosts=3), edits)
    assert made.idle == tuple(edits[:2])
    assert "r9" in [rack.name for rack in made.estate.racks]


def test_every_end_of_every_cable_may_be_named() -> None:
    estate = reference()
    assert {end for link in estate.links for end in (link.a, link.b)} <= set(ends_of(estate))


def test_a_service_comes_with_its_first_tier_and_goes_with_its_last() -> None:
    web: dict[str, object] = {"vms": ["vm0", "vm1"], "needed": 1}
    estate = edited(reference(), ("tier", "shop/web", web), ("tier", "shop/db", {"vms": ["vm2"]}))
    (shop,) = estate.services
    assert [(tier.name, tier.vms, tier.needed) for tier in shop.tiers] == [
        ("web", ("vm0", "vm1"), 1),
        ("db", ("vm2",), None),
    ]
    changed = edited(estate, ("tier", "shop/web", {"vms": ["vm0", "vm1"], "needed": 2}))
    assert changed.services[0].tiers[0].needed == 2
    gone = edited(estate, ("tier", "shop/web", None), ("tier", "shop/db", None))
    assert gone == reference()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"vms": ["vm0"], "needed": 2}, "needed"),
        ({"vms": []}, "vms"),
        ({"vms": ["vm0", "vm0"]}, "vms"),
        ({"vms": ["nobody"]}, "vms"),
    ],
)
def test_a_tier_that_contradicts_itself_is_refused_at_its_field(
    values: dict[str, object], field: str
) -> None:
    with pytest.raises(EditError) as caught:
        edited(reference(), ("tier", "shop/web", values))
    assert caught.value.field == field

"""The pages about redundancy of the printed report, and the drawing on them."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np
import pytest
from msgspec.structs import replace

from cluster.exports import pdf
from cluster.exports.beside import Beside
from cluster.exports.redundant import Redundant, page
from planner.availability.report import examine_availability, examine_services
from planner.estate import Estate
from planner.parameters import Parameters
from planner.paths.picture import draw
from planner.paths.report import examine
from planner.quality import Quality, Reading
from planner.report import plan
from planner.service import Service, Tier
from tests.planner.paths.test_reference_design import one_hba
from tests.planner.paths.wired import CLUSTER, plain, reference

MADE_AT = datetime(2026, 11, 28, tzinfo=UTC)


def found(estate: Estate, *, is_old: bool = False) -> Redundant:
    paths = examine(estate)
    chance = np.random.Generator(np.random.PCG64(1))
    return Redundant(
        paths=paths,
        availability=examine_availability(estate, {CLUSTER: 1}, chance, years=0),
        pictures={CLUSTER: draw(estate, CLUSTER, paths)},
        is_old=is_old,
        services=examine_services(estate, {CLUSTER: 1}),
    )


def hostile(estate: Estate) -> Estate:
    """One switch called so that it would be markup, or a control, if anybody let it."""
    name = "<script>&\u202e\x07 tor \ud83d".encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return replace(
        estate,
        switches=tuple(
            replace(switch, name=name) if switch.name == "prod-tor-a" else switch
            for switch in estate.switches
        ),
        links=tuple(
            replace(
                link,
                a=link.a.replace("switch:prod-tor-a", f"switch:{name}"),
                b=link.b.replace("switch:prod-tor-a", f"switch:{name}"),
            )
            for link in estate.links
        ),
    ).sorted()


def test_the_page_names_the_single_points_the_rules_and_the_minutes() -> None:
    told = page(found(one_hba(reference())))
    assert told.verdict.state == "bad"
    assert "esx2/vmhba2" in [row[0] for row in told.points]
    assert "Add a second HBA on another card, to the other fabric" in [row[1] for row in told.rules]
    (cluster,) = told.clusters
    assert len(cluster.rows) == 10
    assert cluster.savings[0][0] == "site home"


def test_services_are_told_with_what_they_need_and_what_costs_most() -> None:
    web = Tier(name="web", vms=("vm0", "vm1"), needed=1)
    shop = Service(name="shop", tiers=(web, Tier(name="db", vms=("vm2",))))
    crm = Service(name="crm", tiers=(Tier(name="app", vms=("vm3", "vm4")),))
    told = page(found(replace(reference(), services=(crm, shop))))
    (one, other) = told.services
    assert one[:2] == ("crm", "app: ? of 2")
    assert "nobody told how many VMs it needs" in one[2]
    assert other[:2] == ("shop", "web: 1 of 2; db: 1 of 1")
    assert other[3].startswith("site home ")


def test_a_sound_design_and_an_unknown_one_are_told_apart() -> None:
    assert page(found(reference())).verdict.state == "ok"
    assert page(found(plain())).verdict.state == "unknown"


@pytest.mark.parametrize(("hosts", "boxes"), [(3, 3), (14, 14), (60, 2)])
def test_many_hosts_are_drawn_as_their_racks(hosts: int, boxes: int) -> None:
    (cluster,) = page(found(reference(hosts=hosts))).clusters
    root = ElementTree.fromstring(cluster.drawing)  # noqa: S314
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("host") + sum(word is not None and word.endswith(" hosts") for word in words) == boxes
    assert float(root.get("width", "0")) < 1100


def test_a_hostile_name_is_text_in_the_drawing() -> None:
    (cluster,) = page(found(hostile(reference()))).clusters
    root = ElementTree.fromstring(cluster.drawing)  # noqa: S314
    assert any("<script>&" in (node.text or "") for node in root.iter())
    assert "<script>" not in cluster.drawing


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_prints_with_the_redundancy_and_without(language: str) -> None:
    shop = Service(name="<b>#shop", tiers=(Tier(name="$web", vms=("vm0", "vm1"), needed=1),))
    estate = hostile(replace(one_hba(reference()), services=(shop,)))
    planned = plan(Reading(estate=estate, quality=Quality(format="test")), Parameters())
    said = {"title": "Site", "language": language, "made_at": MADE_AT}
    with_it = pdf.render(planned, **said, beside=Beside(redundancy=found(estate, is_old=True)))  # type: ignore[arg-type]
    without = pdf.render(planned, **said)  # type: ignore[arg-type]
    assert with_it.startswith(b"%PDF")
    assert len(with_it) > len(without)

"""The availability of services: closed forms, every state added up, laws, what nobody told."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from planner.__main__ import main
from planner.availability import closed
from planner.availability.answer import ServiceAvailability
from planner.availability.assumed import Assumptions
from planner.availability.report import examine_availability, examine_services
from planner.estate import VM, Cluster, Estate, Feed, Host, Psu, Rack
from planner.formats.document import write_document
from planner.paths.serving import Machines, cuts_by, machine_support, service_support
from planner.paths.wiring import wire
from planner.service import Service, Tier
from tests.planner.paths.wired import reference

KNOWN = Assumptions(mtbf_h={"host": 10_000.0}, mttr_h=8.0, planned_h=0.0)
DOWN = 1 - closed.steady(10_000, 8)
YEAR = closed.MINUTES_A_YEAR


def bare(where: dict[str, str], *, ha: bool = False) -> Estate:
    """Hosts with nothing around them, and VMs on them that need nothing else."""
    hosts = sorted(set(where.values()))
    return Estate(
        clusters=(Cluster(name="c", ha_enabled=ha),),
        hosts=tuple(
            Host(name=name, cluster="c", sockets=2, cores=32, cpu_mhz=2600, memory_mib=524_288)
            for name in hosts
        ),
        vms=tuple(
            VM(name=name, cluster="c", host=host, power="on", vcpus=1, memory_mib=1024, disk_mib=0)
            for name, host in where.items()
        ),
    ).sorted()


def tier(needed: int | None, *vms: str, name: str = "web") -> Tier:
    return Tier(name=name, vms=vms, needed=needed)


def of(estate: Estate, *tiers: Tier, tolerated: int = 0, assumed: Assumptions = KNOWN) -> ServiceAvailability:
    told = replace(estate, services=(Service(name="shop", tiers=tiers),)).sorted()
    (found,) = examine_services(told, {"c": tolerated, "prod": tolerated}, assumed=assumed)
    return found


def _without_waiting(found: ServiceAvailability) -> float:
    waits = next((one.minutes for one in found.causes if one.kind == "capacity"), 0.0)
    return (found.minutes or 0.0) - waits


TWO = {"a": "h1", "b": "h2"}
THREE = {"a": "h1", "b": "h2", "c": "h3"}


@pytest.mark.parametrize(
    ("where", "tiers", "down"),
    [
        (TWO, [tier(1, "a", "b")], DOWN**2),
        ({"a": "h1", "b": "h1"}, [tier(1, "a", "b")], DOWN),
        (TWO, [tier(2, "a", "b")], 1 - (1 - DOWN) ** 2),
        (TWO, [tier(1, "a"), tier(1, "b", name="db")], 1 - (1 - DOWN) ** 2),
        ({"a": "h1", "b": "h1"}, [tier(1, "a"), tier(1, "b", name="db")], DOWN),
        (THREE, [tier(2, "a", "b", "c")], 1 - closed.k_of_n(2, 3, 1 - DOWN)),
        (THREE, [tier(2, "a", "b"), tier(1, "b", "c", name="db")], 1 - (1 - DOWN) ** 2),
        (THREE, [tier(1, "a", "b"), tier(1, "b", "c", name="db")], DOWN**2 * (2 - DOWN)),
    ],
    ids=[
        "1-of-2",
        "1-of-2-on-one-host",
        "2-of-2",
        "series",
        "series-on-one-host",
        "2-of-3",
        "shared",
        "shared-1-of-2",
    ],
)
def test_unprotected_services_are_as_the_closed_form_says(
    where: dict[str, str], tiers: list[Tier], down: float
) -> None:
    found = of(bare(where), *tiers)
    assert found.minutes == pytest.approx(down * YEAR, rel=1e-12, abs=1e-9 + found.left_out)
    assert found.left_out <= 1e-6


def test_two_of_three_is_the_published_figure() -> None:
    # 0.9999980840898638: 1.0070 minutes a year
    found = of(bare(THREE), tier(2, "a", "b", "c"))
    assert found.availability == pytest.approx(0.9999980840898638, abs=1e-12)


def test_with_ha_a_service_of_one_vm_is_down_for_its_restarts() -> None:
    found = of(bare(TWO, ha=True), tier(1, "a"), tolerated=1)
    restart_s = 30.0 + 60.0  # the catalogue's: found dead and started, then booted
    assert found.causes[0].component == "h1"
    assert found.causes[0].restarts
    assert _without_waiting(found) == pytest.approx(closed.restart_seconds(10_000, restart_s) / 60)


def test_two_vms_of_one_host_restart_together_and_of_two_hosts_hardly_ever() -> None:
    together = of(bare({"a": "h1", "b": "h1", "x": "h2"}, ha=True), tier(1, "a", "b"), tolerated=1)
    apart = of(bare(TWO, ha=True), tier(1, "a", "b"), tolerated=1)
    restarts = closed.restart_seconds(10_000, 30.0 + 60.0) / 60
    assert _without_waiting(together) == pytest.approx(restarts)
    assert _without_waiting(apart) < restarts / 1000


def test_planned_work_takes_one_host_at_a_time() -> None:
    work = Assumptions(mtbf_h={"host": 10_000.0}, mttr_h=8.0, planned_h=4.0)
    found = of(bare(TWO), tier(1, "a", "b"), assumed=work)
    share = 4 / closed.HOURS_A_YEAR
    exact = (1 - 2 * share) * DOWN**2 + 2 * share * DOWN
    assert found.minutes == pytest.approx(exact * YEAR, rel=1e-9)


def test_a_common_cause_takes_all_hosts_and_the_service_with_them() -> None:
    beta = Assumptions(mtbf_h={"host": 10_000.0}, mttr_h=8.0, planned_h=0.0, beta=0.1)
    found = of(bare(TWO), tier(1, "a", "b"), assumed=beta)
    together = 1 - closed.steady(10_000 / 0.1, 8)
    assert found.causes[0].kind == "common"
    assert found.minutes == pytest.approx((1 - (1 - together) * (1 - DOWN**2)) * YEAR, rel=1e-6)


def _random(seed: int) -> Estate:
    """A few hosts in shared racks, on shared feeds, and a service over them."""
    chance = random.Random(seed)  # noqa: S311 - a shape, no secret
    feeds = [f"f{n}" for n in range(chance.randint(1, 2))]
    racks = [f"r{n}" for n in range(chance.randint(1, 2))]
    hosts = [f"h{n}" for n in range(chance.randint(1, 3))]
    vms = [f"v{n}" for n in range(chance.randint(1, 5))]
    tiers = []
    for n in range(chance.randint(1, 2)):
        some = chance.sample(vms, chance.randint(1, len(vms)))
        tiers.append(Tier(name=f"t{n}", vms=tuple(some), needed=chance.randint(1, len(some))))
    estate = bare({vm: chance.choice(hosts) for vm in vms})
    return replace(
        estate,
        feeds=tuple(Feed(name=name) for name in feeds),
        racks=tuple(Rack(name=name) for name in racks),
        hosts=tuple(
            replace(
                host,
                rack=chance.choice([*racks, None]),
                psus=tuple(
                    Psu(device=f"p{n}", feed=chance.choice([*feeds, None]))
                    for n in range(chance.randint(0, 2))
                ),
            )
            for host in estate.hosts
        ),
        services=(Service(name="shop", tiers=tuple(tiers)),),
    ).sorted()


def _works(estate: Estate, lost: set[str]) -> bool:
    """Say whether the service works: by looking at each host, with no code of the planner."""
    up = set()
    for host in estate.hosts:
        fed = not host.psus or any(
            f"psu {host.name} {psu.device}" not in lost and f"feed {psu.feed}" not in lost
            for psu in host.psus
        )
        if fed and f"host {host.name}" not in lost and f"rack {host.rack}" not in lost:
            up.add(host.name)
    serving = {vm.name for vm in estate.vms if vm.host in up}
    (service,) = estate.services
    return all(len(serving & set(one.vms)) >= (one.needed or 0) for one in service.tiers)


def _parts(estate: Estate) -> list[str]:
    return [
        *(f"host {host.name}" for host in estate.hosts),
        *(f"psu {host.name} {psu.device}" for host in estate.hosts for psu in host.psus),
        *(f"feed {name}" for name in sorted({p.feed for h in estate.hosts for p in h.psus if p.feed})),
        *(f"rack {name}" for name in sorted({host.rack for host in estate.hosts if host.rack})),
    ]


@pytest.mark.parametrize("seed", range(120))
def test_a_service_is_down_as_often_as_adding_up_every_state_says(seed: int) -> None:
    estate = _random(seed)
    parts = _parts(estate)
    lives = {"host": 0.02, "psu": 0.05, "feed": 0.03, "rack": 0.01}
    total = 0.0
    for state in product((False, True), repeat=len(parts)):
        lost = {name for name, down in zip(parts, state, strict=True) if down}
        if not _works(estate, lost):
            chance = 1.0
            for name, down in zip(parts, state, strict=True):
                share = lives[name.partition(" ")[0]]
                chance *= share if down else 1 - share
            total += chance
    mtbf = {kind: 8.0 * (1 - share) / share for kind, share in lives.items()}
    assumed = Assumptions(mtbf_h=mtbf, mttr_h=8.0, planned_h=0.0)
    (found,) = examine_services(estate, {"c": 0}, assumed=assumed)
    assert found.minutes == pytest.approx(total * YEAR, rel=1e-9, abs=1e-4)


@pytest.mark.parametrize("seed", range(120))
def test_single_points_and_pairs_of_a_service_are_those_found_by_trying(seed: int) -> None:
    estate = _random(seed)
    wiring = wire(estate)
    (service,) = estate.services
    machines = Machines(estate, wiring, ())
    support = service_support(
        service, machines.of(service), lambda one: machine_support(wiring, one), lambda one: one.most
    )
    found = cuts_by(support)
    assert found is not None

    def called(number: int) -> str:
        one = wiring.components[number]
        return f"{one.kind} {one.name.replace('/', ' ')}"

    parts = _parts(estate)
    ones = {name for name in parts if not _works(estate, {name})}
    twos = {
        frozenset((a, b))
        for a, b in product(parts, repeat=2)
        if a < b and not {a, b} & ones and not _works(estate, {a, b})
    }
    assert {called(one) for one in found.ones} == ones
    assert {frozenset(map(called, pair)) for pair in found.twos} == twos


def test_needing_fewer_vms_is_never_worse_and_ha_never_worse_than_nothing() -> None:
    four = ("vm0", "vm1", "vm2", "vm3")
    before = None
    for needed in (1, 2, 3, 4):
        found = of(reference(), tier(needed, *four), tolerated=1)
        kinds = [found.protections[kind] or 0.0 for kind in ("none", "ha", "ft")]
        assert kinds[0] >= kinds[1] - 2 * found.left_out
        assert kinds[1] >= kinds[2] - 2 * found.left_out
        assert found.best <= found.minutes <= found.worst  # type: ignore[operator]
        assert before is None or (found.minutes or 0) >= before
        before = found.minutes


def test_a_service_of_one_vm_is_as_available_as_the_vm() -> None:
    estate = reference()
    found = of(estate, tier(1, "vm0"), tolerated=1, assumed=Assumptions())
    (cluster,) = examine_availability(estate, {"prod": 1}, None, years=0)
    vm = next(one for one in cluster.vms if one.name == "vm0")
    # One adds causes up, the other counts once what overlaps: half a percent of a percent.
    assert found.minutes == pytest.approx(vm.minutes, rel=2e-4)
    assert (found.minutes or 0) < vm.minutes


def test_how_many_are_needed_stays_unknown_where_nobody_told_and_has_two_ends() -> None:
    found = of(bare(TWO), tier(None, "a", "b"))
    assert found.minutes is None
    assert found.availability is None
    assert found.least == pytest.approx(DOWN**2 * YEAR)
    assert found.most == pytest.approx((1 - (1 - DOWN) ** 2) * YEAR)
    assert of(bare(TWO), tier(None, "a")).minutes == pytest.approx(DOWN * YEAR)  # of one there is no question


def test_a_vm_that_is_off_does_not_serve_and_one_that_is_not_there_is_told() -> None:
    estate = bare(TWO)
    off = replace(estate, vms=tuple(replace(vm, power="off") if vm.name == "b" else vm for vm in estate.vms))
    assert of(off, tier(1, "a", "b")).minutes == pytest.approx(DOWN * YEAR)
    down = of(off, tier(2, "a", "b"))
    assert (down.is_down, down.minutes) == (True, None)
    strange = of(estate, tier(1, "a"), tier(1, "gone", name="db"))
    assert ("gone", "vm") in strange.unknown


def test_the_command_line_lists_services(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Service(name="shop", tiers=(tier(1, "vm0", "vm1"), tier(None, "vm2", "vm6", name="db")))
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(replace(reference(), services=(shop,))))
    assert main(["availability", str(file), "--json", "--years", "0"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["services"]
    assert told["minutes_a_year"] is None
    assert told["minutes_a_year_if_one_is_enough"] < told["minutes_a_year_if_all_are_needed"]
    assert told["tiers"][0] == {"name": "web", "needed": 1, "vms": 2, "serving": 2}
    assert main(["availability", str(file), "--years", "0"]) == 0
    assert "service shop: web 1 of 2, db ? of 2" in capsys.readouterr().out


def test_single_points_of_a_service_are_found_and_a_blast_says_what_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # vm0 and vm4 run on esx1, vm1 on esx2.
    shop = Service(name="shop", tiers=(tier(1, "vm0", "vm4"), tier(1, "vm1", name="db")))
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(replace(reference(), services=(shop,))))
    assert main(["paths", str(file), "--json"]) == 1
    points = json.loads(capsys.readouterr().out)["single_points"]
    cut = {"kind": "service", "name": "shop", "service": "tiers", "targets": ["web"]}
    assert cut in next(one["cuts"] for one in points if one["component"] == "esx1")
    assert main(["blast", str(file), "--fail", "host:esx1", "--json"]) == 0
    (fate,) = json.loads(capsys.readouterr().out)["services"]
    assert fate["fate"] == "restarts"
    assert fate["tiers"][0] == {
        "name": "web", "needed": 1, "served": 2, "going_on": 0, "restarting": 2
    }  # fmt: skip


@pytest.mark.parametrize("ha", [False, True], ids=["none", "ha"])
@pytest.mark.parametrize(
    "tiers",
    [
        [tier(1, "vm0", "vm4"), tier(1, "vm1", name="db")],  # vm0 and vm4 on esx1
        [tier(1, "vm0", "vm1"), tier(2, "vm2", "vm3", "vm5", name="app")],
    ],
    ids=["one-host", "spread"],
)
def test_a_service_that_is_played_is_down_as_long_as_the_exact_figure_says(
    tiers: list[Tier], ha: bool
) -> None:
    estate = reference()
    estate = replace(
        estate,
        clusters=tuple(replace(one, ha_enabled=ha) for one in estate.clusters),
        services=(Service(name="shop", tiers=tuple(tiers)),),
    )
    lives = {"host": 4000.0, "psu": 9000.0, "nic": 9000.0, "hba": 9000.0, "switch": 9000.0, "rack": 30_000.0}
    lives |= {"site": 60_000.0, "feed": 9000.0, "controller": 9000.0, "array": 60_000.0, "room": 60_000.0}
    assumed = Assumptions(mtbf_h=lives, mttr_h=8.0, planned_h=0.0)
    chance = np.random.Generator(np.random.PCG64(7))
    (found,) = examine_services(estate, {"prod": 1}, chance, years=1500, assumed=assumed)
    assert found.played is not None
    assert found.minutes is not None
    # Three standard errors, and what the exact figure takes as rare: two parts down where one is told.
    off = abs(found.played.minutes.value - found.minutes)
    assert off <= 3 * found.played.minutes.error + 0.01 * found.minutes
    assert found.played.failures > 1000

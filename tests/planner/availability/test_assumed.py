"""What is assumed, what moves the answer, what a nine costs; every component played beside the causes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from planner.__main__ import main
from planner.availability.answer import PROTECTIONS, ClusterAvailability
from planner.availability.assumed import AssumptionError, Assumptions, assumptions_of
from planner.availability.report import examine_availability
from planner.availability.simulated import Cluster, joined, play, play_share, shares_of
from planner.catalogue import reliability
from planner.estate import Estate
from planner.formats.document import write_document
from planner.nines_priced import price_nines
from planner.parameters import Parameters
from planner.paths.amend import Edit, amend, rows_of
from planner.paths.designs import lay
from planner.quality import Quality, Reading
from tests.planner.paths.wired import CLUSTER, plain, reference

# Everything forty times as frail as its worst published figure: pairs that fail together are seen often.
FRAIL = Assumptions(
    mtbf_h={kind: float(row.low) / 40 for kind, row in reliability.MTBF_H.items()}
    | {"site": 90_000.0, "room": 200_000.0},
    mttr_h=8.0,
    planned_h=0.0,
    human_errors_a_year=0.5,
    human_minutes_each=30.0,
)


def of(
    estate: Estate, assumed: Assumptions, years: float = 0.0, tolerated: int = 1, seed: int = 3
) -> ClusterAvailability:
    chance = np.random.Generator(np.random.PCG64(seed))
    (cluster,) = examine_availability(estate, {CLUSTER: tolerated}, chance, years=years, assumed=assumed)
    return cluster


def minutes(found: ClusterAvailability, cause: str, protection: str = "ha") -> float:
    (told,) = (one.minutes[protection] for one in found.causes if one.id == cause)
    assert told is not None
    return told


@pytest.mark.parametrize("hosts", [4, 6])
def test_every_component_played_agrees_with_every_exact_cause(hosts: int) -> None:
    found = of(reference(hosts=hosts, vms=60), FRAIL, years=4000)
    played = found.parts_played
    assert played is not None
    assert played.failures >= 1000
    for protection in PROTECTIONS:
        for cause in ("host", "capacity", "storage", "vm", "array", "human"):
            seen, exact = played.minutes[protection][cause], minutes(found, cause, protection)
            assert abs(seen.value - exact) <= 3 * seen.error, (protection, cause, seen, exact)
        assert 0 < played.quantiles[protection]["p50"] < played.quantiles[protection]["p99"]


def test_a_stretched_cluster_is_played_as_it_is_calculated() -> None:
    estate = lay(lay(plain(hosts=6, vms=60), CLUSTER, "crossed-fabrics"), CLUSTER, "two-switches")
    found = of(lay(estate, CLUSTER, "stretched"), FRAIL, years=4000, tolerated=3)
    assert found.parts_played is not None
    for protection in PROTECTIONS:
        for cause in ("host", "capacity"):
            seen, exact = found.parts_played.minutes[protection][cause], minutes(found, cause, protection)
            assert abs(seen.value - exact) <= 3 * seen.error, (protection, cause, seen, exact)


def test_hosts_in_one_rack_wait_longer_for_room_than_hosts_in_many() -> None:
    estate = reference(hosts=4)
    apart = replace(
        estate, hosts=tuple(replace(host, rack=None, site="home") for host in estate.hosts)
    ).sorted()
    shared, alone = of(estate, Assumptions()), of(apart, Assumptions())
    assert minutes(shared, "capacity") > 10 * minutes(alone, "capacity")
    assert shared.short > 10 * shared.short_alone
    assert {"rack"} <= {saving.kind for saving in shared.savings[:5]}


def test_what_a_rack_costs_is_what_a_perfect_one_saves() -> None:
    found = of(reference(hosts=4), Assumptions())
    perfect = of(reference(hosts=4), Assumptions(mtbf_h={"rack": 1e9}))
    racks = sum(saving.minutes for saving in found.savings if saving.kind == "rack")
    assert found.minutes["ha"] - perfect.minutes["ha"] == pytest.approx(racks, rel=0.02)


def test_the_rare_state_is_found_by_importance_sampling() -> None:
    found = of(reference(hosts=8), Assumptions(), years=1, tolerated=2)
    assert found.short_alone < 1e-9
    assert found.short_sampled is not None
    assert abs(found.short_sampled.value - found.short_alone) <= 3 * found.short_sampled.error


def test_more_common_cause_less_crews_and_more_work_never_raise_availability() -> None:
    estate = reference(hosts=6)
    for worse, better in (
        (Assumptions(beta=0.1), Assumptions(beta=0.01)),
        (Assumptions(crews=1), Assumptions(crews=6)),
        (Assumptions(planned_h=40.0), Assumptions(planned_h=4.0)),
        (Assumptions(mttr_h=24.0), Assumptions(mttr_h=4.0)),
    ):
        for protection in PROTECTIONS:
            assert of(estate, worse).minutes[protection] >= of(estate, better).minutes[protection]


def test_what_nobody_told_is_unknown_and_what_somebody_told_is_counted() -> None:
    assert {"common", "human"} <= set(of(reference(), Assumptions()).unknown)
    told = of(reference(), Assumptions(beta=0.02, human_errors_a_year=2.0, human_minutes_each=15.0))
    assert told.unknown == ()
    assert minutes(told, "human") == 30.0


def test_every_figure_swings_around_the_middle_and_what_is_told_does_not_swing() -> None:
    found = of(reference(), Assumptions())
    keys = {swing.key for swing in found.swings}
    assert {"mtbf_host_h", "mtbf_site_h", "mttr_h", "boot_s"} <= keys
    for swing in found.swings:
        assert swing.best_minutes <= found.minutes["ha"] + 1e-9
        assert swing.worst_minutes >= found.minutes["ha"] - 1e-9
    told = of(reference(), Assumptions(mttr_h=8.0, mtbf_h={"site": 10_000.0}))
    assert not {"mtbf_site_h", "mttr_h"} & {swing.key for swing in told.swings}


@pytest.mark.parametrize(
    "values",
    [{"beta": 1.5}, {"mtbf_h": {"sofa": 3.0}}, {"mtbf_h": {"host": 0}}, {"crews": 0}, {"nix": 1}, 3],
)
def test_assumptions_out_of_bounds_are_refused(values: object) -> None:
    with pytest.raises(AssumptionError):
        assumptions_of(values)


def test_shares_played_apart_are_the_years_played_together() -> None:
    cluster = Cluster(hosts=8, tolerated=1, mtbf_h=10_000, mttr_h=8, vms_per_host=2, restart_s=30, boot_s=60)
    together = play(cluster, 3000, np.random.Generator(np.random.PCG64(5)), threads=3)
    shares = shares_of(3000, 3, np.random.Generator(np.random.PCG64(5)))
    played = [play_share(cluster, share) for share in shares]
    assert joined(cluster, played) == together
    backwards = joined(cluster, played[::-1])
    assert backwards.short.value == pytest.approx(together.short.value, rel=1e-12)
    assert sum(together.histogram) == pytest.approx(3000, abs=3)


def test_a_nine_more_is_priced_from_the_same_load() -> None:
    reading = Reading(estate=reference(hosts=6, vms=120), quality=Quality(format="test"))
    found = of(reading.estate, Assumptions(mtbf_h={"site": 1e8, "room": 1e8, "array": 1e8}))
    none, ha, ft = price_nines(reading, found, Parameters())
    assert none.hosts is not None
    assert ha.hosts == none.hosts + 1
    assert ft.hosts is not None
    assert ft.hosts > ha.hosts
    assert ha.added_nines == pytest.approx(ha.nines - none.nines)
    for more, before, per in zip(ha.amounts, none.amounts, ha.per_nine, strict=True):
        assert ha.added_nines is not None
        assert float(per.low) == pytest.approx(float(more.low - before.low) / ha.added_nines, abs=0.01)


def test_assumptions_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(reference()))
    given = ["--assume", "mttr_h=8", "--assume", "crews=2", "--assume", "mtbf_h.switch=300000"]
    assert main(["availability", str(file), "--json", "--years", "10", *given]) == 0
    (cluster,) = json.loads(capsys.readouterr().out)["clusters"]
    assert cluster["assumed"]["mtbf_h"] == {"switch": 300000}
    assert [row["protection"] for row in cluster["nines_priced"]] == ["none", "ha", "ft"]
    for wrong in ("mttr_h", "mttr_h=x", "nix=1", "beta=2", "mtbf_h.sofa=1"):
        assert main(["availability", str(file), "--assume", wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_taking_any_component_away_never_raises_availability_unseen() -> None:
    """What is taken away costs minutes, or makes something unknown, which is said.

    A fabric is what switches share, not one more way: without it, one fate less is shared.
    """
    estate = reference(hosts=3, vms=6)
    before = of(estate, Assumptions())
    compared = 0
    for kind in ("psu", "nic", "hba", "port", "controller", "switch", "feed", "link"):
        for name, _ in rows_of(estate, kind):
            after = of(amend(estate, [Edit(kind=kind, name=name)]).estate, Assumptions())  # type: ignore[arg-type]
            if set(after.unknown) - set(before.unknown):
                continue
            compared += 1
            for protection in PROTECTIONS:
                assert after.minutes[protection] >= before.minutes[protection] - 1e-9, (kind, name)
    assert compared >= 20


def test_a_second_link_between_any_two_switches_or_a_third_path_never_lowers_availability() -> None:
    estate = reference(hosts=3, vms=6)
    before = of(estate, Assumptions())
    more = [
        Edit(kind="link", name="switch:prod-tor-b -- switch:prod-tor-a", values={}),
        Edit(kind="nic", name="esx1/vmnic7", values={"switch": "vSwitch0", "card": "nic7", "up": True}),
        Edit(kind="link", name="host:esx1/vmnic7 -- switch:prod-tor-b", values={}),
        Edit(
            kind="hba",
            name="esx1/vmhba9",
            values={"fabric": "prod-fabric-a", "card": "h9", "status": "online"},
        ),
        Edit(kind="link", name="host:esx1/vmhba9 -- switch:prod-san-a", values={}),
    ]
    for count in range(1, len(more) + 1):
        after = of(amend(estate, more[:count]).estate, Assumptions())
        if not set(after.unknown) - set(before.unknown):
            for protection in PROTECTIONS:
                assert after.minutes[protection] <= before.minutes[protection] + 1e-9, more[count - 1]

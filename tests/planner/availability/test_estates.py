"""The availability of whole estates: exact structure, causes, laws, the command line."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from planner.__main__ import main
from planner.availability.answer import ClusterAvailability
from planner.availability.report import examine_availability
from planner.availability.structure import probability_down
from planner.estate import Estate, Link
from planner.formats.document import write_document
from tests.planner.paths.test_cuts import System
from tests.planner.paths.test_reference_design import (
    MISTAKES,
    Mistake,
    one_controller_gives_everything,
    one_hba,
)
from tests.planner.paths.wired import plain, reference


def of(estate: Estate, years: float = 0, tolerated: int = 1) -> ClusterAvailability:
    chance = np.random.Generator(np.random.PCG64(1))
    (cluster,) = examine_availability(estate, {"prod": tolerated}, chance, years=years)
    return cluster


@pytest.mark.parametrize("seed", range(60))
def test_the_probability_is_that_of_adding_up_every_state(seed: int) -> None:
    system = System(seed)
    count = len(system.vertices) + len(system.extras)
    chances = [random.Random(seed + n).uniform(0, 0.3) for n in range(count)]  # noqa: S311 - no secret
    total = 0.0
    for state in product((False, True), repeat=count):
        lost = frozenset(n for n, down in enumerate(state) if down)
        if not system.works(lost):
            total += float(np.prod([c if down else 1 - c for c, down in zip(chances, state, strict=True)]))
    found = probability_down(system.support, lambda n: chances[n], 0.0)
    assert found.probability == pytest.approx(total, abs=1e-12)
    assert found.left_out == 0.0


def test_what_is_left_out_is_counted() -> None:
    system = System(4)
    whole = probability_down(system.support, lambda _: 0.01, 0.0).probability
    some = probability_down(system.support, lambda _: 0.01, 1e-5)
    assert some.probability <= whole <= some.probability + some.left_out


@pytest.mark.parametrize(
    ("mistake", "component", "rule"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_no_mistake_raises_availability(mistake: Mistake, component: object, rule: object) -> None:
    good, bad = of(reference()), of(mistake(reference()))
    for kind in ("none", "ha", "ft"):
        assert bad.minutes[kind] >= good.minutes[kind] - 1e-9


def test_a_way_more_never_lowers_availability() -> None:
    estate = reference()
    extra = Link(a="switch:prod-tor-a", b="switch:prod-tor-b")
    more = replace(estate, links=(*estate.links, extra)).sorted()
    assert of(more).minutes["ha"] <= of(estate).minutes["ha"] + 1e-9


def test_ha_is_better_than_nothing_and_ft_than_ha() -> None:
    minutes = of(reference()).minutes
    assert minutes["ft"] < minutes["ha"] < minutes["none"]
    one = of(reference())
    for kind in ("none", "ha", "ft"):
        assert one.best_minutes[kind] <= one.minutes[kind] <= one.worst_minutes[kind]


def test_the_causes_add_up_and_the_unknown_is_named() -> None:
    found = of(plain())
    assert set(found.unknown) == {"storage", "vm", "array", "human", "common"}
    assert not any(vm.complete for vm in found.vms)
    for kind in ("none", "ha", "ft"):
        assert found.minutes[kind] == pytest.approx(sum(cause.minutes[kind] or 0 for cause in found.causes))


def test_what_a_single_component_costs_is_what_mending_it_saves() -> None:
    bad, good = of(one_controller_gives_everything(reference())), of(reference())
    saving = next(one for one in bad.savings if one.component == "prod-controller-a")
    assert saving.single
    assert bad.minutes["ha"] - good.minutes["ha"] == pytest.approx(saving.minutes, rel=0.01)


def test_a_vm_on_the_worse_host_is_worse_off() -> None:
    vms = {vm.name: vm for vm in of(one_hba(reference())).vms}
    hosts = {vm.name: vm.host for vm in reference().vms}
    worst = max(vms.values(), key=lambda vm: vm.minutes)
    assert hosts[worst.name] == "esx2"


def test_played_restarts_agree_with_the_causes() -> None:
    found = of(reference(), years=200_000, tolerated=3)
    assert found.played is not None
    expected = next(cause.minutes["ha"] for cause in found.causes if cause.id == "host")
    assert expected is not None
    restarts = found.played.vm_restarts
    assert abs(restarts.value * 525_600 - expected) <= 3 * restarts.error * 525_600 + 0.001 * expected


def test_the_command_line_tells_clusters_causes_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(reference()))
    assert main(["availability", str(file), "--json", "--years", "1000", "--seed", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    (cluster,) = told["clusters"]
    assert cluster["protections"]["ha"]["availability"] > cluster["protections"]["none"]["availability"]
    assert cluster["played"]["years"] == 1000
    assert all(row["source"] and row["date"] and row["low"] <= row["high"] for row in told["rates"])
    assert main(["availability", str(file), "--json", "--years", "1000", "--seed", "3"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert main(["availability", str(file), "--years", "0"]) == 0
    assert "Host failures" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options", [["--years", "-1"], ["--years", "nan"], ["--seed", "-1"], ["--years", "1e99"]]
)
def test_years_and_seeds_out_of_bounds_are_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    file = tmp_path / "estate.json"
    file.write_bytes(write_document(reference()))
    assert main(["availability", str(file), *options]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

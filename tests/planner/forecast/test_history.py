"""Estates by date: what becomes a series, and whose size does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from planner.__main__ import main
from planner.estate import Datastore, Estate
from planner.forecast.history import measures, series_of
from planner.forecast.rightsizing import Rightsizing, demands_of, rightsize
from planner.formats.document import write_document
from tests.planner.small import host, reading, vm

HOSTS = [host(f"h{number}", cluster="C1", cpu_mhz=2500.0) for number in range(3)]


def estate(
    vms: int, used_mib: int = 0, demand_mhz: float | None = None, demand_mib: int | None = None
) -> Estate:
    rows = [
        vm(f"vm{number}", cluster="C1", host="h0", cpu_demand_mhz=demand_mhz, memory_demand_mib=demand_mib)
        for number in range(vms)
    ]
    store = Datastore(name="ds1", capacity_mib=1024 * 1000, used_mib=used_mib, hosts=("h0", "h1", "h2"))
    found = reading(HOSTS, rows, clusters=["C1"]).estate
    return Estate(clusters=found.clusters, hosts=found.hosts, vms=found.vms, datastores=(store,))


def sized(dated: Iterable[tuple[float, Estate]]) -> Rightsizing:
    kept = list(dated)
    return rightsize(kept[-1][1], [(at_days, demands_of(estate)) for at_days, estate in kept])


def test_a_cluster_is_measured_against_what_is_left_when_its_largest_host_is_lost() -> None:
    found = {(one.subject, one.resource): one for one in measures(estate(4, used_mib=2048))}
    vcpu = found["cluster", "vcpu"]
    assert vcpu.value == sum(each.vcpus for each in estate(4).vms)
    assert vcpu.capacity == pytest.approx(2 * HOSTS[0].cores * 4.0)
    assert found["datastore", "storage"].value == 2.0
    assert ("cluster", "cpu") not in found, "nobody measured the CPU"


def test_series_join_the_dates_and_leave_out_what_is_gone() -> None:
    old = Estate(datastores=(Datastore(name="gone", capacity_mib=10, used_mib=1),))
    dated = [(20.0, measures(estate(6))), (10.0, measures(estate(4))), (5.0, measures(old))]
    found = {(one.name, one.resource): one for one in series_of(dated)}
    assert [point.at_days for point in found["C1", "vms"].points] == [10.0, 20.0]
    assert [point.value for point in found["C1", "vms"].points] == [4.0, 6.0]
    assert ("gone", "storage") not in found


def test_an_oversized_vm_is_told_with_its_evidence() -> None:
    found = sized((float(day), estate(1, demand_mhz=900.0, demand_mib=3000)) for day in range(20))
    (one,) = found.suggestions
    assert (one.vcpus_wanted, one.vcpus_freed) == (1, one.vcpus - 1)
    assert one.memory_wanted_mib == 3840  # 3,000 / 0.8, in steps of 256
    assert one.cpu is not None
    assert (one.cpu.samples, one.cpu.coverage, one.cpu.span_days) == (20, 1.0, 19.0)
    assert found.remarks, "taking memory away is said to need its owner"


def test_a_vm_that_wants_more_than_it_has_is_told_too() -> None:
    found = sized((float(day), estate(1, demand_mhz=30_000.0)) for day in range(20))
    assert found.suggestions[0].vcpus_freed < 0


@pytest.mark.parametrize("dates", [range(9), range(0, 12, 1)])
def test_few_samples_or_two_weeks_not_over_prove_nothing(dates: range) -> None:
    found = sized((float(day), estate(1, demand_mhz=900.0)) for day in dates)
    assert (found.suggestions, found.judged_cpu) == ((), 0)


def test_a_vm_measured_on_fewer_than_half_of_the_dates_proves_nothing() -> None:
    found = sized((float(day), estate(1, demand_mhz=900.0 if day % 3 == 0 else None)) for day in range(40))
    assert found.suggestions == ()


def test_no_date_at_all_is_no_error() -> None:
    assert rightsize(Estate(), []).vms == 0
    assert series_of([]) == ()


# -- on the command line


@pytest.fixture
def history(tmp_path: Path) -> Path:
    for day in range(1, 29):
        grown = estate(2, used_mib=1024 * (500 + 15 * day), demand_mhz=900.0)
        (tmp_path / f"estate-2026-02-{day:02}.json").write_bytes(write_document(grown))
    return tmp_path


def test_forecast_tells_the_day_and_complains_with_its_exit_status(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", str(history), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    first = answer["series"][0]
    assert (first["name"], first["verdict"], first["full_on"]) == ("ds1", "soon", "2026-03-06")
    assert first["confidence"] == 1.0


def test_a_project_is_counted_from_its_day(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = "2026-03-02,ds1,storage,70"
    assert main(["forecast", str(history), "--json", "--project", project]) == 1
    assert json.loads(capsys.readouterr().out)["series"][0]["full_on"] == "2026-03-02"


def test_rightsize_prints_the_evidence(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rightsize", str(history)]) == 0
    told = capsys.readouterr().out
    assert "28 samples of 28 over 27 days" in told


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["forecast", "{empty}"], "no name with a date in it"),
        (["forecast", "{history}", "--today", "soon"], "soon is not a date"),
        (["forecast", "{history}", "--project", "x"], "--project x"),
        (["forecast", "{history}", "--project", "2026-03-02,nobody,storage,1"], "nobody"),
        (["rightsize", "{history}/nothing"], "No such file"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], found: str, history: Path, tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    places = {"history": str(history), "empty": str(tmp_path_factory.mktemp("empty"))}
    assert main([word.format(**places) for word in words]) == 2
    told = capsys.readouterr()
    assert found in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""

"""Disk operations and network count where they are known, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.__main__ import main
from planner.checker import Fault, check
from planner.demand import capacity_of, load_of
from planner.estate import FORMAT, VM, Estate, Host, Nic
from planner.formats.reader import read
from planner.parameters import Parameters
from planner.placement import consolidate
from planner.placing import place_estate
from planner.refusal import Reason
from planner.resilience.balance import balance
from planner.resilience.failures import failures
from planner.resilience.ground import grounds


def host(name: str, *, iops: float | None = None, mbit: int | None = None) -> Host:
    nics = () if mbit is None else (Nic(device="vmnic0", speed_mbit=mbit, up=True),)
    return Host(
        name=name, cluster="c", sockets=2, cores=64, cpu_mhz=2500, memory_mib=2**20, iops=iops, nics=nics
    )


def vm(name: str, on: str | None = None, *, iops: float | None = None, mbit: float | None = None) -> VM:
    return VM(
        name=name, cluster="c", host=on, power="on", vcpus=1, memory_mib=1024, disk_mib=0,
        iops_demand=iops, network_demand_mbit=mbit,
    )  # fmt: skip


def placed(hosts: tuple[Host, ...], vms: tuple[VM, ...]) -> dict[str, str]:
    report = place_estate(Estate(hosts=hosts, vms=vms).sorted(), Parameters(failures=0))
    return report.placed


def test_vms_that_ask_for_more_operations_than_one_host_carries_stand_on_two() -> None:
    busy = tuple(vm(f"vm{row}", iops=6_000) for row in range(2))
    known = tuple(host(name, iops=10_000) for name in ("a", "b"))
    assert len({*placed(known, busy).values()}) == 2
    assert len({*placed((host("a"), host("b")), busy).values()}) == 1, "nobody told what a host carries"


def test_network_counts_against_the_sum_of_the_nics_that_are_up() -> None:
    hosts = tuple(host(name, mbit=10_000) for name in ("a", "b"))
    assert len({*placed(hosts, tuple(vm(f"vm{row}", mbit=5_001) for row in range(2))).values()}) == 2
    assert len({*placed(hosts, tuple(vm(f"vm{row}", mbit=5_000) for row in range(2))).values()}) == 1


@pytest.mark.parametrize(
    ("wanted", "reason"), [({"iops": 20_000}, Reason.IOPS), ({"mbit": 20_000}, Reason.BANDWIDTH)]
)
def test_a_vm_that_no_host_carries_is_refused_by_what_they_lack(
    wanted: dict[str, float], reason: Reason
) -> None:
    estate = Estate(hosts=(host("a", iops=10_000, mbit=10_000),), vms=(vm("big", **wanted),)).sorted()
    report = place_estate(estate, Parameters(failures=0))
    (refusal,) = report.refusals
    assert [(count.reason, count.hosts) for count in refusal.reasons] == [(reason, 1)]


def test_the_checker_counts_operations_and_network_too() -> None:
    vms = [vm("a", iops=600), vm("b", mbit=600.5)]
    load, capacity = load_of(vms), capacity_of([host("h", iops=500, mbit=600)], 4.0)
    found = check({"a": "h", "b": "h"}, load, capacity)
    assert [one.fault for one in found] == [Fault.HOST_OVERFULL] * 2


def test_a_loss_that_leaves_too_few_operations_loses_vms_and_says_why() -> None:
    hosts = tuple(host(name, iops=10_000) for name in ("a", "b"))
    vms = (vm("one", "a", iops=6_000), vm("two", "b", iops=6_000))
    (ground,) = grounds(Estate(hosts=hosts, vms=vms).sorted(), vcpu_per_core=4.0, cold=True)
    found = failures(ground, double=False)
    assert found.survived == 0
    assert {count.reason for loss in found.singles for one in loss.restarts for count in one.reasons} == {
        Reason.IOPS
    }


def test_balance_levels_operations_where_everybody_tells_and_says_so_of_each_host() -> None:
    hosts = tuple(host(name, iops=10_000, mbit=10_000) for name in ("a", "b"))
    vms = tuple(vm(f"vm{row}", "a" if row < 4 else "b", iops=2_000 if row < 4 else 0) for row in range(8))
    (ground,) = grounds(Estate(hosts=hosts, vms=vms).sorted(), vcpu_per_core=4.0)
    found = balance(ground)
    assert found.score_before == pytest.approx(0.5 * 40)
    assert found.score_after == pytest.approx(0.0)
    assert {(one.iops_before, one.iops_after) for one in found.hosts} == {(80.0, 40.0), (0.0, 40.0)}
    assert all(one.network_before is None for one in found.hosts)
    assert any("disk operations" in str(move.reason) for move in found.moves)


def test_one_vm_that_tells_nothing_leaves_operations_out_of_the_score() -> None:
    hosts = tuple(host(name, iops=10_000) for name in ("a", "b"))
    vms = (vm("one", "a", iops=6_000), vm("two", "b"))
    (ground,) = grounds(Estate(hosts=hosts, vms=vms).sorted(), vcpu_per_core=4.0)
    found = balance(ground)
    assert found.score_before == 0.0
    assert any("told by 1 of 2 running VMs" in str(note) for note in found.notes)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_rate_that_nobody_tells_changes_no_answer_and_one_that_is_told_never_lets_more_in(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(1, 8))
    told = tuple(
        vm(f"vm{row}", iops=data.draw(st.integers(0, 5)), mbit=data.draw(st.integers(0, 5)))
        for row in range(count)
    )
    bare = tuple(msgspec.structs.replace(one, iops_demand=None, network_demand_mbit=None) for one in told)
    known = [host(f"h{row}", iops=8, mbit=8) for row in range(count)]
    silent = [host(f"h{row}") for row in range(count)]
    with_rates = consolidate(load_of(told), capacity_of(known, 4.0))
    without = consolidate(load_of(bare), capacity_of(known, 4.0))
    unknown = consolidate(load_of(told), capacity_of(silent, 4.0))
    assert without.placed == unknown.placed
    assert with_rates.hosts_used >= without.hosts_used
    assert not check(with_rates.placed, load_of(told), capacity_of(known, 4.0))
    assert with_rates.lower_bound >= -(-int(np.sum([one.iops_demand or 0 for one in told])) // 8)


def test_the_document_carries_rates_and_the_command_line_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    estate = {
        "format": FORMAT,
        "hosts": [msgspec.to_builtins(host(name, iops=10_000)) for name in ("a", "b")],
        "vms": [msgspec.to_builtins(vm(f"vm{row}", iops=6_000)) for row in range(3)],
    }
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(estate))
    assert read(path, path.name).estate.vms[0].iops_demand == 6_000
    assert main(["place", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["hosts_used"] == 2
    assert document["refusals"][0]["text"] == "2 hosts: IOPS"
    assert document["clusters"][0]["notes"][0].startswith("Disk operations: told by 3 of 3 running VMs")

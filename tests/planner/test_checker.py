"""The judge finds each kind of fault, and nothing where there is none."""

from __future__ import annotations

import pytest

from planner.checker import Fault, check
from planner.demand import capacity_of, load_of
from planner.estate import Rule
from tests.planner.small import host, vm

LOAD = load_of([vm("a"), vm("b"), vm("db", ft="primary")])
HOSTS = capacity_of([host("x"), host("y", cores=2)], 4.0)
GOOD = {"a": "x", "b": "x", "db": "x", "db (FT secondary)": "y"}


def faults(placed: dict[str, str], *rules: Rule, refused: tuple[str, ...] = ()) -> list[Fault]:
    return [violation.fault for violation in check(placed, LOAD, HOSTS, rules, refused)]


def test_a_good_placement_has_no_fault() -> None:
    assert faults(GOOD) == []


def test_a_vm_without_host_or_refusal_is_forgotten() -> None:
    without_b = {vm: where for vm, where in GOOD.items() if vm != "b"}
    assert faults(without_b) == [Fault.VM_FORGOTTEN]
    assert faults(without_b, refused=("b",)) == []


def test_a_host_or_a_vm_from_elsewhere_is_unknown() -> None:
    assert faults({**GOOD, "a": "z"}) == [Fault.HOST_UNKNOWN]
    assert faults({**GOOD, "ghost": "x"}) == [Fault.VM_UNKNOWN]


def test_a_host_asked_for_more_than_it_gives_is_overfull() -> None:
    assert faults({**GOOD, "a": "y", "b": "y"}) == [Fault.HOST_OVERFULL]


def test_two_copies_of_an_ft_vm_on_one_host_are_found() -> None:
    assert faults({**GOOD, "db (FT secondary)": "x"}) == [Fault.FT_TOGETHER]


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (Rule(kind="spread", vms=("a", "b")), False),
        (Rule(kind="spread", vms=("a", "ghost")), True),
        (Rule(kind="gather", vms=("a", "b", "db")), True),
        (Rule(kind="must-run-on", vms=("a",), hosts=("y",)), False),
        (Rule(kind="must-run-on", vms=("db",), hosts=("x",)), False),  # its secondary runs on y
        (Rule(kind="must-run-on", vms=("a",), hosts=("x", "y")), True),
        (Rule(kind="must-not-run-on", vms=("a",), hosts=("x",)), False),
        (Rule(kind="must-not-run-on", vms=("a",), hosts=("y",)), True),
        (Rule(kind="should-run-on", vms=("a",), hosts=("y",)), True),
        (Rule(kind="should-not-run-on", vms=("a",), hosts=("x",)), True),
    ],
)
def test_each_kind_of_rule_is_judged(rule: Rule, holds: bool) -> None:
    assert faults(GOOD, rule) == ([] if holds else [Fault.RULE_BROKEN])

"""Two readings of one place: what is new, gone, or says something else."""

from __future__ import annotations

from msgspec.structs import replace

from planner.difference import differences
from planner.estate import Estate, Path, Rule
from tests.planner.small import host, reading, vm


def test_an_estate_does_not_differ_from_itself() -> None:
    estate = reading([host("h1")], [vm("a")], clusters=["c"]).estate
    assert differences(estate, estate) == ()


def test_new_gone_and_changed_are_told_with_their_fields() -> None:
    before = reading([host("h1")], [vm("a", host="h1"), vm("b")], clusters=["c"]).estate
    after = reading([host("h1"), host("h2")], [vm("a", host="h2", memory_mib=32768)], clusters=["c"]).estate
    found = {(each.kind, each.name): each for each in differences(before, after)}
    assert {key: each.change for key, each in found.items()} == {
        ("host", "h2"): "added", ("vm", "a"): "changed", ("vm", "b"): "removed",
    }  # fmt: skip
    assert [(one.field, one.before, one.after) for one in found["vm", "a"].fields] == [
        ("host", "h1", "h2"),
        ("memory_mib", "16384", "32768"),
    ]


def test_a_vm_with_an_id_that_is_renamed_changed_its_name() -> None:
    before, after = (reading(vms=[vm(name, id="vm-7")], clusters=["c"]).estate for name in ("old", "new"))
    (one,) = differences(before, after)
    assert (one.change, one.fields[0].field, one.fields[0].before) == ("changed", "name", "old")


def test_measured_use_is_left_out_unless_asked_for() -> None:
    before, after = (
        reading([host("h1", cpu_usage_percent=value)], clusters=["c"]).estate for value in (10, 90)
    )
    assert differences(before, after) == ()
    assert [one.fields[0].field for one in differences(before, after, usage=True)] == ["cpu_usage_percent"]


def test_a_dead_path_and_a_rule_that_is_gone_are_told() -> None:
    path = Path(host="h1", lun="naa.1", name="vmhba1:C0:T0:L0", state="active")
    rule = Rule(kind="spread", vms=("a", "b"), name="apart")
    found = differences(Estate(paths=(path,), rules=(rule,)), Estate(paths=(replace(path, state="dead"),)))
    assert [(each.kind, each.name, each.change) for each in found] == [
        ("path", "h1: vmhba1:C0:T0:L0", "changed"),
        ("rule", "apart", "removed"),
    ]

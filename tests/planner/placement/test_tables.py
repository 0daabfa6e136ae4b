"""A cluster as arrays: units, permits, groups apart, and who stands where today."""

from __future__ import annotations

from planner.estate import VM, Datastore, Estate, Host, PortGroup, Rule, Switch
from planner.lost_together import host_groups
from planner.reach import Reach, reach_of
from planner.refusal import Reason
from planner.tables import Tables, tables_of
from tests.planner.small import host, vm

HOSTS = (host("a", rack="r1"), host("b", rack="r1"), host("c"), host("down", maintenance=True))


def tables(vms: list[VM], rules: list[Rule] | None = None, **estate: tuple[object, ...]) -> Tables:
    whole = Estate(hosts=HOSTS, vms=tuple(vms), **estate)  # type: ignore[arg-type]
    return tables_of(whole, HOSTS, vms, rules or [], 4.0)


def reach(one: VM, hosts: tuple[Host, ...] = HOSTS, **estate: tuple[object, ...]) -> Reach:
    return reach_of(Estate(hosts=hosts, **estate), hosts, [one])  # type: ignore[arg-type]


def test_vms_kept_together_are_one_row_and_need_the_sum():
    found = tables(
        [vm("x", host="a"), vm("y", host="a"), vm("z", host="b")], [Rule(kind="gather", vms=("x", "y"))]
    )
    assert [unit.copies for unit in found.units] == [(0, 1), (2,)]
    assert found.standing.need[:, 0].tolist() == [8000, 4000]
    assert found.where.tolist() == [0, 1]
    assert found.placed(found.where) == {"x": "a", "y": "a", "z": "b"}


def test_a_host_in_maintenance_is_no_row_and_who_runs_there_stands_nowhere():
    found = tables([vm("x", host="down")])
    assert found.capacity.names == ("a", "b", "c")
    assert found.where.tolist() == [-1]


def test_an_ft_pair_is_two_rows_of_one_group():
    found = tables([vm("db", ft="primary", host="a")])
    assert found.standing.groups == 1
    assert found.standing.apart_group.tolist() == [0, 0]
    assert found.where.tolist() == [0, -1]


def test_rules_and_reach_meet_in_the_permits():
    store = Datastore(name="d", capacity_mib=10, used_mib=0, hosts=("a", "b"))
    rules = [Rule(kind="must-not-run-on", vms=("x",), hosts=("a",))]
    found = tables([vm("x", datastores=("d",))], rules, datastores=(store,))
    assert found.standing.permitted[found.standing.permit[0]].tolist() == [False, True, False]


def test_contradictory_vms_are_refused_and_in_no_row():
    rules = [Rule(kind="must-run-on", vms=("x",), hosts=("gone",), name="licence")]
    found = tables([vm("x"), vm("y")], rules)
    assert [refusal.vm for refusal in found.refusals] == ["x"]
    assert [found.name(row) for row in range(len(found.units))] == ["y"]


def test_an_empty_cluster_has_no_rows():
    assert tables([]).standing.need.shape == (0, 5)


def test_a_host_that_lacks_a_datastore_or_network_is_barred_and_the_host_of_today_never():
    store = Datastore(name="d", capacity_mib=10, used_mib=0, hosts=("b",))
    group = PortGroup(name="n", hosts=("a", "b"))
    found = reach(
        vm("x", host="a", datastores=("d",), networks=("n",)), datastores=(store,), port_groups=(group,)
    )
    assert found.why("x", "a") is None
    assert found.why("x", "b") is None
    barred = found.why("x", "c")
    assert barred is not None
    assert (barred.reason, barred.detail) == (Reason.DATASTORE_UNREACHABLE, "d")


def test_what_nobody_says_who_sees_bars_nobody():
    store, group = Datastore(name="d", capacity_mib=10, used_mib=0), PortGroup(name="n")
    found = reach(
        vm("x", datastores=("d", "ghost"), networks=("n", "m")), datastores=(store,), port_groups=(group,)
    )
    assert found.bars == {}


def test_a_port_group_without_hosts_is_where_its_switch_is():
    group, switch = PortGroup(name="n", switch="dvs"), Switch(name="dvs", hosts=("c",))
    found = reach(vm("x", networks=("n",)), port_groups=(group,), switches=(switch,))
    barred = found.why("x", "a")
    assert barred is not None
    assert barred.reason is Reason.NETWORK


def test_a_running_vm_neither_changes_the_maker_of_its_cpu_nor_goes_back_a_generation():
    hosts = (
        host("old", evc="intel-haswell"),
        host("new", evc="intel-skylake"),
        host("amd", cpu_model="AMD EPYC 7302"),
        host("untold"),
    )
    assert reach(vm("x", host="new"), hosts).barred("x") == {"old", "amd"}
    assert reach(vm("x", host="old"), hosts).barred("x") == {"amd"}
    assert reach(vm("x", host="untold"), hosts).bars == {}
    assert reach(vm("x"), hosts).bars == {}


def test_hosts_of_no_rack_fail_alone():
    assert host_groups(HOSTS, "rack") == {"c": ("c",), "down": ("down",), "r1": ("a", "b")}


def test_a_vm_that_no_host_reaches_is_refused_by_what_they_lack():
    store = Datastore(name="d", capacity_mib=10, used_mib=0, hosts=("elsewhere",))
    (refusal,) = tables([vm("x", datastores=("d",))], datastores=(store,)).refusals
    assert [(count.reason, count.hosts) for count in refusal.reasons] == [(Reason.DATASTORE_UNREACHABLE, 3)]

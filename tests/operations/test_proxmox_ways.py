"""Ways of Proxmox's HA that its own tester showed: who waits for whom, who goes where, who stays."""

from __future__ import annotations

from operations import event as e
from operations import vm_event as v
from operations.scenario import Rehearsal, Scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch

THREE = "host node1 node2 node3 cores=64 memory=256G\ndatastore san size=2000G\n"


def played(vms: str, script: str) -> Rehearsal:
    estate = parse_sketch(THREE + vms)
    asked = parse_script(f"profile proxmox\n{script}", estate)
    return rehearse(Scenario(name="here", promise="", estate=estate, script=asked))


def ends(found: Rehearsal) -> dict[str, str | None]:
    return {name: vm.host for name, vm in found.state.vms.items()}


def times(found: Rehearsal, kind: type[e.Event]) -> list[tuple[str, float]]:
    return [(one.subject, one.at_s) for one in found.events if type(one) is kind]


def test_a_node_that_returns_during_its_fence_takes_nothing_until_its_vms_run_elsewhere() -> None:
    found = played("vm vm101 on=node2\nvm vm102 on=node1", "at 120 cut node2\nat 220 repair node2")
    assert times(found, e.HostFenced) == [("node2", 240.0)]
    assert times(found, v.VmRestarting) == [("vm101", 240.0)]
    assert ends(found) == {"vm101": "node3", "vm102": "node1"}
    assert times(found, e.HostJoined) == [("node2", 260.0)]
    assert found.state.hosts["node2"].is_open


def test_it_takes_them_itself_when_no_other_node_may() -> None:
    vms = "vm vm101 on=node2\nrule must-run-on vm101 hosts=node2"
    found = played(vms, "at 120 fail node2\nat 220 repair node2")
    assert times(found, v.VmRestarting) == [("vm101", 260.0)]


def test_a_node_that_fails_again_during_its_fence_is_fenced_all_the_same() -> None:
    found = played(
        "vm vm101 on=node2", "at 120 fail node2\nat 200 repair node2\nat 210 fail node2\nuntil 600"
    )
    assert times(found, e.HostFenced) == [("node2", 240.0)]
    assert not found.state.hosts["node2"].powered
    assert ends(found) == {"vm101": "node1"}


def test_nobody_is_fenced_while_there_is_no_majority() -> None:
    script = "at 120 fail node3\nat 200 fail node2\nat 400 repair node2"
    found = played("vm vm101 on=node3", script)
    assert [at for host, at in times(found, e.HostFenced) if host == "node3"] == [400.0]
    assert times(found, v.VmRestarting) == [("vm101", 400.0)]


def test_a_new_manager_sees_for_itself_that_a_node_is_silent() -> None:
    found = played("vm vm101 on=node1\nvm vm102 on=node2", "at 120 fail node1")
    assert times(found, e.PrimaryElected)[1:] == [("node2", 240.0)]
    assert times(found, e.HostDead) == [("node1", 280.0)]


def test_a_container_moves_once_to_where_its_rule_wants_it() -> None:
    found = played("vm ct101 on=node1\nrule should-run-on ct101 hosts=node2", "guest ct101 container yes")
    assert times(found, v.VmRestarting) == [("ct101", 0.0)]
    assert ends(found) == {"ct101": "node2"}


def test_of_two_containers_that_stay_apart_one_leaves() -> None:
    vms = "vm ct101 on=node1\nvm ct102 on=node1\nrule spread ct101 ct102"
    found = played(vms, "guest ct101 container yes\nguest ct102 container yes")
    assert times(found, v.VmRestarting) == [("ct101", 0.0)]
    assert ends(found) == {"ct101": "node2", "ct102": "node1"}


def test_a_container_that_no_other_node_may_run_stays_on_a_node_in_maintenance() -> None:
    vms = "vm ct101 on=node1\nrule must-run-on ct101 hosts=node1"
    found = played(vms, "guest ct101 container yes\nat 100 maintenance node1")
    assert ends(found) == {"ct101": "node1"}
    assert not times(found, v.VmOff)


def test_a_vm_on_one_of_the_nodes_that_it_likes_alike_stays() -> None:
    vms = "vm vm101 on=node3\nvm vm102 on=node1\nvm vm103 on=node2\nvm vm104 on=node2\n"
    rules = "rule should-run-on vm101 hosts=node1,node3\nrule should-run-on vm104 hosts=node1,node3"
    found = played(vms + rules, "at 100 fail node2")
    assert ends(found)["vm101"] == "node3"
    assert ends(found)["vm104"] == "node1"


def test_a_manager_that_was_asked_to_go_hands_over_and_one_that_fails_is_waited_for() -> None:
    vms = "vm vm101 on=node2\n"
    assert times(played(vms, "at 100 shutdown node1"), e.PrimaryElected)[1:] == [("node2", 100.0)]
    script = "at 100 fail node3\nat 150 fail node1\nat 160 repair node3"
    assert times(played(vms, script), e.PrimaryElected)[1:] == [("node2", 270.0)]


def test_under_failover_a_node_that_restarts_soon_enough_keeps_its_vms() -> None:
    script = "policy ha.shutdown failover\ntiming host_reboot_s {}\nat 100 reboot node2"
    soon = played("vm vm101 on=node2", script.format(30))
    late = played("vm vm101 on=node2", script.format(300))
    assert (ends(soon), times(soon, v.VmRestarting)) == ({"vm101": "node2"}, [("vm101", 130.0)])
    assert (ends(late), times(late, v.VmRestarting)) == ({"vm101": "node1"}, [("vm101", 140.0)])


def test_who_leaves_a_node_goes_to_those_it_stays_together_with() -> None:
    vms = "vm vm101 on=node1\nvm vm102 on=node3\nvm vm103 on=node3\nrule gather vm101 vm102"
    found = played(vms, "policy ha.failback no\nat 100 maintenance node1")
    assert ends(found)["vm101"] == "node3"


def test_a_node_without_a_majority_fences_itself_though_its_last_vm_has_just_gone() -> None:
    vms = "vm vm101 on=node2\nvm vm102 on=node3\nrule must-run-on vm101 hosts=node3"
    for at_s, is_powered in ((400, False), (2000, True)):
        script = f"at {at_s} fail node1\nat {at_s} fail node3\nuntil 2500"
        assert played(vms, script).state.hosts["node2"].powered == is_powered


def test_a_node_with_a_stopped_vm_stays_guarded_once_it_was() -> None:
    script = "at 10 stop vm101\nat 400 fail node1\nat 400 fail node3\nuntil 900"
    assert not played("vm vm101 on=node2", script).state.hosts["node2"].powered


def test_no_node_is_emptied_while_there_is_no_manager() -> None:
    script = "at 100 fail node1\nat 110 maintenance node2"
    found = played("vm vm101 on=node2", script)
    assert times(found, v.Migrating) == [("vm101", 220.0)]


def test_a_node_that_is_back_starts_all_its_vms_itself_four_at_a_time() -> None:
    vms = "\n".join(f"vm vm10{number} on=node2" for number in range(1, 7))
    found = played(vms, "policy ha.shutdown freeze\nat 100 reboot node2")
    assert set(ends(found).values()) == {"node2"}
    assert [at for _, at in times(found, v.VmRestarting)] == [160.0] * 4 + [163.0] * 2


def test_of_two_nodes_in_maintenance_a_vm_goes_home_to_the_one_it_left_last() -> None:
    script = "at 100 maintenance node1\nat 200 maintenance node2\nat 300 end-maintenance node2"
    found = played("vm vm101 on=node1\nvm vm102 on=node3", f"{script}\nat 400 end-maintenance node1")
    assert ends(found)["vm101"] == "node2"


def test_no_vm_moves_to_where_a_stopped_one_is_that_it_stays_apart_from() -> None:
    vms = "vm vm101 on=node1 power=off\nvm vm102 on=node2\nrule spread vm101 vm102"
    found = played(vms, "at 100 migrate vm102 to node1")
    assert times(found, e.Refused) == [("vm102", 100.0)]


def test_containers_leave_a_node_first() -> None:
    vms = "vm ct102 on=node3\nvm vm101 on=node3"
    found = played(vms, "guest ct102 container yes\nat 120 maintenance node3")
    assert ends(found) == {"ct102": "node1", "vm101": "node2"}


def test_of_two_that_stay_together_the_first_by_name_joins_the_other() -> None:
    found = played("vm vm101 on=node1\nvm vm102 on=node3\nrule gather vm101 vm102", "")
    assert ends(found) == {"vm101": "node3", "vm102": "node3"}


def test_without_failback_they_stay_apart_until_they_start_anew() -> None:
    vms = "vm vm101 on=node1\nvm vm102 on=node3\nrule gather vm101 vm102"
    script = "policy ha.failback no\nat 120 fail node1"
    assert ends(played(vms, "policy ha.failback no")) == {"vm101": "node1", "vm102": "node3"}
    assert ends(played(vms, script)) == {"vm101": "node3", "vm102": "node3"}


def test_two_that_run_apart_do_not_keep_the_third_from_starting() -> None:
    vms = "vm vm101 on=node1\nvm vm102 on=node2\nvm vm103 on=node3\nrule gather vm101 vm102 vm103"
    found = played(vms, "policy ha.failback no\nat 120 fail node3")
    assert ends(found) == {"vm101": "node1", "vm102": "node2", "vm103": "node1"}


def test_a_vm_in_error_is_started_only_after_it_was_disabled() -> None:
    script = "guest vm101 error yes\nat 10 start vm101\nat 20 disable vm101\nat 30 start vm101"
    found = played("vm vm101 on=node1", script)
    assert times(found, e.Refused) == [("vm101", 10.0)]
    assert times(found, v.VmRestarting) == [("vm101", 30.0)]


def test_a_vm_of_a_node_that_is_shut_down_with_freeze_waits_for_it() -> None:
    script = "policy ha.shutdown freeze\nat 100 shutdown node2\nat 200 start vm101\nat 900 repair node2"
    found = played("vm vm101 on=node2 power=off", script)
    assert times(found, v.VmRestarting) == [("vm101", 900.0)]
    assert ends(found) == {"vm101": "node2"}


def test_a_vm_started_while_its_node_is_in_maintenance_goes_home_afterwards() -> None:
    script = "at 100 maintenance node2\nat 200 start vm101\nat 400 end-maintenance node2"
    found = played("vm vm101 on=node2 power=off", script)
    assert times(found, v.VmRestarting) == [("vm101", 200.0)]
    assert ends(found) == {"vm101": "node2"}

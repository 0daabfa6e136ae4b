"""The eleven properties of clusters that Ganeti draws at random, said of our placement and balance.

CLUSTER_LAWS_EXAMPLES=1000 ./headroom test tests/planner/resilience/test_cluster_laws.py   (each so often)

Ganeti's names stand in each law's first line (test/hs/Test/Ganeti/HTools/Cluster.hs); the code is ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from planner.checker import check
from planner.consolidation import members, totals
from planner.demand import MEMORY, VCPU, Capacity, Load, capacity_of, load_of
from planner.estate import VM, Host, Rule
from planner.parameters import Parameters
from planner.placement import consolidate, place
from planner.placing import place_estate
from planner.refusal import Reason
from planner.report import plan
from planner.resilience.balance import BalancePolicy, balance, score_of
from planner.resilience.evacuation import evacuate
from planner.resilience.ground import Ground, changed
from planner.resilience.loads import host_loads
from planner.resilience.mending import Broken, Judge
from tests.planner.resilience.worlds import RATIO, estate_of, ground_of
from tests.planner.small import host, reading, vm

EXAMPLES = int(os.environ.get("CLUSTER_LAWS_EXAMPLES", "20"))
EAGER = BalancePolicy(calm=0.0, min_gain=0.0)
NOTHING_BROKEN = Broken(must=0, should=0)
MOST_HOSTS = 1024 if EXAMPLES > 20 else 64
TIERS = 5


@dataclass(frozen=True)
class Drawn:
    """Hosts all alike and a VM that one of them can hold, or perhaps not."""

    draw: st.DataObject

    def number(self, least: int, most: int) -> int:
        return self.draw.draw(st.integers(least, most))

    def host(self) -> Host:
        return host("h", cores=self.number(1, 64), memory_mib=1024 * self.number(8, 1024))

    def hosts(self, least: int, most: int) -> list[Host]:
        one = self.host()
        return [structs.replace(one, name=f"h{row:04}") for row in range(self.number(least, most))]

    def vm(self, one: Host, name: str = "x", share: int = 1, on: str | None = None) -> VM:
        """A VM of which a host holds at least `share`."""
        gives = capacity_of([one], RATIO).gives[0]
        vcpus = self.number(1, max(1, int(gives[VCPU]) // 1000 // share))
        memory = self.number(1, max(1, int(gives[MEMORY]) // 1024 // share - 256))
        drawn = vm(name, vcpus=vcpus, memory_mib=memory, host=on)
        assume((load_of([drawn]).needs[0] * share <= gives).all())
        return drawn


def running(one: VM, at: str | None) -> VM:
    return structs.replace(one, host=at)


def score_now(ground: Ground, where: np.ndarray) -> float:
    """The score counted anew, as if nothing were known of the moves that led here."""
    return score_of(Judge(changed(ground, where)), host_loads(ground), where)


def alike_hosts_have_no_spread(drawn: Drawn) -> None:
    """Score_Zero: 1 to 1,024 hosts alike that carry the same: the score is 0 and nothing moves."""
    hosts = drawn.hosts(1, MOST_HOSTS)
    count = drawn.number(0, 2)
    kinds = [drawn.vm(hosts[0], f"x{number}-", share=2) for number in range(count)]
    vms = [structs.replace(kind, name=kind.name + one.name, host=one.name) for one in hosts for kind in kinds]
    found = balance(ground_of(estate_of(hosts, vms)), EAGER)
    assert found.score_before <= 1e-10  # in points of 100: 1e-12 of a whole, as with Ganeti
    assert found.moves == ()


def sums_of_a_cluster_are_sane(drawn: Drawn) -> None:
    """CStats_sane: what is free is never negative and never more than what there is."""
    hosts = drawn.hosts(1, MOST_HOSTS)
    vms = [running(drawn.vm(hosts[0], f"x{n}", share=3), drawn.draw.draw(st.sampled_from(hosts)).name)
           for n in range(drawn.number(0, 3))]  # fmt: skip
    estate = estate_of(hosts, vms)
    ground, counted = ground_of(estate), totals(estate)
    room, gives = ground.room(), ground.standing.capacity
    assert (room >= 0).all()
    assert (room <= gives).all()
    assert (gives.sum(axis=0) - room.sum(axis=0) == ground.standing.need.sum(axis=0)).all()
    assert (counted.hosts, counted.vms_on) == (len(hosts), len(vms))
    percent = host_loads(ground).percent(ground.where)
    assert (percent >= 0).all()
    assert (percent <= 100 + 1e-9).all()


def one_vm_on_an_empty_cluster_leaves_nothing_to_balance(drawn: Drawn) -> None:
    """Alloc_sane: the VM is placed, no move helps then, and the score told is that counted anew."""
    hosts = drawn.hosts(5, 20)
    one = drawn.vm(hosts[0])
    placed = placed_anew(hosts, [one])
    ground = ground_of(estate_of(hosts, [running(one, placed["x"])]))
    found = balance(ground, EAGER)
    assert found.moves == ()
    assert found.score_before == pytest.approx(score_now(ground, ground.where), abs=1e-12)
    assert found.score_after == found.score_before


def placed_anew(hosts: Sequence[Host], vms: Sequence[VM]) -> dict[str, str]:
    found = place_estate(estate_of(hosts, vms), Parameters(failures=0))
    assert not found.refusals
    return found.placed


def tiers_fill_a_cluster_and_every_sum_is_kept(drawn: Drawn) -> None:
    """CanTieredAlloc: shrink a VM until it fits, 5 times: placed + free + of no use is all there is."""
    hosts = drawn.hosts(2, 5)
    vcpus, memory = drawn.number(1, 300), drawn.number(64, 2 * 1024 * 1024)
    vms: list[VM] = []
    capacity = capacity_of(hosts, RATIO)
    while len(vms) < TIERS and memory >= 1:
        one = vm(f"x{len(vms)}", vcpus=vcpus, memory_mib=memory)
        found = place(load_of([*vms, one]), capacity)
        if found.complete:
            vms.append(one)
            continue
        assert {refusal.vm for refusal in found.refusals} <= {one.name for one in [*vms, one]}
        lacking = {count.reason for refusal in found.refusals for count in refusal.reasons}
        assert lacking <= {Reason.CPU, Reason.MEMORY}
        vcpus, memory = max(1, vcpus // 2 if Reason.CPU in lacking else vcpus), (
            memory // 2 if Reason.MEMORY in lacking or vcpus == 1 else memory
        )  # fmt: skip
    assert vms
    load = load_of(vms)
    found = place(load, capacity)
    assert check(found.placed, load, capacity, [], []) == []
    template = vms[-1]
    asked = reading(hosts, [*(running(one, found.placed[one.name]) for one in vms),
                            vm("t", template=True, power="off", vcpus=template.vcpus,
                               memory_mib=template.memory_mib)])  # fmt: skip
    report = plan(asked, Parameters(failures=0, template="t"))
    free = report.clusters[0].free_vms
    assert free is not None
    pool = load_of([template]).needs[0] * free
    unusable = capacity.gives.sum(axis=0) - load.needs.sum(axis=0) - pool
    assert (unusable[[VCPU, MEMORY]] >= 0).all()
    one_more_fits_while_free(load, capacity, template, free)


def one_more_fits_while_free(load: Load, capacity: Capacity, template: VM, free: int) -> None:
    """What is told as free room can be placed."""
    if free > 200:
        return
    more = np.tile(load_of([template]).needs, (free, 1))
    names = (*load.names, *(f"more{number}" for number in range(free)))
    full = Load(names=names, vms=names, needs=np.vstack((load.needs, more)))
    found = place(full, capacity)
    assert found.complete
    assert check(found.placed, full, capacity, [], []) == []


def a_vm_that_was_placed_can_be_placed_elsewhere(drawn: Drawn) -> None:
    """AllocRelocate: of 4 to 8 hosts its own is forbidden to it: one move mends that."""
    hosts = drawn.hosts(4, 8)
    one = drawn.vm(hosts[0])
    at = placed_anew(hosts, [one])["x"]
    away = Rule(kind="must-not-run-on", vms=("x",), hosts=(at,), name="away")
    ground = ground_of(estate_of(hosts, [running(one, at)], [away]))
    found = balance(ground)
    assert [move.vm for move in found.moves] == ["x"]
    assert found.moves[0].target != at
    assert (found.broken_before.must, found.broken_after) == (1, NOTHING_BROKEN)


def a_host_that_holds_a_vm_can_be_emptied(drawn: Drawn) -> None:
    """AllocEvacuate: one move, of that VM, to another host of the cluster, and nobody stays."""
    hosts = drawn.hosts(4, 8)
    one = drawn.vm(hosts[0])
    at = placed_anew(hosts, [one])["x"]
    found = evacuate(estate_of(hosts, [running(one, at)]), at, vcpu_per_core=RATIO)
    assert found.complete
    assert [(move.vm, move.source) for move in found.moves] == [("x", at)]
    assert found.moves[0].target in {other.name for other in hosts} - {at}


def a_vm_can_change_to_another_group(drawn: Drawn) -> None:
    """AllocChangeGroup: 4 to 8 hosts of another rack stand beside; a rule asks for that rack.

    Ours leave no cluster, so that a group is a rack here.
    """
    hosts = [structs.replace(one, rack="r1") for one in drawn.hosts(4, 8)]
    others = [structs.replace(one, name=f"g{one.name}", rack="r2") for one in hosts]
    one = drawn.vm(hosts[0])
    at = placed_anew(hosts, [one])["x"]
    names = tuple(other.name for other in others)
    rule = Rule(kind="must-run-on", vms=("x",), hosts=names, name="rack 2")
    found = balance(ground_of(estate_of([*hosts, *others], [running(one, at)], [rule])))
    assert [(move.vm, move.source) for move in found.moves] == [("x", at)]
    assert found.moves[0].target in names
    assert found.broken_after == NOTHING_BROKEN


def an_empty_host_makes_a_balance_possible(drawn: Drawn) -> None:
    """AllocBalance: 5 VMs alike on 2 to 4 hosts, then an empty one: some move lowers the score."""
    hosts = drawn.hosts(3, 5)
    kind = drawn.vm(hosts[0], share=TIERS)
    vms = [structs.replace(kind, name=f"x{number}") for number in range(TIERS)]
    placed = placed_anew(hosts[:-1], vms)
    before = balance(ground_of(estate_of(hosts[:-1], [running(one, placed[one.name]) for one in vms])), EAGER)
    evened = [running(one, before.placed[one.name]) for one in vms]
    for today in ([running(one, placed[one.name]) for one in vms], evened):
        found = balance(ground_of(estate_of(hosts, today)), EAGER)
        assert found.moves
        assert found.score_after < found.score_before - 1e-9
        assert hosts[-1].name in {move.target for move in found.moves}


def a_vm_split_from_its_cluster_is_found(drawn: Drawn) -> None:
    """CheckConsistency: a VM whose host is of another cluster is told; one at home is not."""
    hosts = [*(structs.replace(one, cluster="c") for one in drawn.hosts(2, 4))]
    other = structs.replace(hosts[0], name="other", cluster="d")
    one = drawn.vm(hosts[0])
    home = ground_of(estate_of([*hosts, other], [running(one, hosts[0].name)]))
    split = ground_of(estate_of([*hosts, other], [running(one, other.name)]))
    assert (home.cluster, split.cluster) == ("c", "c")
    assert home.unseen == 0
    assert split.unseen == 1
    told = [note for note in split.notes if "no open host of the cluster" in str(note)]
    assert [note.values["vm"] for note in told] == ["x"]
    assert not any("no open host of the cluster" in str(note) for note in home.notes)


def no_vm_is_lost_when_an_estate_is_split_into_clusters(drawn: Drawn) -> None:
    """SplitCluster: 0 to 100 VMs over clusters: each is in one of them, placed or refused, with its hosts."""
    names = ("a", "b", "c")[: drawn.number(1, 3)]
    kind = drawn.host()
    hosts = [structs.replace(kind, name=f"{name}{row}", cluster=name)
             for name in names for row in range(drawn.number(1, 3))]  # fmt: skip
    sizes = drawn.draw.draw(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 64)), max_size=100))
    homes = drawn.draw.draw(st.lists(st.sampled_from(hosts), min_size=len(sizes), max_size=len(sizes)))
    vms = [
        vm(f"x{row}", vcpus=vcpus, memory_mib=1024 * gib, host=at.name, cluster=at.cluster)
        for row, ((vcpus, gib), at) in enumerate(zip(sizes, homes, strict=True))
    ]
    estate = estate_of(hosts, vms)
    found = members(estate)
    assert sum(len(one.vms) for one in found) == len(vms)
    assert sorted(one.name for cluster in found for one in cluster.vms) == sorted(one.name for one in vms)
    for cluster in found:
        assert {one.cluster for one in cluster.hosts} == {cluster.name}
        assert {one.cluster for one in cluster.vms} <= {cluster.name}
    report = place_estate(estate, Parameters(failures=0))
    refused = {refusal.vm for refusal in report.refusals}
    assert refused | report.placed.keys() == {one.name for one in vms}
    assert not refused & report.placed.keys()
    assert all(at[0] == next(one for one in vms if one.name == name).cluster
               for name, at in report.placed.items())  # fmt: skip


def a_vm_outside_the_policy_is_refused_and_taken_without_it(drawn: Drawn) -> None:
    """AllocPolicy: 5 to 20 hosts take the VM; a ratio or a rule without it refuses it, told why."""
    hosts = drawn.hosts(5, 20)
    one = drawn.vm(hosts[0])
    load, capacity = load_of([one]), capacity_of(hosts, RATIO)
    assert consolidate(load, capacity).complete
    ratio = drawn.draw.draw(st.floats(0.001, 0.999)) * one.vcpus / hosts[0].cores
    every = tuple(other.name for other in hosts)
    for found, reason in (
        (consolidate(load, capacity_of(hosts, ratio)), Reason.CPU),
        (consolidate(load, capacity, [Rule(kind="must-not-run-on", vms=("x",), hosts=every)]), Reason.RULE),
        (consolidate(load, capacity, [Rule(kind="must-run-on", vms=("x",), hosts=("z",))]), Reason.RULE),
    ):
        assert not found.placed
        assert [refusal.vm for refusal in found.refusals] == ["x"]
        assert {count.reason for count in found.refusals[0].reasons} == {reason}
        assert sum(count.hosts for count in found.refusals[0].reasons) == len(hosts)


LAWS = (
    alike_hosts_have_no_spread, sums_of_a_cluster_are_sane,
    one_vm_on_an_empty_cluster_leaves_nothing_to_balance, tiers_fill_a_cluster_and_every_sum_is_kept,
    a_vm_that_was_placed_can_be_placed_elsewhere, a_host_that_holds_a_vm_can_be_emptied,
    a_vm_can_change_to_another_group, an_empty_host_makes_a_balance_possible,
    a_vm_split_from_its_cluster_is_found, no_vm_is_lost_when_an_estate_is_split_into_clusters,
    a_vm_outside_the_policy_is_refused_and_taken_without_it,
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
def test_a_property_of_ganetis_clusters_holds_of_ours(law: Callable[[Drawn], None]) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        law(Drawn(data))

    holds()

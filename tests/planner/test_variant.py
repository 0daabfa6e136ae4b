"""Variants: copies that stack, are compared, and may be kept."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from planner.compared import COMPLETED, compare, results
from planner.cost.answer import Asked
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill
from planner.cost.book import BookError
from planner.cost.machine import Machine
from planner.cost.study import Question
from planner.estate import Estate, Rule
from planner.resilience.failures import failures
from planner.resilience.ground import grounds
from planner.variant import (
    COMMITTED,
    AddVms,
    Change,
    DropHosts,
    DropVms,
    Failures,
    Growth,
    License,
    Protect,
    RefreshHosts,
    Variant,
    applied,
    committed,
    reserved,
    settled,
    told,
)
from tests.planner.cost.books import full
from tests.planner.small import host, reading, vm

NEW = Machine(name="new", sockets=2, cores=64, memory_mib=1048576)


def estate() -> Estate:
    rules = [Rule(kind="must-run-on", vms=("v0",), hosts=("esx0",)), Rule(kind="spread", vms=("v0", "v1"))]
    hosts = [host(f"esx{n}") for n in range(6)]
    return reading(hosts, [vm(f"v{n}", host=f"esx{n % 6}") for n in range(20)], rules=rules).estate


def variant(*changes: Change, base: Variant | None = None, name: str = "what if") -> Variant:
    return Variant(name=name, changes=changes, base=base)


def test_the_estate_itself_is_never_changed() -> None:
    before = estate()
    changes = (AddVms(count=5, like="v0"), DropHosts(names=("esx0",)), Protect(names=("v3",)))
    applied(before, Assumptions(), variant(*changes))
    assert before == estate()


def test_two_hundred_more_vms_need_more_hosts_and_cost_more() -> None:
    today, more = results(
        replace(estate(), rules=()),
        [variant(name="today"), variant(AddVms(count=200, like="v1"), name="more")],
        Question(),
        Assumptions(),
        full(),
    )
    assert (today.vms, more.vms) == (20, 220)
    assert today.hosts_needed is not None
    assert more.hosts_needed is not None
    assert more.hosts_needed > today.hosts_needed
    assert today.planned is not None
    assert more.planned is not None
    assert more.planned.total.amount.low > today.planned.total.amount.low
    assert today.failures_tolerated is not None
    assert more.failures_tolerated == 0 < today.failures_tolerated


def test_variants_stack_in_order() -> None:
    base = variant(DropHosts(names=("esx4", "esx5")), name="fewer")
    both = variant(AddVms(count=2, like="v1"), DropVms(names=("v5",)), base=base, name="fewer and busier")
    changed, _, _ = applied(estate(), Assumptions(), both)
    assert len(changed.hosts) == 4
    assert len(changed.vms) == 21
    assert {one.name for one in changed.vms if one.host is None} >= {"v4", "v10"}
    with pytest.raises(BookError, match="no VM v5"):
        applied(estate(), Assumptions(), variant(DropVms(names=("v5",)), base=both))


def test_rules_lose_what_is_gone() -> None:
    changed, _, _ = applied(estate(), Assumptions(), variant(DropHosts(names=("esx0",))))
    assert [rule.kind for rule in changed.rules] == ["spread"]


def test_a_refresh_buys_the_new_hosts() -> None:
    change = RefreshHosts(cluster="c", machine=NEW, count=3)
    [found] = results(estate(), [variant(change)], Question(), Assumptions(), full())
    assert found.hosts == 3
    assert found.bill is not None
    line = found.bill.line("hosts")
    assert line is not None
    assert line.quantity is not None
    assert line.quantity.low == 3


def test_failures_growth_and_ft_change_what_is_needed() -> None:
    changes: list[Change] = [
        Failures(count=2),
        Growth(percent=Decimal(20)),
        Protect(names=tuple(f"v{n}" for n in range(20))),
    ]
    plain, *changed = results(
        estate(), [variant(), *(variant(change) for change in changes)], Question(), Assumptions(), full()
    )
    assert plain.hosts_needed is not None
    assert changed[0].hosts_needed == plain.hosts_needed + 1
    assert changed[1].planned is not None
    assert changed[1].planned.design.year(4).hosts > plain.hosts_needed
    assert changed[2].hosts_needed is not None
    assert changed[2].hosts_needed > plain.hosts_needed


def test_a_variant_travels_as_json() -> None:
    base = variant(RefreshHosts(cluster="c", machine=NEW, count=3), Growth(percent=Decimal("7.5")))
    whole = variant(AddVms(count=3, like="v1", cluster="c"), Failures(count=2), base=base)
    assert msgspec.json.decode(msgspec.json.encode(whole), type=Variant) == whole
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(
            b'{"name":"x","changes":[{"type":"add-vms","count":-1,"like":"a"}]}', type=Variant
        )


def test_committed_vms_reserve_their_capacity_and_are_marked() -> None:
    kept = committed(estate(), Assumptions(), variant(AddVms(count=3, like="v1"), name="spring"))
    marked = [one for one in kept.vms if one.attributes.get(COMMITTED) == "spring"]
    assert len(marked) == 3
    assert all(one.is_load for one in marked)
    again = committed(kept, Assumptions(), variant(AddVms(count=3, like="v1"), name="autumn"))
    assert len(again.vms) == 26


@pytest.mark.parametrize(
    "change",
    [
        AddVms(count=1, like="nobody"),
        AddVms(count=1, like="v0", cluster="nowhere"),
        DropVms(names=("nobody",)),
        DropHosts(names=("nobody",)),
        RefreshHosts(cluster="nowhere", machine=NEW, count=1),
        Protect(names=("nobody",)),
    ],
    ids=lambda change: type(change).__name__,
)
def test_a_change_of_what_is_not_there_is_refused(change: Change) -> None:
    with pytest.raises(BookError, match="there is no"):
        applied(estate(), Assumptions(), variant(change))


def test_all_hosts_may_be_dropped() -> None:
    change = DropHosts(names=tuple(f"esx{n}" for n in range(6)))
    [found] = results(estate(), [variant(change)], Question(), Assumptions(), full())
    assert (found.hosts, found.bill, found.failures_tolerated) == (0, None, None)


def test_a_comparison_has_todays_estate_first_and_buys_what_is_missing() -> None:
    base = variant(AddVms(count=200, like="v1"), name="more")
    both = variant(Failures(count=2), base=base, name="more and safer")
    free = replace(estate(), rules=())
    found = compare(free, [base, both], Asked(platforms=("vmware",)), full(), np.random.default_rng(1))
    assert [row.name for row in found.rows] == ["today", "more", "more and safer"]  # today lacks no host
    assert [shown.bill.design.key for shown in found.answer.designs] == [
        "today", "variant:more", "variant:more and safer",
    ]  # fmt: skip
    assert [row.failures_asked for row in found.rows] == [1, 1, 2]
    assert [len(row.changes) for row in found.rows] == [0, 1, 2]
    today, more, safer = found.answer.designs
    assert found.rows[0].hosts_to_buy == 0
    assert found.rows[1].hosts_to_buy is not None
    assert more.bill.design.bought(0)[0].bought == found.rows[1].hosts_to_buy > 0
    assert safer.bill.design.year(0).hosts == more.bill.design.year(0).hosts + 1
    assert sum(step.change for step in more.steps) == (
        more.bill.total.amount.middle - today.bill.total.amount.middle
    )
    assert more.bill.total.amount.low > today.bill.total.amount.low
    minutes = [row.outage_minutes for row in found.rows]
    assert minutes[0] is not None
    assert minutes[1] is not None
    assert minutes[1] > minutes[0]  # without the missing hosts a loss leaves VMs without a place


def test_hosts_that_today_lacks_are_no_variants_fault() -> None:
    full_up = reading([host("esx0"), host("esx1")], [vm(f"v{n}", vcpus=8) for n in range(14)]).estate
    found = compare(
        full_up, [variant(name="same")], Asked(platforms=("vmware",)), full(), np.random.default_rng(1)
    )
    assert [row.name for row in found.rows] == ["today", "today-complete", "same"]
    today, whole, same = (shown.bill.total.amount.middle for shown in found.answer.designs)
    assert whole == same > today


def test_growth_buys_hosts_in_the_year_in_which_they_are_missing() -> None:
    growing = variant(Growth(percent=Decimal(50)), name="growing")
    found = compare(
        replace(estate(), rules=()), [growing], Asked(platforms=("vmware",)), full(), np.random.default_rng(1)
    )
    design = found.answer.designs[1].bill.design
    hosts = [design.year(year).hosts for year in range(5)]
    assert hosts == sorted(hosts)
    assert hosts[0] == 6 < hosts[4]
    assert sum(batch.bought for year in range(5) for batch in design.bought(year)) == hosts[4] - 6


@pytest.mark.parametrize(
    "wrong", [[], [variant(name="x")] * 2, [variant(name="today")], [variant(name=str(n)) for n in range(9)]]
)
def test_a_comparison_of_none_of_too_many_or_of_twins_is_refused(wrong: list[Variant]) -> None:
    with pytest.raises(BookError):
        compare(estate(), wrong, Asked(), full(), np.random.default_rng(1))


def test_what_is_committed_takes_room_and_gives_none() -> None:
    changes = (
        AddVms(count=3, like="v1"), DropHosts(names=("esx5",)), DropVms(names=("v2",)),
        RefreshHosts(cluster="c", machine=NEW, count=9), Protect(names=("v3",)), Growth(percent=Decimal(10)),
    )  # fmt: skip
    spring, autumn = variant(*changes, name="spring"), variant(AddVms(count=2, like="v1"), name="autumn")
    kept, remarks = reserved(estate(), [spring, autumn])
    assert remarks == ()
    assert len(kept.vms) == 25
    assert len({one.name for one in kept.vms}) == 25
    assert [one.attributes[COMMITTED] for one in kept.vms if COMMITTED in one.attributes] == (
        ["spring"] * 3 + ["autumn"] * 2
    )
    assert [one.name for one in kept.hosts] == [f"esx{n}" for n in range(5)]
    assert next(one for one in kept.vms if one.name == "v3").ft == "primary"
    assert any(one.name == "v2" for one in kept.vms)


def test_a_commitment_that_the_estate_has_left_behind_is_told_and_the_rest_still_reserves() -> None:
    lost = variant(AddVms(count=3, like="gone"), AddVms(count=1, like="v1"), name="spring")
    kept, remarks = reserved(estate(), [lost])
    assert len(kept.vms) == 21
    assert "spring" in str(remarks[0])
    assert "there is no VM or template gone" in str(remarks[0])


def test_every_change_is_told_in_a_sentence() -> None:
    changes: list[Change] = [
        AddVms(count=2, like="v1"), AddVms(count=2, like="v1", cluster="c"), DropVms(names=("v1",)),
        DropHosts(names=("a", "b", "c", "d")), RefreshHosts(cluster="c", machine=NEW, count=3),
        Protect(names=("v1",)), Failures(count=2), Growth(percent=Decimal(20)),
        License(names=("v1",), product="oracle"), License(names=("v1",), product="sql", pinned=False),
    ]  # fmt: skip
    assert [str(told(change)) for change in changes] == [
        "2 more VMs like v1",
        "2 more VMs like v1, in c",
        "Without the VMs v1",
        "Without the hosts a, b, c … (4)",
        "c on 3 x new with 64 cores and 1024 GiB each, all new",
        "FT for v1",
        "Room for the loss of 2 hosts in each cluster",
        "20.0 % more VMs each year",
        "Oracle Database Enterprise Edition in v1, kept on few hosts",
        "SQL Server Enterprise in v1, on any host",
    ]


@pytest.mark.parametrize(
    ("product", "card", "everywhere", "pinned"),
    [
        ("oracle", "oracle_ee_processor", 48, 16),  # 6 hosts of 16 cores x 0.5; two of them
        ("sql", "sql_enterprise_2", 48, 16),  # 96 cores in packs of two
    ],
)
def test_a_database_is_licensed_on_every_host_unless_a_rule_keeps_it_on_few(
    product: str, card: str, everywhere: int, pinned: int
) -> None:
    free = replace(estate(), rules=())
    names = ("v2", "v3")
    anywhere = variant(License(names=names, product=product, pinned=False), name="anywhere")  # type: ignore[arg-type]
    few = variant(License(names=names, product=product), name="few")  # type: ignore[arg-type]
    prices = full(oracle_ee_processor="40000")
    results_ = results(free, [anywhere, few], Question(), Assumptions(), prices)
    counted = [one.bill.line(card) for one in results_ if one.bill is not None]
    assert [line.quantity.low for line in counted if line and line.quantity] == [everywhere, pinned]
    changed, _, remarks = applied(free, Assumptions(), few)
    assert [(rule.kind, len(rule.hosts)) for rule in changed.rules] == [("must-run-on", 2)]
    assert "kept on esx0, esx1" in str(remarks[0])


def test_pinned_windows_vms_license_the_hosts_that_they_are_kept_on() -> None:
    hosts = [host(f"esx{n}") for n in range(6)]
    guests = [
        vm(f"w{n}", host=f"esx{n % 6}", guest_os="Microsoft Windows Server 2022", vcpus=1, memory_mib=2048)
        for n in range(24)
    ]
    mixed = reading(hosts, [*guests, *(vm(f"l{n}", host=f"esx{n}") for n in range(6))]).estate
    pinned = variant(License(names=tuple(one.name for one in guests), product="windows"), name="few")
    today, few = results(mixed, [variant(), pinned], Question(), Assumptions(), full())

    def licences(bill: Bill | None) -> Decimal:
        assert bill is not None
        lines = [bill.line(card) for card in ("windows_standard_16", "windows_datacenter_16")]
        return sum((line.amount.low for line in lines if line and line.amount), Decimal(0))

    assert licences(few.bill) < licences(today.bill)
    assert few.bill is not None
    assert few.bill.design.year(0).windows[2:] == (0, 0, 0, 0)


def test_reserved_vms_take_room_where_a_host_is_lost() -> None:
    hosts = [host(f"esx{n}") for n in range(4)]
    running = [vm(f"v{n}", host=f"esx{n % 4}") for n in range(20)]
    small = reading(hosts, running, clusters=["c"]).estate
    kept, _ = reserved(small, [variant(AddVms(count=40, like="v1"), name="spring")])
    placed = settled(kept)
    counts = [sum(one.host == f"esx{n}" for one in placed.vms) for n in range(4)]
    assert counts == [15, 15, 15, 15]

    def survived(estate: Estate) -> int:
        return failures(grounds(estate, vcpu_per_core=4.0, cluster="c", cold=True)[0], "host").survived

    assert survived(small) == 4
    assert survived(placed) == 0  # 240 vCPUs do not fit on three hosts of 64
    assert settled(small) == small


def test_today_is_not_the_cheapest_where_it_lacks_hosts() -> None:
    tight = reading([host(f"esx{n}") for n in range(3)], [vm(f"v{n}") for n in range(60)]).estate
    more = Variant(name="more", changes=(Failures(count=2),))
    found = compare(tight, [more], Asked(platforms=("vmware",)), full(), np.random.default_rng(1))
    today, completed, _ = found.answer.designs
    assert completed.bill.design.key == COMPLETED
    assert (today.short, completed.short) == (True, False)
    assert today.bill.total.amount.high < completed.bill.total.amount.low
    assert today.outcome.cheapest_percent == 0

"""Comparisons: exact bridges from one total to the other, break-even points, intervals, ways, protections."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, bill
from planner.cost.book import PriceBook, Prices, layered
from planner.cost.comparison import (
    by_area_and_year,
    comparable,
    cumulated,
    pays_from_month,
    tipping_discount,
    waterfall,
)
from planner.cost.levels import levels
from planner.cost.machine import Machine
from planner.cost.pinning import pin
from planner.cost.public import public_book
from planner.cost.study import Question, chosen_clusters, study
from planner.cost.tipping import sentences, verdict
from planner.cost.uncertainty import simulate, tornado
from planner.cost.ways import physical, ways
from planner.estate import Datastore, Estate, Rule
from tests.planner.cost.books import full, quotes, row
from tests.planner.small import host, reading, vm

NEW = Machine(name="new", sockets=2, cores=64, memory_mib=1048576)
OPEN = PriceBook(
    name="open",
    rows=(
        row("server", "10000", "16000"),
        row("pue", "1.2", "1.7"),
        row("electricity_kwh", "0.15", "0.30"),
        row("vvf_core_year", "135", "190", currency="USD"),
    ),
)


def estate(hosts: int = 4, vms: int = 30) -> Estate:
    return reading([host(f"esx{n}") for n in range(hosts)], [vm(f"v{n}") for n in range(vms)]).estate


def ranged() -> Prices:
    return layered([public_book(), quotes(), OPEN], None)


def two(prices: Prices, **assumed: object) -> tuple[Bill, Bill]:
    question = Question(platforms=("vmware", "proxmox"), editions={"vmware": "vvf"}, machine=NEW)
    found = study(estate(), question, Assumptions(**assumed), prices)
    stay, leave = found.bill("vmware"), found.bill("proxmox")
    assert stay is not None
    assert leave is not None
    return stay, leave


def test_a_waterfall_leads_exactly_from_one_total_to_the_other() -> None:
    stay, leave = two(ranged())
    steps = waterfall(stay, leave)
    assert stay.total.amount.middle + sum(step.change for step in steps) == leave.total.amount.middle
    assert {step.area for step in steps} >= {"hypervisor", "change", "energy"}


def test_what_is_cumulated_ends_at_the_total_and_years_are_layers_of_it() -> None:
    for one in two(ranged()):
        assert abs(cumulated(one)[-1] - one.total.amount.middle) < Decimal("1e-9")
        layers = by_area_and_year(one).values()
        assert sum(span.high for layer in layers for span in layer) == one.total.amount.high


def test_leaving_pays_from_the_month_that_its_cost_stays_below() -> None:
    stay, leave = two(full(migration_hour="900"))
    month = pays_from_month(stay, leave)
    assert month is not None
    assert 0 < month <= 60
    old, new = cumulated(stay), cumulated(leave)
    assert new[month - 1] > old[month - 1]
    assert all(after <= before for before, after in zip(old[month:], new[month:], strict=True))
    assert pays_from_month(leave, stay) is None


def test_at_the_tipping_discount_both_ways_cost_the_same() -> None:
    stay, leave = two(full())
    percent = tipping_discount(stay.design, leave.design, "vvf_core_year", Assumptions(), full())
    assert percent is not None
    tipped = Assumptions(discounts={"vvf_core_year": percent})
    totals = [bill(one.design, tipped, full()).total.amount.middle for one in (stay, leave)]
    assert abs(totals[0] - totals[1]) < stay.area("hypervisor").middle / 500
    assert tipping_discount(stay.design, leave.design, "xcpng_host_year", Assumptions(), full()) is None


def test_a_comparison_says_which_cards_stand_in_its_way() -> None:
    stay, leave = two(public_book().at(None))
    known = comparable([stay, leave])
    assert "migration_hour" in known.missing
    assert "energy" in known.shared
    assert "labour" not in known.shared


def test_the_tornado_moves_one_number_at_a_time() -> None:
    stay, _ = two(ranged())
    swings = tornado(stay.design, stay.assumptions, ranged())
    assert next(swing.card for swing in swings) in {"server", "vvf_core_year"}
    assert {swing.card for swing in swings} == {"server", "pue", "electricity_kwh", "vvf_core_year"}
    widths = [swing.width for swing in swings]
    assert widths == sorted(widths, reverse=True)
    for swing in swings:
        assert stay.total.amount.low <= swing.at_low <= swing.at_high <= stay.total.amount.high


def test_the_interval_lies_within_the_widest_range_and_chance_is_an_argument() -> None:
    stay, leave = two(ranged())
    designs = [stay.design, leave.design]
    first = simulate(designs, stay.assumptions, ranged(), np.random.default_rng(7), draws=200)
    again = simulate(designs, stay.assumptions, ranged(), np.random.default_rng(7), draws=200)
    other = simulate(designs, stay.assumptions, ranged(), np.random.default_rng(8), draws=200)
    assert first == again
    assert first != other
    for outcome, one in zip(first, (stay, leave), strict=True):
        assert one.total.amount.low <= outcome.total.low < outcome.total.median < outcome.total.high
        assert outcome.total.high <= one.total.amount.high
    assert sum(outcome.cheapest_percent for outcome in first) >= 100
    # The same dear host and kWh burden both, so the difference is far surer than either total.
    gap = first[1].against_first
    assert gap.high - gap.low < first[0].total.high - first[0].total.low


def test_a_total_without_anything_open_is_a_point() -> None:
    stay, _ = two(full())
    question = Question(editions={"vmware": "vcf"}, machine=NEW)
    found = study(estate(), question, Assumptions(), full()).bill("vmware")
    assert found is not None
    [outcome] = simulate([found.design], Assumptions(), full(), np.random.default_rng(1))
    assert outcome.total.low == outcome.total.high == found.total.amount.low
    assert tornado(found.design, Assumptions(), full()) == ()
    assert stay.total.amount.low < stay.total.amount.high


def test_keep_shrink_refresh_and_leave_are_priced_by_the_same_assumptions() -> None:
    question = Question(platforms=("vmware", "proxmox"), machine=NEW)
    found = ways(estate(hosts=9), question, Assumptions(), full())
    hosts = {one.design.key: one.design.year(0).hosts for one in found.bills}
    assert list(hosts) == ["keep", "shrink", "leave:proxmox", "refresh", "leave-refreshed:proxmox"]
    assert hosts["keep"] == 9
    assert hosts["shrink"] == hosts["leave:proxmox"] < 9
    assert hosts["refresh"] == hosts["leave-refreshed:proxmox"] <= hosts["shrink"]
    assert all(one.assumptions is found.assumptions for one in found.bills)


def test_more_protection_costs_more_and_leaves_less_outage() -> None:
    none, ha, more, ft = levels(estate(), Question(machine=NEW), Assumptions(), full())
    assert more.bill is not None
    assert more.bill.design.year(0).hosts == 1 + (ha.bill.design.year(0).hosts if ha.bill else 0)
    for level in (none, ha, ft):
        assert level.bill is not None
    hosts = [level.bill.design.year(0).hosts for level in (none, ha, ft) if level.bill]
    assert hosts == sorted(hosts)
    assert hosts[1] == hosts[0] + 1
    assert hosts[2] > hosts[1]
    assert [level.minutes_vm_year for level in (none, ha, ft)] == [72, Decimal("0.15"), 0]
    assert none.nines is not None
    assert ha.nines is not None
    assert ft.nines is not None
    assert none.nines < ha.nines < ft.nines
    assert none.all_minutes is not None
    assert ha.all_minutes is not None
    assert none.all_minutes > 72  # planned work is in it
    assert ha.cost_per_nine is not None
    assert ha.bill is not None
    assert none.bill is not None
    gained = Decimal(str(round(ha.nines - none.nines, 2)))
    extra = ha.bill.total.amount.middle - none.bill.total.amount.middle
    assert ha.cost_per_nine == extra / gained


def test_ft_asks_for_ports_and_crossing_and_a_second_array_cost_what_they_double() -> None:
    assumptions = Assumptions(buy_network=True, buy_storage=True)
    plain = estate()
    names = tuple(one.name for one in plain.hosts)
    store = Datastore(name="ds", kind="VMFS", capacity_mib=2**30, used_mib=2**29, hosts=names)
    stored = replace(plain, datastores=(store,))
    found = {one.key: one for one in levels(stored, Question(machine=NEW), assumptions, full())}
    assert list(found) == ["none", "ha", "ha-more", "crossed", "second-array", "ft"]

    def amount(key: str, what: str) -> Decimal:
        priced = found[key].bill  # type: ignore[index]
        assert priced is not None
        line = priced.line(what)
        return Decimal(0) if line is None or line.amount is None else line.amount.low

    assert amount("crossed", "switches") == 2 * amount("ha", "switches") > 0
    assert abs(amount("second-array", "storage") - 2 * amount("crossed", "storage")) <= Decimal("0.01")
    assert amount("second-array", "controllers") == 2 * amount("crossed", "controllers") > 0
    assert amount("ha", "ft-network") == 0 < amount("ft", "ft-network")
    crossed, second = found["crossed"].all_minutes, found["second-array"].all_minutes
    assert crossed is not None
    assert second is not None
    assert second < crossed  # the one array is no single point any more


def test_what_is_bought_of_network_and_storage_is_kept_up_each_year() -> None:
    question = Question(platforms=("proxmox",), machine=NEW)
    found = study(estate(), question, Assumptions(years=3, buy_network=True, buy_storage=True), full())
    planned = found.bill("proxmox")
    assert planned is not None
    for what in ("switches", "controllers", "fabric"):
        bought, kept_up = planned.line(what), planned.line(f"support:{what}")
        assert bought is not None
        assert kept_up is not None
        assert bought.amount is not None
        assert kept_up.amount is not None
        assert kept_up.amount.low == bought.amount.low * 3 / 10  # 10 % a year, 3 years


def test_a_break_even_is_said_with_the_discount_that_turns_it_round() -> None:
    prices = full(server="25000", training_person="40000")
    found = study(estate(hosts=6), Question(platforms=("proxmox",), machine=NEW), Assumptions(), prices)
    old, new = found.bills
    pays = verdict(old, new, prices)
    said = str(sentences(pays, "Proxmox VE")[0])
    assert said.startswith(f"Proxmox VE pays after {pays.month} months, unless the discount on VMware")
    assert pays.tips
    gap = old.total.amount.middle - new.total.amount.middle
    for tip in pays.tips:
        rounded = bill(old.design, Assumptions(discounts={tip.card: tip.percent}), prices)
        beyond = bill(old.design, Assumptions(discounts={tip.card: tip.percent + 1}), prices)
        assert abs(rounded.total.amount.middle - new.total.amount.middle) < gap / 100
        assert beyond.total.amount.middle < new.total.amount.middle  # then staying is cheaper


def test_six_systems_cost_less_on_two_hosts_than_on_six_servers() -> None:
    """The article: 6 systems on 6 servers, or on 2 hosts that carry them with one lost."""
    vms = [vm(f"s{n}", vcpus=4, memory_mib=8192) for n in range(6)]
    systems = reading([], vms).estate
    server = Machine(name="server", sockets=2, cores=16, memory_mib=131072)
    on_servers = physical(vms, server, Assumptions(), full())
    on_hosts = study(systems, Question(platforms=("proxmox",), machine=server), Assumptions(), full())
    virtual = on_hosts.bill("proxmox")
    assert virtual is not None
    assert (on_servers.design.year(0).hosts, virtual.design.year(0).hosts) == (6, 2)
    assert virtual.area("energy").low < on_servers.area("energy").low
    assert virtual.area("servers").low * 3 == on_servers.area("servers").low
    assert virtual.total.amount.high < on_servers.total.amount.low


def test_pinning_licensed_vms_licenses_fewer_hosts_and_the_rule_can_be_placed() -> None:
    vms = [vm(f"v{n}") for n in range(20)] + [vm("ora1"), vm("ora2")]
    [cluster] = chosen_clusters(reading([host(f"esx{n}") for n in range(6)], vms).estate, None)
    found = pin(cluster, ["ora1", "ora2"], [], Assumptions())
    assert found is not None
    assert len(found.hosts) == 2
    assert found.rule == Rule(
        kind="must-run-on", vms=("ora1", "ora2"), hosts=found.hosts, name="licences", cluster="c"
    )
    assert (found.oracle, found.oracle_everywhere) == (16, 48)
    assert (found.sql_cores, found.sql_cores_everywhere) == (32, 96)
    assert pin(cluster, ["nobody"], [], Assumptions()) is None


@pytest.mark.parametrize("platform", ["hyperv", "openshift", "nutanix", "xcpng"])
def test_every_platform_can_be_priced_in_full(platform: str) -> None:
    question = Question(platforms=(platform,), machine=NEW)
    found = study(estate(), question, Assumptions(), full()).bill(platform)
    assert found is not None
    assert found.missing == ()


def test_a_month_names_the_prices_that_one_side_alone_waits_for() -> None:
    question = Question(platforms=("vmware", "proxmox"), editions={"vmware": "vvf"}, machine=NEW)
    prices = public_book().at(None)
    today, stay, leave = study(estate(), question, Assumptions(), prices).bills
    assert "server" in today.missing  # for the support of the hosts that stay
    found = verdict(today, leave, prices)
    assert set(found.waits) == {"server", "migration_hour", "training_person"}
    assert found.waited == ()
    said = [str(one) for one in sentences(found, "Proxmox VE")]
    assert said[-1].startswith("It may pay later or never: Proxmox VE alone waits for a price of: ")
    back = verdict(leave, stay, prices)
    assert set(back.waited) == {"migration_hour", "training_person"}
    assert "It may pay earlier" in str(sentences(back, "vSphere")[-1])
    known = verdict(*study(estate(), question, Assumptions(), full()).bills[1:], full())
    assert (known.waits, known.waited) == ((), ())


def test_an_exchanged_amount_names_its_rate_and_can_be_worked_out_again() -> None:
    stay, _ = two(ranged())
    line = stay.line("vvf_core_year") or next(one for one in stay.lines if one.area == "hypervisor")
    rate = layered([public_book()], None).rate("USD", "EUR")
    assert rate is not None
    assert rate.span is not None
    assert any(str(note).startswith(f"1 USD = {float(round(rate.span.low, 6))} EUR") for note in line.notes)
    for one in stay.lines:
        assert one.amount is not None
        ends = [one.workings[0], one.workings[-1]]
        again = [
            sum(round((units * end.unit_price * end.rate), 2) for units in end.quantities)
            for end in ends
            if end.quantities is not None and end.unit_price is not None
        ]
        assert again == [one.amount.low, one.amount.high]

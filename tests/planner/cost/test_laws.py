"""Laws that every bill obeys, whatever the estate and the prices."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, bill
from planner.cost.book import PriceBook, Prices, layered
from planner.cost.design import Design, Year
from planner.cost.licences.vmware import licensed_cores, ordered_cores
from planner.cost.licences.windows import licences_for
from planner.cost.machine import Batch, Machine
from planner.cost.money import apportion
from planner.cost.platforms import PLATFORMS, Choice
from planner.cost.public import public_book
from tests.planner.cost.books import full, quotes, row

machines = st.builds(
    Machine,
    name=st.sampled_from(["a", "b", "c"]),
    sockets=st.integers(1, 4),
    cores=st.integers(4, 128),
    memory_mib=st.integers(1, 64).map(lambda gib: gib * 16384),
)
platforms = st.sampled_from(sorted(PLATFORMS))
money = st.decimals(0, 10**6, places=2, allow_nan=False)


def design(platform: str, machine: Machine, hosts: int, windows: int, edition: int = 0) -> Design:
    """A fleet of one kind with Windows VMs on every host."""
    found = PLATFORMS[platform]
    chosen = found.editions[edition % len(found.editions)]
    year = Year(
        batches=(Batch(machine=machine, count=hosts, bought=hosts),),
        vms=hosts * max(1, windows),
        vcpus=hosts * 8,
        memory_gib=Decimal(hosts * 32),
        storage_tib=Decimal(hosts),
        windows=(windows,) * hosts,
        rhel=(1,) * hosts,
    )
    choice = Choice(platform=found, edition=chosen, why=())
    return Design(key="x", name="x", choice=choice, years=(year,), moved_vms=hosts, new_platform=True)


designs = st.builds(design, platforms, machines, st.integers(1, 40), st.integers(0, 30), st.integers(0, 3))
assumed = st.builds(
    Assumptions,
    years=st.integers(1, 7),
    buy_network=st.booleans(),
    buy_storage=st.booleans(),
    protection=st.sampled_from(["none", "ha", "ft"]),
)


def sums(found: Bill) -> None:
    known = [line for line in found.lines if line.amount is not None]
    assert found.total.amount.low == sum(line.amount.low for line in known if line.amount)
    assert found.total.amount.high == sum(line.amount.high for line in known if line.amount)
    assert found.total.capex + found.total.opex == found.total.amount
    assert sum(span.low for span in found.total.by_year) == found.total.amount.low
    for line in known:
        assert line.amount is not None
        assert sum(span.high for span in line.by_year) == line.amount.high
        assert line.amount.low <= line.amount.high
        assert all(span.low == round(span.low, 2) for span in line.by_year)


@given(designs, assumed)
@settings(max_examples=60)
def test_printed_lines_sum_to_the_printed_totals(one: Design, assumptions: Assumptions) -> None:
    sums(bill(one, assumptions, full()))
    sums(bill(one, assumptions, public_book().at(None)))


@given(designs, assumed)
@settings(max_examples=60)
def test_one_more_host_never_costs_less(one: Design, assumptions: Assumptions) -> None:
    fleet = one.years[0]
    [batch] = fleet.batches
    more = replace(
        fleet,
        batches=(replace(batch, count=batch.count + 1, bought=batch.bought + 1),),
        windows=(*fleet.windows, fleet.windows[0]),
        rhel=(*fleet.rhel, 1),
    )
    prices = full(residual_percent="0")
    before, after = bill(one, assumptions, prices), bill(replace(one, years=(more,)), assumptions, prices)
    assert {line.what for line in before.lines} == {line.what for line in after.lines}
    for line in before.lines:
        other = after.line(line.what)
        assert other is not None
        assert line.amount is not None
        assert other.amount is not None
        assert other.amount.low >= line.amount.low, line.what


@given(
    st.lists(st.lists(st.integers(1, 128), min_size=1, max_size=4), min_size=1, max_size=30),
    st.integers(1, 128),
)
def test_one_more_cpu_never_needs_fewer_licences(hosts: list[list[int]], cores: int) -> None:
    flat = [core for cpus in hosts for core in cpus]
    assert ordered_cores(licensed_cores([*flat, cores])) >= ordered_cores(licensed_cores(flat))


@given(
    st.lists(
        st.tuples(st.lists(st.integers(1, 64), min_size=1, max_size=4), st.integers(0, 60)), max_size=12
    ),
    money.map(lambda price: price + 1),
    money.map(lambda price: price + 1),
)
def test_the_windows_editions_chosen_cost_least_host_by_host(
    hosts: list[tuple[list[int], int]], standard: Decimal, datacenter: Decimal
) -> None:
    cpus, vms = [one for one, _ in hosts], [count for _, count in hosts]
    mixed = licences_for(cpus, vms, standard, datacenter)
    cost = mixed.standard_16 * standard + mixed.datacenter_16 * datacenter
    only = licences_for(cpus, vms, standard, datacenter + 10**12)
    all_standard = only.standard_16 * standard
    all_datacenter = licences_for(cpus, vms, datacenter * 10**12, datacenter)
    assert cost <= all_standard
    assert cost <= all_datacenter.datacenter_16 * datacenter


@given(designs, assumed)
@settings(max_examples=40)
def test_the_currency_of_the_bill_does_not_change_what_it_is_worth(
    one: Design, assumptions: Assumptions
) -> None:
    euros = bill(one, assumptions, full())
    dollars = bill(one, replace(assumptions, currency="USD"), full())
    cents_of_rounding = Decimal("0.02") * assumptions.years * len(euros.lines)
    assert abs(euros.total.amount.low * Decimal("1.0411") - dollars.total.amount.low) <= cents_of_rounding


@given(designs, st.integers(2, 7))
@settings(max_examples=40)
def test_a_year_more_adds_a_year_and_changes_none(one: Design, years: int) -> None:
    prices = full(residual_percent="0")
    short, long = bill(one, Assumptions(years=years - 1), prices), bill(one, Assumptions(years=years), prices)
    assert long.total.by_year[: years - 1] == short.total.by_year
    assert long.total.amount == short.total.amount + long.total.by_year[-1]


@given(designs, assumed, st.integers(2, 9))
@settings(max_examples=40)
def test_prices_times_k_cost_k_times(one: Design, assumptions: Assumptions, times: int) -> None:
    prices = full()
    dearer = Prices(
        entries={
            key: replace(entry, span=type(entry.span)(entry.span.low * times, entry.span.high * times))
            if entry.span is not None and entry.card.money
            else entry
            for key, entry in prices.entries.items()
        }
    )
    before, after = bill(one, assumptions, prices), bill(one, assumptions, dearer)
    rounding = Decimal("0.01") * times * assumptions.years * len(before.lines)
    assert abs(before.total.amount.low * times - after.total.amount.low) <= rounding


@given(designs, assumed, st.sampled_from(sorted(PLATFORMS)))
@settings(max_examples=60)
def test_what_does_not_hang_on_the_platform_costs_the_same_on_all(
    one: Design, assumptions: Assumptions, other: str
) -> None:
    platform = PLATFORMS[other]
    moved = replace(one, choice=Choice(platform=platform, edition=platform.editions[0], why=()))
    here, there = bill(one, assumptions, full()), bill(moved, assumptions, full())
    shared = ("servers", "network", "storage", "support", "energy", "space", "labour", "downtime", "change")
    for area in shared:
        assert here.area(area) == there.area(area)


@given(st.decimals(-(10**6), 10**6, places=2, allow_nan=False), st.lists(money, min_size=1, max_size=50))
def test_shares_add_up_to_the_cent_and_none_is_on_the_wrong_side(
    amount: Decimal, weights: list[Decimal]
) -> None:
    found = apportion(amount, weights)
    assert sum(found) == amount
    assert all(share * amount >= 0 for share in found)
    if any(weights):
        assert all(
            abs(share) <= Decimal("0.01") for share, weight in zip(found, weights, strict=True) if not weight
        )


@given(st.decimals(1, 1000, places=2, allow_nan=False), st.decimals(0, 1000, places=2, allow_nan=False))
def test_a_wider_range_of_a_price_never_narrows_the_bill(low: Decimal, wide: Decimal) -> None:
    machine = Machine(name="a", sockets=2, cores=32, memory_mib=131072)
    one = design("vmware", machine, 3, 4, 2)
    narrow = PriceBook(name="n", rows=(row("vvf_core_year", str(low)),))
    broad = PriceBook(name="b", rows=(row("vvf_core_year", str(low), str(low + wide)),))
    bills = [
        bill(one, Assumptions(), layered([public_book(), quotes(), book], None)) for book in (narrow, broad)
    ]
    assert bills[1].total.amount.low == bills[0].total.amount.low
    assert bills[1].total.amount.high >= bills[0].total.amount.high

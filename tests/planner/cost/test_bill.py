"""A bill: every line opens to its formula, unknown stays unknown, published sums come out."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

from planner.cost import bill as module
from planner.cost.assumptions import Assumptions, check_assumptions
from planner.cost.bill import Bill
from planner.cost.book import BookError, Price, PriceBook, layered
from planner.cost.carbon import footprint
from planner.cost.machine import Machine
from planner.cost.money import Span
from planner.cost.public import public_book
from planner.cost.showback import by_owner, shares
from planner.cost.study import Question, study
from planner.estate import Estate
from tests.planner.cost.books import full, quotes, row
from tests.planner.small import host, reading, vm


def today(estate: Estate, assumptions: Assumptions | None = None, **changed: str) -> Bill:
    found = study(estate, Question(platforms=()), assumptions or Assumptions(years=1), full(**changed))
    bill = found.bill("today")
    assert bill is not None
    return bill


def known(bill: Bill, what: str) -> Span:
    line = bill.line(what)
    assert line is not None
    assert line.amount is not None, line.missing
    return line.amount


def test_a_host_at_35_percent_costs_604_euros_of_electricity_a_year() -> None:
    """110 W idle, 468 W full, PUE 1.54, 0.1902 EUR/kWh: the published example."""
    estate = reading([host("esx", cpu_usage_percent=35.0)], [vm("a")]).estate
    bill = today(estate)
    assert round(known(bill, "electricity").low) == 604
    found = footprint(bill.design, bill.assumptions, full())
    assert found.kwh is not None
    assert found.grid_kg is not None
    assert (round(found.kwh), round(found.grid_kg / 1000, 2)) == (3174, Decimal("1.21"))


def test_unmeasured_cpu_usage_is_assumed_and_said() -> None:
    line = today(reading([host("esx")], [vm("a")]).estate).line("electricity")
    assert line is not None
    assert any("No CPU usage was exported" in str(note) for note in line.notes)


def test_an_empty_card_leaves_its_line_unknown_and_out_of_the_sum() -> None:
    estate = reading([host("esx")], [vm("a")]).estate
    found = study(estate, Question(platforms=()), Assumptions(years=1), public_book().at(None)).bill("today")
    assert found is not None
    labour = found.line("labour")
    assert labour is not None
    assert labour.amount is None
    assert labour.missing == ("administrator_year",)
    assert "administrator_year" in found.missing
    assert found.total.amount.low == sum(line.amount.low for line in found.lines if line.amount is not None)


def test_without_a_rate_nothing_is_exchanged_and_the_card_of_the_rate_is_named() -> None:
    pounds = PriceBook(
        name="pounds", rows=(row("server_support", "10"), row("server", "900", currency="GBP"))
    )
    estate = reading([host("esx")], [vm("a")]).estate
    prices = layered([public_book(), quotes(), pounds], None)
    bill = study(estate, Question(platforms=()), Assumptions(years=1), prices).bill("today")
    assert bill is not None
    support = bill.line("support")
    assert support is not None
    assert support.amount is None
    assert support.missing == ("rate:GBP:EUR",)


def test_a_range_of_the_list_price_is_a_range_of_the_bill() -> None:
    estate = reading([host("esx", cores=32)], [vm("a")]).estate
    question = Question(platforms=(), editions={"vmware": "vvf"})
    bill = study(estate, question, Assumptions(years=1, currency="USD"), full()).bill("today")
    assert bill is not None
    assert known(bill, "licence:vvf") == Span(Decimal(72 * 135), Decimal(72 * 190))
    assert bill.total.amount.high - bill.total.amount.low == 72 * (190 - 135)


def test_the_worth_in_the_end_is_taken_off_at_the_right_end_of_a_range() -> None:
    estate = reading([], [vm("a")]).estate
    dear = PriceBook(
        name="range", rows=(row("server", "10000", "20000"), row("residual_percent", "10", "20"))
    )

    machine = Machine(name="new", sockets=2, cores=32, memory_mib=524288)
    prices = layered([public_book(), quotes(), dear], None)
    bill = study(estate, Question(machine=machine), Assumptions(failures=0), prices).bill("vmware")
    assert bill is not None
    assert known(bill, "hosts") == Span(Decimal(10000), Decimal(20000))
    assert known(bill, "residual") == Span(Decimal(-4000), Decimal(-1000))


def test_later_years_are_worth_less_and_an_annuity_is_worth_the_same() -> None:
    bill = today(reading([host("esx")], [vm("a")]).estate, Assumptions(years=5), discount_percent="5")
    assert bill.total.present.low < bill.total.amount.low
    again = sum(bill.total.annuity.low / Decimal("1.05") ** year for year in range(1, 6))
    assert abs(again - bill.total.present.low) < Decimal("0.05")


def test_growth_buys_hosts_in_the_year_that_needs_them() -> None:
    estate = reading([host(f"esx{n}") for n in range(3)], [vm(f"v{n}") for n in range(28)]).estate
    bill = study(estate, Question(), Assumptions(years=3, growth_percent=Decimal(40)), full()).bill("vmware")
    assert bill is not None
    hosts = [bill.design.year(number).hosts for number in range(3)]
    bought = [bill.design.year(number).bought for number in range(3)]
    assert hosts == sorted(hosts)
    assert hosts[0] < hosts[2]
    assert [3 + sum(bought[: number + 1]) for number in range(3)] == hosts
    line = bill.line("hosts")
    assert line is not None
    assert [span.low for span in line.by_year] == [14000 * count for count in bought]


def test_shares_of_owners_add_up_to_the_bill_to_the_cent() -> None:
    vms = [
        vm("a", owner="finance", guest_os="Microsoft Windows Server 2022"),
        vm("b", owner="finance", vcpus=16),
        vm("c", memory_mib=65536),
        vm("off", power="off", owner="nobody pays for it"),
    ]
    bill = today(reading([host("esx"), host("esy")], vms).estate)
    found = shares(bill, vms)
    assert [share.vm for share in found] == ["a", "b", "c"]
    owners = by_owner(found)
    assert {row.owner: row.vms for row in owners} == {"finance": 2, "": 1}
    assert sum(row.amount.low for row in owners) == bill.total.amount.low
    assert sum(row.amount.high for row in owners) == bill.total.amount.high
    windows = known(bill, "windows_standard_16").low
    assert windows > 0
    assert found[0].amount.low >= windows


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"years": 0}, "years: 0 is not between 1 and 7"),
        ({"years": 8}, "years: 8"),
        ({"currency": "euros"}, "currency: euros"),
        ({"growth_percent": Decimal("NaN")}, "growth: NaN"),
        ({"growth_percent": Decimal(-100)}, "growth: -100"),
        ({"discounts": {"vcf_core_year": Decimal(101)}}, "discount on vcf_core_year: 101"),
        ({"discounts": {"lunch": Decimal(1)}}, "there is no price lunch"),
        ({"discounts": {"pue": Decimal(1)}}, "there is no price pue"),
        ({"failures": -1}, "failures: -1"),
        ({"vcpu_per_core": 0.0}, "vCPUs per core: 0.0"),
    ],
)
def test_assumptions_that_make_no_sense_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(BookError) as error:
        today(reading([host("esx")], [vm("a")]).estate, Assumptions(**wrong))
    assert says in str(error.value)


def test_an_estate_without_hosts_or_vms_is_no_error() -> None:
    assert study(Estate(), Question(), Assumptions(), full()).bills == ()
    empty = study(reading([host("esx")], []).estate, Question(), Assumptions(), full())
    assert empty.bill("today") is not None


def test_the_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_layout_says_how_much_raw_storage_is_bought_and_a_senseless_one_is_refused() -> None:
    stored = reading([host("esx0")], [vm("a", disk_mib=10 * 2**20), vm("b")]).estate

    def raw(layout: str) -> Decimal:
        assumptions = Assumptions(buy_storage=True, layout=layout)
        found = study(stored, Question(platforms=("proxmox",)), assumptions, full()).bill("proxmox")
        line = found.line("storage") if found else None
        assert line is not None
        assert line.quantity is not None
        assert layout in line.source
        return line.quantity.low

    assert raw("copies:3") == 2 * raw("erasure:4+2")
    assert raw("raid6:10") < raw("raid5:4")
    for wrong in ("raid5:2", "raid6:99", "erasure:0+2", "copies:0", "tape"):
        with pytest.raises(BookError, match="is no layout"):
            check_assumptions(Assumptions(layout=wrong))


def test_the_grids_factor_of_each_hour_counts_once_all_hours_are_known() -> None:
    one = reading([host("esx0", cpu_usage_percent=35)], [vm("a")]).estate
    night = [row(f"grid_kg_kwh:{hour:02}", "0.1") for hour in range(12)]
    day = [row(f"grid_kg_kwh:{hour:02}", "0.4") for hour in range(12, 24)]
    busy = [row(f"usage_percent:{hour:02}", "0" if hour < 12 else "70") for hour in range(24)]

    def kg(*rows: Price) -> Decimal:
        prices = layered([public_book(), PriceBook(name="hours", rows=rows)], None)
        found = study(one, Question(platforms=()), Assumptions(years=1), prices).bill("today")
        assert found is not None
        counted = footprint(found.design, Assumptions(years=1), prices)
        assert counted.kwh is not None
        assert counted.grid_kg is not None
        assert counted.by_hour == (len(rows) >= 24)
        return counted.grid_kg / counted.kwh

    assert kg(*night) == Decimal("0.38")  # half a day is no day
    assert kg(*night, *day) == Decimal("0.25")
    by_day = (Decimal(110) * Decimal("0.1") + Decimal("360.6") * Decimal("0.4")) / Decimal("470.6")
    assert abs(kg(*night, *day, *busy) - by_day) < Decimal("1e-9")  # 110 W by night, 360.6 W by day

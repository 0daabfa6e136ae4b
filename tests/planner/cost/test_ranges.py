"""Growth and discount rate as ranges: what they do to a total, to its interval and to when a way pays."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from planner.__main__ import main
from planner.compared import compare
from planner.cost.answer import Answer, Asked, Compare, Shown, answer
from planner.cost.assumptions import Assumptions
from planner.cost.bill import GROWTH
from planner.cost.book import BookError, PriceBook, Prices, layered
from planner.cost.machine import Machine
from planner.cost.payments import Payments, pays_from
from planner.cost.public import public_book
from planner.cost.study import Question, study
from planner.cost.tipping import doubts
from planner.cost.uncertainty import GROWTHS, Interval, Outcome, Payback, Swing, growths_of
from planner.cost.ways import physical
from planner.estate import Estate
from planner.hardware.advice import advise
from planner.variant import Growth, Variant
from tests.planner.cost.books import full, quotes, row
from tests.planner.small import host, reading, vm

RATE = "discount_percent"
CERTAIN = PriceBook(name="certain", rows=(row("vvep_core_year", "150"),))
OPEN = PriceBook(name="open", rows=(row("server", "10000", "16000"), row("electricity_kwh", "0.15", "0.30")))
amounts = st.lists(st.decimals(0, 10**6, places=2), min_size=1, max_size=7)
rates = st.decimals(0, 100, places=1)


def estate() -> Estate:
    return reading([host(f"esx{n}") for n in range(4)], [vm(f"v{n}") for n in range(40)]).estate


def certain() -> Prices:
    return layered([public_book(), quotes(), CERTAIN], None)


def ranged() -> Prices:
    return layered([public_book(), quotes(), CERTAIN, OPEN], None)


def asked(compare: Compare = "platforms", **assumed: object) -> Asked:
    given_ = {"editions": {"vmware": "vvep"}, "host_cores": 32, "host_memory_gib": 256, "compare": compare}
    return Asked(assumptions=Assumptions(**assumed), **given_)  # type: ignore[arg-type]


def answered(question: Asked, prices: Prices) -> Answer:
    return answer(estate(), question, prices, np.random.default_rng(1))


def growth(low: str, high: str | None) -> dict[str, object]:
    return {"growth_percent": Decimal(low), "growth_high_percent": None if high is None else Decimal(high)}


def swing(shown: Shown, card: str) -> Swing:
    return next(one for one in shown.swings if one.card == card)


@given(amounts, rates)
def test_what_is_paid_month_by_month_ends_at_what_all_of_it_is_worth(
    paid: list[Decimal], rate: Decimal
) -> None:
    one = Payments(start=tuple(paid), through=tuple(reversed(paid)), last=tuple(paid))
    assert abs(one.cumulated(rate)[-1] - one.worth(rate)) < Decimal("1e-9")
    assert one.worth(Decimal(0)) == sum(paid) * 3
    assert one.worth(rate) <= one.worth(Decimal(0))


@given(amounts, rates, rates)
def test_a_higher_rate_never_makes_later_savings_pay_earlier(
    saved: list[Decimal], one: Decimal, other: Decimal
) -> None:
    nothing = (Decimal(0),) * len(saved)
    old = Payments(start=nothing, through=tuple(saved), last=nothing)
    new = Payments(start=(Decimal(1000), *nothing[1:]), through=nothing, last=nothing)
    low, high = sorted((one, other))
    early, late = (pays_from(old.cumulated(rate), new.cumulated(rate)) for rate in (low, high))
    assert late is None or (early is not None and early <= late)


def test_the_bill_stands_at_the_middle_and_a_range_without_width_changes_nothing() -> None:
    plain = answered(asked(**growth("20", None)), ranged())
    narrow = answered(asked(**growth("20", "20")), ranged())
    assert narrow.designs == tuple(
        replace(two, bill=replace(two.bill, assumptions=one.bill.assumptions))
        for one, two in zip(narrow.designs, plain.designs, strict=True)
    )
    wide = answered(asked(**growth("10", "30")), ranged())
    for one, two in zip(plain.designs, wide.designs, strict=True):
        assert one.bill.lines == two.bill.lines
        assert one.bill.total == two.bill.total


def test_the_ends_of_the_growth_in_the_tornado_are_the_bills_at_these_growths() -> None:
    wide = answered(asked(**growth("0", "40")), certain())
    ends = [answered(asked(**growth(percent, None)), certain()) for percent in ("0", "40")]
    for place, shown in enumerate(wide.designs):
        found = swing(shown, GROWTH)
        low, high = (end.designs[place].bill for end in ends)
        assert (found.span.low, found.span.high) == (0, 40)
        assert (found.at_low, found.at_high) == (low.total.amount.low, high.total.amount.low)
        last = shown.bill.assumptions.years - 1
        assert shown.hosts_grown[0] == low.design.year(last).hosts
        assert shown.hosts_grown[-1] == high.design.year(last).hosts
        assert len(shown.hosts_grown) == GROWTHS
        assert list(shown.hosts_grown) == sorted(shown.hosts_grown)
    planned = wide.designs[1]
    assert planned.hosts_grown[0] < planned.hosts_grown[-1]
    assert planned.swings[0].card == GROWTH


def test_the_interval_lies_between_the_bills_of_both_ends_and_is_wider_than_without_growth() -> None:
    wide = answered(asked(**growth("0", "40")), ranged())
    low, middle, high = (answered(asked(**growth(one, None)), ranged()) for one in ("0", "20", "40"))
    for place, shown in enumerate(wide.designs):
        inside = shown.outcome.total
        assert low.designs[place].bill.total.amount.low <= inside.low < inside.median < inside.high
        assert inside.high <= high.designs[place].bill.total.amount.high
    of_planned, without = wide.designs[1].outcome.total, middle.designs[1].outcome.total
    assert of_planned.high - of_planned.low > without.high - without.low


def test_the_discount_rate_moves_what_it_is_worth_today_and_not_what_is_paid() -> None:
    wide = asked(discount_rate_percent=Decimal(2), discount_rate_high_percent=Decimal(8))
    found = answered(wide, certain())
    plain = answered(asked(), certain())
    ends = [answered(asked(discount_rate_percent=Decimal(rate)), certain()) for rate in (2, 5, 8)]
    for place, shown in enumerate(found.designs):
        low, middle, high = (end.designs[place].bill.total for end in ends)
        assert shown.bill.total.amount == plain.designs[place].bill.total.amount
        assert shown.bill.total.present == middle.present
        [moved] = [one for one in shown.swings if one.card == RATE]
        assert abs(moved.at_low - low.present.low) < Decimal("0.20")  # the bill rounds every line
        assert abs(moved.at_high - high.present.low) < Decimal("0.20")
        assert moved.at_high < moved.at_low < shown.bill.total.amount.low
        assert moved.at_high <= shown.outcome.total.low < shown.outcome.total.high <= moved.at_low


def test_a_rate_of_the_price_book_counts_too_and_that_of_the_asker_stands_above_it() -> None:
    book = PriceBook(name="rate", rows=(row(RATE, "3", "9"),))
    prices = layered([public_book(), quotes(), CERTAIN, book], None)
    assert swing(answered(asked(), prices).designs[0], RATE).span.high == 9
    own = answered(asked(discount_rate_percent=Decimal(4)), prices)
    assert not [one for one in own.designs[0].swings if one.card == RATE]
    assert own.designs[0].bill.total.rate_percent == 4


def test_when_it_pays_is_told_with_the_months_of_nine_draws_in_ten() -> None:
    learning = PriceBook(
        name="open", rows=(row("training_person", "2000", "30000"), row("vvep_core_year", "300"))
    )
    prices = layered([public_book(), quotes(), CERTAIN, learning], None)
    question = replace(asked("ways", **growth("0", "20")), host_cores=None)
    found = {shown.bill.design.key: shown for shown in answered(question, prices).designs}
    leaving = found["leave:proxmox"].outcome.payback
    assert leaving is not None
    assert 50 < leaving.percent < 95
    assert leaving.low is not None
    assert leaving.median is not None  # more than half of the draws pay
    assert 0 < leaving.low < leaving.median <= 60
    assert leaving.high is None  # fewer than 95 of 100 do
    [said] = doubts(found["leave:proxmox"].outcome, 5)
    assert f"at best after {leaving.low} months, within 5 years in {leaving.percent} %" in str(said)
    assert found["keep"].outcome.payback is None


@pytest.mark.parametrize("way", ["ways", "protection", "physical"])
def test_whatever_is_compared_the_growth_is_drawn_for_every_design(way: Compare) -> None:
    found = answered(asked(way, **growth("0", "50")), certain())
    assert len(found.designs) >= 3
    for shown in found.designs:
        assert swing(shown, GROWTH).at_low <= swing(shown, GROWTH).at_high
        assert list(shown.hosts_grown) == sorted(shown.hosts_grown)
    assert any("0.0 to 50.0 % a year" in str(remark) for remark in found.remarks)


def test_physical_servers_are_bought_as_the_systems_grow_in_number() -> None:
    server = Machine(name="server", sockets=1, cores=8, memory_mib=65536)
    found = physical(estate().vms, server, Assumptions(years=3, growth_percent=Decimal(50)), full())
    assert [found.design.year(year).hosts for year in range(3)] == [40, 60, 90]
    assert sum(found.design.year(year).bought for year in range(3)) == 90


def test_a_variant_with_a_growth_of_its_own_is_not_drawn() -> None:
    variants = [
        Variant(name="as asked", changes=()),
        Variant(name="forty", changes=(Growth(percent=Decimal(40)),)),
    ]
    question = asked(**growth("0", "20"))
    found = compare(estate(), variants, question, certain(), np.random.default_rng(1))
    by_name = {shown.bill.design.name: shown for shown in found.answer.designs}
    assert by_name["as asked"].hosts_grown
    assert by_name["forty"].hosts_grown == ()
    assert GROWTH not in {one.card for one in by_name["forty"].swings}


@pytest.mark.parametrize("keep_hosts", [False, True])
def test_hosts_to_buy_are_counted_at_the_ends_of_the_growth(keep_hosts: bool) -> None:
    machines = [Machine(name="m", sockets=2, cores=32, memory_mib=256 * 1024)]
    question = asked(**growth("0", "50"))
    chance = np.random.default_rng(1)
    found = advise(estate(), machines, question, certain(), chance, keep_hosts=keep_hosts)
    for shown in found.answer.designs[1:]:
        assert shown.hosts_grown[0] <= shown.bill.design.year(4).hosts <= shown.hosts_grown[-1]
        assert shown.hosts_grown[0] < shown.hosts_grown[-1]


@given(st.decimals(-50, 50, places=1), st.decimals(0, 50, places=1))
@settings(max_examples=50)
def test_the_growths_go_evenly_from_one_end_to_the_other(low: Decimal, width: Decimal) -> None:
    steps = growths_of(Assumptions(growth_percent=low, growth_high_percent=low + width))
    assert steps == () if not width else (steps[0], steps[-1]) == (low, low + width)
    assert len({later - earlier for earlier, later in pairwise(steps)}) <= 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (growth("20", "10"), "growth: 20 to 10 % is upside down"),
        (growth("20", "NaN"), "growth: NaN"),
        (growth("20", "101"), "growth: 101"),
        ({"discount_rate_percent": Decimal(-1)}, "discount rate: -1"),
        ({"discount_rate_high_percent": Decimal(5)}, "has a low end too"),
        (
            {"discount_rate_percent": Decimal(5), "discount_rate_high_percent": Decimal(3)},
            "discount rate: 5 to 3 % is upside down",
        ),
    ],
    ids=str,
)
def test_ranges_that_make_no_sense_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(BookError, match=says):
        study(estate(), Question(), Assumptions(**wrong), full())  # type: ignore[arg-type]


def test_the_command_line_takes_ranges(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "estate.csv"
    rows = "\n".join(f"vm{n},4,16384,on" for n in range(60))
    file.write_text(f"name,vcpus,memory_mib,power\n{rows}\n")
    words = ["cost", str(file), "--host-cores", "32", "--host-memory-gib", "256", "--platform", "proxmox"]
    ranges = ["--growth", "0..50", "--discount-rate", "3..7"]
    assert main([*words, *ranges, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["assumptions"]["growth_high_percent"] == "50"
    assert {"growth_percent", RATE} <= {one["card"] for one in found["uncertainty"][0]["tornado"]}
    assert len(found["uncertainty"][0]["hosts_last_year_grown"]) == GROWTHS
    assert main([*words, *ranges]) == 0
    told = capsys.readouterr().out
    assert "Growth of 0.0 to 50.0 % a year: the bills stand at 25.0 %" in told
    assert "hangs on" in told
    for bad in (["--growth", "50..0"], ["--growth", "1..x"], ["--discount-rate", "..5"]):
        assert main([*words, *bad]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_hosts_that_do_not_carry_what_was_asked_for_are_never_the_cheapest() -> None:
    roomy = reading([host(f"esx{n}") for n in range(9)], [vm(f"v{n}") for n in range(40)]).estate
    wide = asked(**growth("50", "60"))
    found = answer(roomy, wide, ranged(), np.random.default_rng(1))
    today = found.designs[0]
    assert today.short
    assert today.bill.total.amount.high < found.designs[1].bill.total.amount.low  # and yet
    assert today.outcome.cheapest_percent == 0
    assert sum(shown.outcome.cheapest_percent for shown in found.designs) >= 100
    [said] = [str(remark) for remark in found.remarks if "do not carry" in str(remark)]
    first = int(said.partition("of year ")[2].split()[0])
    assert said.startswith("c: today's hosts do not carry the load of year")
    assert 1 < first <= 5
    carried = replace(wide, assumptions=Assumptions(years=first - 1, **growth("50", "60")))  # type: ignore[arg-type]
    assert not answer(roomy, carried, ranged(), np.random.default_rng(1)).designs[0].short


@pytest.mark.parametrize(
    ("low", "high", "percent", "says"),
    [
        (36, 36, 100.0, "after 36 months in nine of ten draws"),
        (9, 31, 98.0, "after 9 to 31 months in nine of ten draws"),
        (9, None, 40.0, "at best after 9 months, within 5 years in 40.0 % of the draws"),
        (None, None, 2.0, "within 5 years in 2.0 % of the draws"),
    ],
)
def test_how_sure_the_month_is_is_said(low: int | None, high: int | None, percent: float, says: str) -> None:
    point = Interval(low=Decimal(0), median=Decimal(0), high=Decimal(0), draws=1000)
    payback = Payback(low=low, median=low, high=high, percent=percent)
    one = Outcome(design="b", total=point, cheapest_percent=0.0, against_first=point, payback=payback)
    [said] = doubts(one, 5)
    assert str(said) == f"With every open number drawn: {says}"
    certain = replace(one, total=replace(point, draws=1))
    assert doubts(certain, 5) == ()

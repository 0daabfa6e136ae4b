"""A first price: lines that add up, ranges where sources disagree, nothing invented."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.cost.first import (
    Fleet,
    Prices,
    cpus_of,
    energy_kwh,
    licensed_cores,
    ordered_cores,
    price,
    together,
)
from planner.parameters import Parameters
from planner.report import plan
from tests.planner.small import host, reading, vm


def fleet(**given: Any) -> Fleet:
    """Three planned hosts of two 16-core CPUs, one of them to buy, unless told otherwise."""
    usual = {"scope": "planned", "hosts": 3, "cores_licensed": 96, "utilisation_percent": 35.0, "to_buy": 1}
    return Fleet(**{**usual, **given})


def test_three_hosts_of_two_16_core_cpus_cost_what_was_worked_out() -> None:
    # 96 cores: 18,240 USD at 190, 33,600 at 350
    (vvf,) = [line for line in price(fleet(), Prices()) if line.item == "licence_vvf"]
    (vcf,) = [line for line in price(fleet(), Prices(licence="vcf")) if line.item == "licence_vcf"]
    assert (vvf.low, vvf.high, vvf.quantity) == ("12960.00", "18240.00", 96.0)
    assert (vcf.low, vcf.high) == ("33600.00", "33600.00")


def test_one_small_host_is_billed_the_order_minimum() -> None:
    one = fleet(hosts=1, cores_licensed=licensed_cores(cpus_of(1, 12)))
    (line,) = [line for line in price(one, Prices()) if line.item == "licence_vvf"]
    assert (line.quantity, line.high) == (72.0, "13680.00")


def test_without_a_quote_the_price_of_hosts_is_unknown_and_the_total_says_so() -> None:
    lines = price(fleet(), Prices())
    (hosts,) = [line for line in lines if line.item == "hosts"]
    (total,) = [line for line in lines if line.item == "total" and line.per == "once"]
    assert (hosts.low, hosts.high, total.low) == (None, None, None)
    assert str(total.assumptions[0]) == "Amounts that are not known (1) are not in the sum"


def test_a_quote_is_multiplied_by_the_hosts_to_buy() -> None:
    lines = price(fleet(to_buy=3), Prices(host_price=Decimal("12345.67"), currency="CHF"))
    (hosts,) = [line for line in lines if line.item == "hosts"]
    assert (hosts.low, hosts.currency) == ("37037.01", "CHF")


def test_nothing_to_buy_costs_nothing_without_a_quote() -> None:
    (hosts,) = [line for line in price(fleet(to_buy=0), Prices()) if line.item == "hosts"]
    assert hosts.low == "0.00"


@given(st.integers(0, 500), st.integers(0, 5000), st.floats(0, 100), st.integers(0, 9),
       st.sampled_from(["EUR", "USD"]), st.sampled_from(["vvf", "vcf", "none"]))  # fmt: skip
def test_lines_add_up_to_their_totals(
    hosts: int, cores: int, percent: float, to_buy: int, currency: str, licence: str
) -> None:
    prices = Prices(host_price=Decimal("9999.99"), currency=currency, licence=licence)  # type: ignore[arg-type]
    lines = price(
        fleet(hosts=hosts, cores_licensed=cores, utilisation_percent=percent, to_buy=to_buy), prices
    )
    for total in (line for line in lines if line.item == "total"):
        same = [
            line for line in lines
            if line.item != "total" and (line.per, line.currency) == (total.per, total.currency)
        ]  # fmt: skip
        assert Decimal(total.low or 0) == sum(Decimal(line.low or 0) for line in same)
        assert Decimal(total.high or 0) == sum(Decimal(line.high or 0) for line in same)


def test_currencies_are_never_added_to_each_other() -> None:
    totals = [
        line for line in price(fleet(), Prices(host_price=Decimal(1), currency="CHF")) if line.item == "total"
    ]
    assert sorted((line.currency, line.per) for line in totals) == [
        ("CHF", "once"), ("EUR", "year"), ("USD", "year")
    ]  # fmt: skip


def test_more_work_draws_more_and_idle_hosts_draw_too() -> None:
    assert 0 < energy_kwh(1, 0.0) < energy_kwh(1, 50.0) < energy_kwh(1, 100.0)


def test_clusters_are_ordered_together_so_the_minimum_counts_once() -> None:
    small = fleet(hosts=1, cores_licensed=32)
    (joined,) = together([small, small, small])
    assert (joined.hosts, joined.cores_licensed, ordered_cores(joined.cores_licensed)) == (3, 96, 96)


@pytest.mark.parametrize(
    ("sockets", "cores", "licensed"), [(2, 12, 32), (2, 64, 64), (1, 17, 17), (4, 66, 66)]
)
def test_each_cpu_counts_at_least_16_cores(sockets: int, cores: int, licensed: int) -> None:
    assert licensed_cores(cpus_of(sockets, cores)) == licensed


def test_measured_cpu_usage_follows_the_work_to_the_planned_hosts() -> None:
    hosts = [host(f"esx{n}", cpu_usage_percent=20.0) for n in range(4)]
    report = plan(reading(hosts, [vm("a")]), Parameters(failures=1))
    planned = next(
        line for line in report.clusters[0].cost if line.item == "energy" and line.scope == "planned"
    )
    assert str(planned.assumptions[0]).startswith("CPU usage 40.0 %")  # 4 hosts' work on 1 + 1


def test_unmeasured_cpu_usage_is_assumed_and_said() -> None:
    report = plan(reading([host("esx1"), host("esx2")], [vm("a")]), Parameters())
    energy = [line for line in report.clusters[0].cost if line.item == "energy"]
    assert {str(line.assumptions[0]) for line in energy} == {"No CPU usage was exported; assumed: 35.0 %"}


def test_the_estate_is_priced_as_the_sum_of_its_clusters() -> None:
    hosts = [host(f"{cluster}{n}", cluster=cluster) for cluster in "ab" for n in range(3)]
    vms = [vm(f"{cluster}-vm", cluster=cluster) for cluster in "ab"]
    report = plan(reading(hosts, vms), Parameters())
    whole = {(line.item, line.scope): line for line in report.cost}
    for scope in ("today", "planned"):
        parts = [
            line for cluster in report.clusters for line in cluster.cost
            if (line.item, line.scope) == ("licence_vvf", scope)
        ]  # fmt: skip
        licensed = sum(line.quantity for line in parts)
        assert whole["licence_vvf", scope].quantity <= licensed
    assert whole["licence_vvf", "today"].quantity == 192

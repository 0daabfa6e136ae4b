"""Labels, verdicts and numbers as a reader meets them."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from types import ModuleType

import msgspec
import pytest
from django.utils import translation

from cluster import labels, shown, verdict
from cluster.exports import csv, names
from planner.report import PlanReport


def test_every_figure_and_input_of_a_plan_has_a_label(demo_report: PlanReport) -> None:
    ids = {figure.id for cluster in demo_report.clusters for figure in cluster.figures}
    inputs = {
        given.name
        for cluster in demo_report.clusters
        for figure in cluster.figures
        for given in figure.inputs
    }
    assert ids | inputs <= labels.LABELS.keys()


def test_a_figure_without_a_label_shows_its_id_in_words() -> None:
    assert labels.label_of("never_heard_of") == "Never heard of"
    assert labels.help_of("never_heard_of") == ""


def test_units_follow_the_count() -> None:
    assert [labels.unit_of("hosts", count) for count in (0, 1, 2, 1.5)] == ["hosts", "host", "hosts", "hosts"]
    assert labels.unit_of("MHz") == "MHz"
    assert labels.unit_of("") == ""


def test_a_persons_name_is_never_translated() -> None:
    with translation.override("fr"):
        assert labels.name_of("Hosts") == "Hosts"


def test_a_blank_name_is_told_as_such() -> None:
    assert labels.name_of(" ") == "(no name)"


def test_the_verdict_names_what_is_missing(demo_report: PlanReport) -> None:
    said = {cluster.name: verdict.of_cluster(cluster) for cluster in demo_report.clusters}
    assert said["Production"].state == "bad"
    assert said["Production"].sentence == (
        "1 host is missing: 9 are needed to carry the load with 1 host lost, 8 are there."
        " Memory runs out first."
    )
    assert said["DMZ"].state == "ok"
    assert said["DMZ"].sentence.replace("\u00a0", " ") == (
        "The load runs on with 1 host lost. There is room for 2 more VMs (average running VM: 3 vCPU, 8 GiB)."
    )


def test_the_verdict_of_what_cannot_be_judged_is_neither_good_nor_bad(demo_report: PlanReport) -> None:
    cluster = msgspec.structs.replace(demo_report.clusters[0], fits=None, hosts_needed=None)
    assert verdict.of_cluster(cluster).state == "unknown"
    report = msgspec.structs.replace(demo_report, clusters=(cluster,))
    assert verdict.of_estate(report).state == "unknown"


def test_hosts_enough_in_number_but_not_in_room_are_not_said_to_be_missing(demo_report: PlanReport) -> None:
    cluster = msgspec.structs.replace(demo_report.clusters[0], fits=False, hosts_today=9, hosts_needed=3)
    sentence = "The hosts of today do not carry the load with 1 host lost."
    assert verdict.of_cluster(cluster).sentence == sentence


def test_the_verdict_of_the_estate_names_few_and_counts_many(demo_report: PlanReport) -> None:
    failing = [
        msgspec.structs.replace(demo_report.clusters[0], name=f"c{number}", fits=False) for number in range(9)
    ]
    report = msgspec.structs.replace(demo_report, clusters=tuple(failing))
    assert verdict.of_estate(report).sentence == (
        "9 of 9 clusters do not carry their load with 1 host lost: c0, c1, c2, c3 and 5 more."
    )


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["4.015625", "1,234,567.5", "680", "0", "-2", "12,480.00\u00a0EUR"]),
        ("fr", ["4,015625", "1\u00a0234\u00a0567,5", "680", "0", "-2", "12\u00a0480,00\u00a0EUR"]),
    ],
)
def test_numbers_keep_their_digits_in_each_language(language: str, expected: list[str]) -> None:
    with translation.override(language):
        found = [shown.number(value) for value in (4.015625, 1234567.5, 680, 0.0000001, -2.0)]
        found.append(shown.money("12480.00", "EUR"))
    assert found == expected


def test_a_range_of_money_says_its_currency_once() -> None:
    assert shown.money_range("135.00", "190.00", "USD") == "135.00\u00a0–\u00a0190.00\u00a0USD"
    assert shown.money_range("5.00", "5.00", "EUR") == "5.00\u00a0EUR"
    assert shown.money_range(None, None, "EUR") == "enter your quote"


def test_a_moment_says_its_zone() -> None:
    assert shown.moment(datetime(2026, 3, 2, 9, 30, tzinfo=UTC)) == "March 2, 2026, 09:30\u00a0UTC"


@pytest.mark.parametrize("module", [csv, names])
def test_the_examples_in_the_words_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0

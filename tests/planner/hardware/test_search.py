"""The search over host models: what it offers is placed, nothing beats it, bounds only save work."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.__main__ import main
from planner.checker import check
from planner.cost.assumptions import Assumptions
from planner.cost.bill import bill
from planner.cost.book import BookError, Prices, layered
from planner.cost.book_csv import write_book
from planner.cost.machine import Machine
from planner.cost.public import public_book
from planner.cost.study import Question
from planner.demand import Capacity, give_of, load_of
from planner.estate import Estate
from planner.hardware import search as module
from planner.hardware.front import Scores, pareto
from planner.hardware.models import read_models, shapes
from planner.hardware.search import Found, search
from planner.placement import pack
from tests.planner.cost.books import full, quotes
from tests.planner.small import WORKSHOP, host, needs_workshop, reading, vm


def priced() -> Prices:
    return full(server_base="3000", server_core="90", server_memory_gib="6")


def estate(vms: int = 60) -> Estate:
    mixed = [vm(f"v{n}", vcpus=1 + n % 7, memory_mib=2048 * (1 + n % 11)) for n in range(vms)]
    return reading([host(f"esx{n}") for n in range(6)], mixed).estate


MACHINES = shapes().machines[::7]


@pytest.fixture(scope="module")
def found() -> Found:
    return search(estate(), MACHINES, Question(platforms=("vmware", "proxmox")), Assumptions(), priced())


def test_the_cheapest_comes_first_and_its_bill_is_its_cost(found: Found) -> None:
    costs = [option.cost for option in found.front]
    assert costs == sorted(costs)
    assert found.bill is not None
    assert found.bill.total.amount.middle == pytest.approx(found.front[0].cost, abs=Decimal("0.5"))
    assert found.why


def test_nothing_on_the_front_beats_another(found: Found) -> None:
    scores = [module.scores_of(option) for option in found.front]
    assert not any(one.beats(other) for one in scores for other in scores)
    assert {option.platform for option in found.front} <= {"vmware", "proxmox"}


def test_what_is_offered_can_be_placed_and_the_judge_agrees(found: Found) -> None:
    load = load_of(estate().vms)
    for option in found.front[:5]:
        machine = option.machine
        give = give_of(cores=machine.cores, cpu_mhz=0.0, memory_mib=machine.memory_mib, vcpu_per_core=4.0)
        placement = pack(load, give)
        assert placement.hosts_used <= option.hosts_for_load
        offered = Capacity.of(placement.hosts, [give] * len(placement.hosts))
        assert check(placement.placed, load, offered, [], []) == []


def test_every_option_considered_without_bounds_gives_the_same_front(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds may only save work: asking the whole placement for every model changes no answer."""
    monkeypatch.setattr(module, "_could_matter", lambda *_: True)
    monkeypatch.setattr(module, "AT_ONCE", None)
    question = Question(platforms=("vmware", "proxmox"))
    patient = search(estate(), MACHINES, question, Assumptions(), priced())
    key = [(one.platform, one.machine, one.hosts) for one in patient.front]
    assert [(one.platform, one.machine, one.hosts) for one in found.front] == key


def test_models_that_carry_some_vm_nowhere_are_named() -> None:
    small = Machine(name="tiny", sockets=1, cores=1, memory_mib=4096)
    result = search(estate(), [small], Question(), Assumptions(), priced())
    assert (result.front, result.impossible) == ((), ("tiny",))


def test_an_empty_estate_needs_no_hosts() -> None:
    assert search(Estate(), MACHINES, Question(), Assumptions(), priced()).front == ()


def test_one_more_failure_to_carry_needs_one_host_more_in_each_cluster() -> None:
    machine = Machine(name="m", sockets=2, cores=32, memory_mib=524288)
    counts = [
        search(estate(), [machine], Question(), Assumptions(failures=k), priced()).front[0].hosts
        for k in range(3)
    ]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


def test_hosts_that_are_there_are_kept_where_that_is_cheaper() -> None:
    machine = Machine(name="dear", sockets=2, cores=32, memory_mib=524288)
    prices = full(server="90000", server_support="0")
    question = Question(platforms=("vmware",))
    anew = search(estate(100), [machine], question, Assumptions(), prices)
    beside = search(estate(100), [machine], question, Assumptions(), prices, keep_hosts=True)
    assert beside.front[0].kept_hosts == 6
    assert beside.front[0].cost < anew.front[0].cost
    assert beside.front[0].hosts > 6


def test_without_prices_of_hosts_the_answer_says_what_that_means() -> None:
    result = search(estate(), MACHINES, Question(), Assumptions(), public_book().at(None))
    assert any("No price of a host is known" in str(reason) for reason in result.why)


scores = st.builds(
    Scores,
    cost=st.integers(0, 5).map(float),
    crowding=st.integers(0, 5).map(float),
    carbon_kg=st.integers(0, 5).map(float),
    outage_minutes=st.integers(0, 5).map(float),
)


@given(st.lists(scores, max_size=30))
@settings(max_examples=100)
def test_a_front_keeps_exactly_what_nothing_beats(rows: list[Scores]) -> None:
    kept = pareto([(one, one) for one in rows])
    assert set(map(Scores.as_tuple, kept)) == {
        one.as_tuple() for one in rows if not any(other.beats(one) for other in rows)
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,sockets,cores\n", "m.csv: no column memory_gib"),
        ("name,sockets,cores,memory_gib,colour\n", "unknown column colour"),
        ("name,sockets,cores,memory_gib\n", "m.csv: no host model"),
        ("name,sockets,cores,memory_gib\na,2,1,64\n", "m.csv, row 2: no host has 1 cores on 2 sockets"),
        ("name,sockets,cores,memory_gib\na,2,1.5,64\n", "row 2: cores: 1.5 is not a number"),
        ("name,sockets,cores,memory_gib\na,2,4,-1\n", "row 2: memory_gib: -1 is not"),
        ("name,sockets,cores,memory_gib\na,2,4,8\na,2,4,8\n", "row 3: model a stands twice"),
        ("name,sockets,cores,memory_gib,idle_w\na,2,4,8,100\n", "idle_w and full_w are given together"),
        ("name,sockets,cores,memory_gib,price\na,2,4,8,dear\n", "price: dear is not a number"),
        ("name,sockets,cores,memory_gib,price\na,2,4,8,100\n", "currency"),
        ("name,sockets,cores,memory_gib\n,2,4,8\n", "a model needs a name"),
    ],
)
def test_a_bad_list_of_models_names_the_row(text: str, says: str) -> None:
    with pytest.raises(BookError) as error:
        read_models(text.encode(), "m.csv")
    assert says in str(error.value)


MODELS = """name,sockets,cores,cpu_mhz,memory_gib,price,currency,source
Small,2,32,2900,512,11000,EUR,example quote
Medium,2,64,2600,1024,19000,EUR,example quote
Large,2,128,2400,2048,36000,EUR,example quote
"""


@needs_workshop
def test_the_workshop_estate_is_sized_on_three_models_and_three_platforms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """N+1, five years: the sizing that somebody takes to a buyer."""
    (tmp_path / "models.csv").write_text(MODELS)
    (tmp_path / "quotes.csv").write_bytes(write_book(quotes()))
    platforms = [word for key in ("vmware", "hyperv", "proxmox") for word in ("--platform", key)]
    books = ["--prices", str(tmp_path / "quotes.csv"), "--models", str(tmp_path / "models.csv")]
    assert main(["size", str(WORKSHOP), *books, *platforms, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"] == 3
    assert document["missing"] == []
    assert document["cheapest"] == document["front"][0]
    total = sum(Decimal(line["amount"]) for line in document["lines"])
    assert total <= Decimal(document["cheapest"]["cost"]) + 1
    assert all(
        option["hosts"] == option["hosts_for_load"] + 4 * (1 + option["hosts_spare"])
        for option in document["front"]
    )


def test_a_file_without_models_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models.csv").write_text("colour\nred\n")
    assert main(["size", str(tmp_path), "--models", str(tmp_path / "models.csv")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_quotes_of_models_lie_over_the_book() -> None:
    models = read_models(MODELS.encode(), "m.csv")
    prices = layered([public_book(), quotes(), models.quotes], None)
    result = search(estate(), models.machines, Question(), Assumptions(), prices)
    assert result.bill is not None
    assert bill(result.front[0].design, Assumptions(), prices).missing == ()

"""`python -m planner cost` from outside: lines that add up, one-line complaints, exit codes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from planner.__main__ import main
from planner.cost.book_csv import write_book
from planner.estate import Estate
from planner.formats.document import write_document
from tests.planner.cost.books import quotes
from tests.planner.small import WORKSHOP, host, needs_workshop, reading, vm


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    vms = [vm(f"v{n}", guest_os="Microsoft Windows Server 2022 (64-bit)") for n in range(20)]
    path = tmp_path / "estate.json"
    path.write_bytes(write_document(reading([host(f"esx{n}") for n in range(3)], vms).estate))
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    path.write_bytes(write_book(quotes()))
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["cost", *map(str, arguments), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["cost", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_lines_have_every_key_and_add_up_to_the_totals(
    capsys: pytest.CaptureFixture[str], estate: Path, book: Path
) -> None:
    document = answer(
        capsys, estate, "--prices", book, "--years", 3, "--platform", "vmware", "--platform", "proxmox"
    )
    keys = {"what", "quantity", "unit_price", "unit", "amount", "currency", "formula", "source", "date"}
    assert all(keys <= set(line) for line in document["lines"])
    assert [total["design"] for total in document["totals"]] == ["today", "vmware", "proxmox"]
    for total in document["totals"]:
        lines = [line for line in document["lines"] if line["design"] == total["design"]]
        assert sum(Decimal(line["amount"]) for line in lines) == Decimal(total["amount"])
        assert sum(Decimal(line["amount_high"]) for line in lines) == Decimal(total["amount_high"])
        assert len(total["by_year"]) == 3
    assert document["missing"] == []
    assert all(Decimal(row["vm_year"]) > 0 for row in document["per_vm"])


def test_without_a_book_the_lines_without_a_price_say_so(
    capsys: pytest.CaptureFixture[str], estate: Path
) -> None:
    document = answer(capsys, estate)
    unknown = [line for line in document["lines"] if line["amount"] is None]
    assert unknown
    assert all(line["missing"] for line in unknown)
    assert "server" in document["missing"]
    assert main(["cost", str(estate)]) == 0
    assert "enter your quote" in capsys.readouterr().out


def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], estate: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("key,low,currency,source\nserver,1,EUR,q\nserver,-1,EUR,q\n")
    assert "bad.csv, row 3: server: -1" in complaint(capsys, estate, "--prices", bad)
    assert "nowhere.csv" in complaint(capsys, estate, "--prices", tmp_path / "nowhere.csv")
    assert "years: 9" in complaint(capsys, estate, "--years", 9)
    assert "there is no platform os2" in complaint(capsys, estate, "--platform", "os2")
    assert "there is no edition pro" in complaint(capsys, estate, "--edition", "vmware=pro")
    assert "not written as NAME=VALUE" in complaint(capsys, estate, "--discount", "vcf_core_year")
    assert "growth: much is not a number" in complaint(capsys, estate, "--growth", "much")
    assert "needs both" in complaint(capsys, estate, "--host-cores", 32)
    assert "no cluster x" in complaint(capsys, estate, "--cluster", "x")


def test_vms_that_no_host_of_the_kind_carries_are_named_and_the_exit_code_is_1(
    capsys: pytest.CaptureFixture[str], estate: Path
) -> None:
    assert main(["cost", str(estate), "--host-cores", "4", "--host-memory-gib", "8"]) == 1
    assert "no host of this kind carries 20 VMs" in capsys.readouterr().out


def test_an_empty_estate_is_priced_as_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_bytes(write_document(Estate()))
    assert main(["cost", str(path)]) == 1
    assert "nothing could be priced" in capsys.readouterr().out


@needs_workshop
def test_the_workshop_estate_is_priced_on_three_platforms(capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(
        capsys, WORKSHOP, "--platform", "vmware", "--platform", "hyperv", "--platform", "proxmox",
        "--host-cores", 64, "--host-memory-gib", 1024,
    )  # fmt: skip
    designs = {design["design"]: design for design in document["designs"]}
    assert designs["today"]["hosts"] == 34
    assert len({designs[key]["hosts"] for key in ("vmware", "hyperv", "proxmox")}) == 1
    guests = {
        key: [
            line["amount"] for line in document["lines"] if line["design"] == key and line["area"] == "guests"
        ]
        for key in ("vmware", "proxmox")
    }
    assert guests["vmware"] == guests["proxmox"]


@pytest.mark.parametrize(
    ("compare", "designs"),
    [
        ("ways", ["keep", "shrink", "leave:proxmox"]),
        ("protection", ["level:none", "level:ha", "level:ha-more", "level:ft"]),
        ("physical", ["physical", "vmware", "proxmox"]),
    ],
)
def test_what_is_compared_can_be_chosen(
    capsys: pytest.CaptureFixture[str], estate: Path, book: Path, compare: str, designs: list[str]
) -> None:
    asked = (estate, "--prices", book, "--platform", "vmware", "--platform", "proxmox", "--compare", compare)
    document = answer(capsys, *asked)
    assert [one["design"] for one in document["designs"]] == designs
    assert (document["levels"] != []) == (compare == "protection")
    assert (document["break_even"] != []) == (compare != "protection")
    for total in document["totals"]:
        owned = [Decimal(row["amount"]) for row in document["owners"] if row["design"] == total["design"]]
        assert sum(owned) == Decimal(total["amount"])
    assert main(["cost", *map(str, asked)]) == 0
    printed = capsys.readouterr().out
    assert ("When it pays" in printed) == (compare != "protection")


def test_variants_are_read_from_files_and_a_bad_one_is_one_line(
    capsys: pytest.CaptureFixture[str], estate: Path, book: Path, tmp_path: Path
) -> None:
    file = tmp_path / "v.json"
    file.write_text('{"name":"more","changes":[{"type":"add-vms","count":20,"like":"v1"}]}')
    document = answer(capsys, estate, "--prices", book, "--variant", file)
    assert [row["variant"] for row in document["variants"]][-1] == "more"
    assert document["variants"][-1]["vms"] == 40
    assert document["variants"][-1]["changes"] == ["20 more VMs like v1"]
    file.write_text('{"name":"more","changes":[{"type":"add-vms","count":0,"like":"v1"}]}')
    assert "v.json: Expected `int` >= 1" in complaint(capsys, estate, "--variant", file)
    file.write_text('{"name":"more","changes":[{"type":"add-vms","count":2,"like":"nobody"}]}')
    assert "there is no VM or template nobody" in complaint(capsys, estate, "--variant", file)

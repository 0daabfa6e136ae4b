"""One number parser: what is a number, and what its comma means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.estate import VM
from planner.formats.number import decimal_sign, is_ambiguous, parsed
from planner.formats.reader import read
from planner.quality import Reading
from tests.workbooks import small, vm, workbook


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1234", ".", 1234),
        (" 1234 ", ".", 1234),
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1\u00a0234,5", ",", 1234.5),
        ("1\u202f234,5", ",", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("1\u2019234\u2019567", ".", 1234567),
        ("1,234,567", ".", 1234567),
        ("0,5", ",", 0.5),
        ("1,234", ".", 1234),
        ("1,234", ",", 1.234),
        ("-5", ".", -5),
        ("1e3", ".", 1000),
        ("1.5E+05", ".", 150000),
        ("1,5E+05", ",", 150000),
    ],
)
def test_a_number_is_read_in_the_way_of_its_column(text: str, decimal: str, expected: float) -> None:
    assert parsed(text, decimal) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "inf",
        "-Infinity",
        "1e400",
        "٣",
        "１２",
        "1,23,4",
        "1.2.3",
        "12 34",
        "1 2",
        "0x10",
        "1_000",
        "5 GB",
        "1,234.5.6",
        "--5",
        "1e",
        ".",
        ",",
        "1" * 60,
        "=1+1",
        "1/2",
    ],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_what_is_no_number_is_none(text: str, decimal: str) -> None:
    assert parsed(text, decimal) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "sign"),
    [
        (["1.5", "1,234"], "."),
        (["1,5", "1,234"], ","),
        (["1.234,5"], ","),
        (["1,234,567"], "."),
        (["1.234.567"], ","),
        (["0,123"], ","),
        (["1 234,567"], ","),
        (["1,234"], None),
        (["1,5", "1.5"], None),
        (["1,5", "2,5", "1.5"], ","),
        ([], None),
        (["n/a, sorry"], None),
    ],
)
def test_the_majority_of_a_column_decides_its_decimal_sign(texts: list[str], sign: str | None) -> None:
    assert decimal_sign(texts) == sign


@given(st.floats(0, 1e12), st.sampled_from([".", ","]), st.sampled_from(["", " ", "\u202f", "\u00a0", "'"]))
def test_a_number_written_in_any_locale_is_read_back(value: float, decimal: str, group: str) -> None:
    text = f"{value:,.2f}".replace(",", "G").replace(".", decimal).replace("G", group)
    assert parsed(text, decimal) == round(float(f"{value:.2f}"), 2)  # type: ignore[arg-type]


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text: str) -> None:
    for value in (parsed(text, "."), parsed(text, ",")):
        assert value is None or isinstance(value, float)
    assert is_ambiguous(text) in (True, False)


def read_column(*cells: str) -> Reading:
    rows = [vm(f"vm{number}", **{"In Use MiB": cell}) for number, cell in enumerate(cells)]
    return read(workbook(small(vInfo=rows)))


def used(reading: Reading) -> list[int | None]:
    return [each.disk_used_mib for each in reading.estate.vms]


def test_a_french_column_is_read_and_told() -> None:
    reading = read_column("1\u202f234,5", "2\u00a0000", "3,75", "7")
    assert used(reading) == [1235, 2000, 4, 7]
    assert "vInfo: the numbers of In Use MiB have a decimal comma" in map(str, reading.quality.assumptions)
    assert reading.quality.warnings == ()


def test_an_english_column_is_read() -> None:
    assert used(read_column("1,234.5", "2,000", "3.75")) == [1235, 2000, 4]


def test_a_column_that_does_not_decide_is_read_as_english_with_a_warning() -> None:
    reading = read_column("1,234", "5", "2,000")
    assert used(reading) == [1234, 5, 2000]
    (told,) = reading.quality.warnings
    assert (told.row, told.column, told.count) == (2, "In Use MiB", 2)
    assert told.message.values == {"found": "1,234", "sign": "."}


def test_a_number_against_the_majority_is_not_guessed() -> None:
    reading = read_column("1,5", "2,5", "3,5", "1,234.5")
    assert used(reading) == [2, 3, 4, None]
    assert any(w.row == 5 and w.message.values["found"] == "1,234.5" for w in reading.quality.warnings)


def test_sizes_are_rounded_to_the_nearest_mib() -> None:
    assert used(read_column("0.5", "1.49", "2.5")) == [1, 1, 3]
    assert isinstance(read_column("1").estate.vms[0], VM)

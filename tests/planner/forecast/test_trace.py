"""A trace is read whole or refused with its place."""

from __future__ import annotations

import pytest

from planner.forecast.series import Point
from planner.forecast.trace import parse
from planner.quality import FormatError

OWN = (
    b"date,name,resource,value,capacity,unit\n"
    b"2026-03-01,C1,memory,10,100,GiB\n2026-03-02T12:00,C1,memory,12,100,GiB\n"
)


def test_our_own_columns_in_any_order_and_with_semicolons() -> None:
    other = (
        b"unit;value;date;capacity;resource;name\n"
        b"GiB;10;2026-03-01;100;memory;C1\nGiB;12;2026-03-02T12:00;100;memory;C1\n"
    )
    assert parse(OWN, "t.csv") == parse(other, "t.csv")
    (one,) = parse(OWN, "t.csv")
    assert one.points[1].at_days - one.points[0].at_days == 1.5
    assert (one.capacity, one.unit) == (100.0, "GiB")


def test_a_bitbrains_file_is_one_vm() -> None:
    content = (
        b"Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];"
        b"\tMemory capacity provisioned [KB];\tMemory usage [KB]\n86400;1;2600;13;1024;512\n"
    )
    cpu, memory = parse(content, "vm7.csv")
    assert (cpu.name, cpu.resource, cpu.capacity, cpu.points[0].value) == ("vm7", "cpu", 2600.0, 13.0)
    assert memory.points == (Point(cpu.points[0].at_days, 512.0),)


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        (b"", "t.csv", "empty"),
        (b"\xff\xfe\x00", "t.csv", "UTF-8"),
        (b"date,name,value\n", "row 1", "no column resource"),
        (OWN.replace(b",12,", b",NaN,"), "row 3, column value", "NaN is not a number"),
        (OWN.replace(b",12,", b",-3,"), "row 3, column value", "-3 is not a number"),
        (OWN.replace(b",12,", b",1e400,"), "row 3, column value", "1e400"),
        (OWN.replace(b"2026-03-01", b"yesterday"), "row 2, column date", "yesterday is not a date"),
        (OWN.replace(b"C1,memory,10", b",memory,10"), "row 2, column name", "is empty"),
        (OWN.replace(b"C1", b"C" * 1_000_001), "row 2", "field limit"),  # found by python -m tests.fuzz
    ],
)
def test_what_is_wrong_is_told_with_its_place(content: bytes, place: str, found: str) -> None:
    with pytest.raises(FormatError) as refused:
        parse(content, "t.csv")
    assert place in str(refused.value)
    assert found in str(refused.value)


def test_any_end_of_line_ends_a_line() -> None:
    assert parse(OWN.replace(b"\n", b"\r"), "t.csv") == parse(OWN, "t.csv")

"""What is found of a sheet's reach and texts is never less than what a parser would take."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from planner.formats.extent import MAX_CELLS, Extent
from planner.formats.shared_texts import SharedTexts
from tests.planner.formats.test_refusals import HEAD, TAIL, handmade

PLACES = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 200_000)), min_size=1, max_size=12)
SPELLINGS = st.sampled_from(
    [
        '<c r="{ref}"><v>1</v></c>',
        '<c r="{ref}" s="3" t="n"><v>1</v></c>',
        "<c r='{ref}'><v>1</v></c>",
        '<c s="1" r="{ref}"><v>1</v></c>',
        '<c\tr = "{ref}" ><v>1</v></c>',
        '<x:c r="{ref}"><x:v>1</x:v></x:c>',
        '<c cm=">" r="{ref}"><v>1</v></c>',
    ]
)


def letters(column: int) -> str:
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def found(xml: bytes, cut: int, *, exact: bool = False) -> Extent:
    extent = Extent(exact=exact)
    for at in range(0, len(xml), cut):
        extent.feed(xml[at : at + cut])
    return extent


def sheet(places: list[tuple[int, int]], spelling: str) -> str:
    return "".join(
        f'<row r="{row}">{spelling.format(ref=f"{letters(column)}{row}")}</row>' for column, row in places
    )


@given(PLACES, SPELLINGS, st.integers(1, 4000))
def test_the_exact_reach_is_that_of_the_farthest_cells(
    places: list[tuple[int, int]], spelling: str, cut: int
) -> None:
    extent = found((HEAD + sheet(places, spelling) + TAIL).encode(), cut, exact=True)
    assert extent.rows == max(row for _, row in places)
    assert extent.columns == max(column for column, _ in places)


@given(PLACES, SPELLINGS, st.integers(1, 4000))
def test_the_quick_reach_is_never_less(places: list[tuple[int, int]], spelling: str, cut: int) -> None:
    extent = found((HEAD + sheet(places, spelling) + TAIL).encode(), cut)
    assert extent.rows >= max(row for _, row in places)
    assert extent.columns >= max(column for column, _ in places)
    assert not extent.is_odd


@given(PLACES, SPELLINGS)
def test_a_parser_takes_no_more_than_was_found(places: list[tuple[int, int]], spelling: str) -> None:
    xml = sheet([(column, row % 500 + 1) for column, row in places], spelling)
    parsed = CalamineWorkbook.from_filelike(io.BytesIO(handmade(xml))).get_sheet_by_name("vInfo")
    assert parsed.end is not None
    exact = found((HEAD + xml + TAIL).encode(), 1000, exact=True)
    assert (parsed.end[0] + 1, parsed.end[1] + 1) == (exact.rows, exact.columns)


@given(st.integers(1, 40), st.integers(1, 60))
def test_cells_without_a_reference_follow_each_other(rows: int, columns: int) -> None:
    xml = ("<row>" + "<c><v>1</v></c>" * columns + "</row>") * rows
    extent = found((HEAD + xml + TAIL).encode(), 97, exact=True)
    assert (extent.rows, extent.columns) == (rows, columns)


@pytest.mark.parametrize(("rows", "columns"), [(100_000, 95), (180_000, 93), (300_000, 43)])
def test_a_usual_sheet_is_never_looked_at_twice(rows: int, columns: int) -> None:
    last = letters(columns)
    xml = HEAD + f'<row r="1"><c r="A1"><v>1</v></c><c r="{last}1"><v>1</v></c></row>'
    xml += "".join(
        f'<row r="{row}"><c r="A{row}"><v>1</v></c><c r="{last}{row}"><v>1</v></c></row>'
        for row in range(1000, rows, 997)
    )
    extent = found(xml.encode(), 1 << 20)
    assert rows * columns <= MAX_CELLS
    assert not extent.is_too_large


TEXTS = st.lists(st.text(st.characters(exclude_categories=("C",), exclude_characters="<>&"), max_size=30))


@given(TEXTS, st.integers(1, 300), st.data())
def test_the_copies_of_shared_texts_are_never_counted_low(
    texts: list[str], cut: int, data: st.DataObject
) -> None:
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    xml = f'<?xml version="1.0"?><sst uniqueCount="{len(texts)}">{items}</sst>'.encode()
    shared = SharedTexts(xml[at : at + cut] for at in range(0, len(xml), cut))
    assert len(shared.sizes) == len(texts)
    assert all(size >= len(text.encode()) for size, text in zip(shared.sizes, texts, strict=True))
    numbers = data.draw(st.lists(st.integers(0, max(0, len(texts) - 1)), max_size=20)) if texts else []
    cells = "".join(f'<c r="A{row}" t="s"><v>{number}</v></c>' for row, number in enumerate(numbers, 1))
    body = (HEAD + cells + TAIL).encode()
    copied = shared.copied(body[at : at + cut] for at in range(0, len(body), cut))
    assert copied >= sum(len(texts[number].encode()) for number in numbers)

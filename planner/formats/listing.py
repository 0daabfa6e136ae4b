"""The columns that are read, as a page lists them: `python -m planner.formats.listing`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from planner.formats.columns import COLUMNS, Column

PUBLISHED: Final = "docs/formats.md"
_NUMBERED: Final = re.compile(r"(.*?)_(\d+)")
_KINDS: Final = {
    "name": "name, at most 255 characters",
    "text": "text",
    "number": "number",
    "size": "size, in the unit that the header names",
    "flag": "yes or no",
}


def listing() -> str:
    """Give a table a sheet; columns that are numbered (`Path 1` to `Path 8`) share a line.

    >>> listing().splitlines()[4]
    '| `VM`, `VM Name`, `vInfoVMName`, `Name` | `vm` | name, at most 255 characters | required |'
    """
    return "\n".join(line for sheet, columns in COLUMNS.items() for line in _sheet(sheet, columns))


def _sheet(sheet: str, columns: Iterable[Column]) -> Iterator[str]:
    yield from (
        f"### {sheet}",
        "",
        "| header, the first that is there | field | is | without it |",
        "|---|---|---|---|",
    )
    yield from dict.fromkeys(map(_line, columns))
    yield ""


def _line(column: Column) -> str:
    numbered = _NUMBERED.fullmatch(column.field)
    headers, field = column.headers, column.field
    if numbered:
        number = numbered[2]
        headers = tuple(header.replace(number, "N") for header in headers)
        field = f"{numbered[1]}_N"
    missing = "required" if column.required else "warning" if column.wanted else "-"
    known = ", ".join(f"`{header}`" for header in headers)
    return f"| {known} | `{field}` | {_KINDS[column.kind]} | {missing} |"


if __name__ == "__main__":
    print(listing())

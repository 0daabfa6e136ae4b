"""The customer's own columns of a sheet: custom attributes of VMs, tags of hosts."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from planner.formats.table import Table, spelled
from planner.formats.text import cleaned, shortened

MAX_ATTRIBUTE: Final = 1_000  # a custom value of vCenter is shorter; a novel in a cell is cut


def attributes_of(table: Table) -> dict[int, dict[str, str]]:
    """Give the customer's own columns, by row; empty cells are left out."""
    attributes: dict[int, dict[str, str]] = defaultdict(dict)
    for header, cells in table.own_texts().items():
        clean = {cell: _attribute(spelled(cell)) for cell in dict.fromkeys(cells) if cell is not None}
        for place, cell in enumerate(cells):
            if cell is not None and clean[cell]:
                attributes[place][header] = clean[cell]
    return dict(attributes)


def _attribute(text: str | None) -> str:
    """Give a custom value on one line."""
    return shortened(cleaned(" ".join((text or "").split())), MAX_ATTRIBUTE)

"""docs/formats.md says what the readers do: its columns, its example and its limits are theirs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cluster import quarantine
from planner.formats import archive, csv_files, extent, reader, sheet
from planner.formats.document import LISTS, write_document
from planner.formats.listing import PUBLISHED, listing
from planner.parameters import Parameters
from planner.report import plan
from planner.units import MIB_PER_GIB

PAGE = (Path(__file__).resolve().parents[3] / PUBLISHED).read_text(encoding="utf-8")
MIB = 1024 * 1024
LIMITS = {
    "file": f"{reader.MAX_FILE_BYTES // MIB} MiB",
    "parts of a workbook or zip": f"{archive.MAX_ENTRIES:,}",
    "one part, inflated": f"{archive.MAX_PART_BYTES // MIB} MiB",
    "all parts, inflated": f"{archive.MAX_INFLATED_BYTES // MIB // MIB_PER_GIB} GiB",
    f"inflation of a part above {archive.RATIO_FLOOR_BYTES // MIB} MiB": f"{archive.MAX_RATIO} times",
    "rows of a sheet": f"{sheet.MAX_ROWS:,}",
    "cells of a sheet": f"{extent.MAX_CELLS:,}",
    "characters of one CSV field": f"{csv_files.MAX_FIELD_CHARACTERS:,}",
    "memory and processor time of the reader, in the browser's way": (
        f"{quarantine.MEMORY_MIB:,} MiB, {quarantine.CPU_S} s"
    ),
}


def example() -> bytes:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return block.encode()


def test_the_columns_on_the_page_are_those_that_are_read() -> None:
    _, _, rest = PAGE.partition("<!-- sheets: python -m planner.formats.listing -->\n")
    listed, mark, _ = rest.partition("\n<!-- end of sheets -->")
    assert mark
    assert listed == listing(), "python -m planner.formats.listing prints what belongs there"


def test_the_example_on_the_page_is_read_without_a_word_and_fits() -> None:
    read = reader.read(example(), "estate.json")
    assert (read.quality.warnings, read.quality.assumptions) == ((), ())
    assert reader.read(write_document(read.estate), "estate.json").estate == read.estate
    assert set(json.loads(example())) - {"format"} <= set(LISTS)
    (cluster,) = plan(read, Parameters()).clusters
    assert (cluster.fits, cluster.hosts_needed) == (False, 3)  # spread over two hosts, no loss is carried


@pytest.mark.parametrize(("limit", "value"), LIMITS.items(), ids=list(LIMITS))
def test_a_limit_on_the_page_is_the_limit_of_the_reader(limit: str, value: str) -> None:
    assert f"| {limit} | {value} |" in PAGE

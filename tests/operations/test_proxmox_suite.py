"""The table of docs/proxmox-suite.md, row by row: order, placements and times of Proxmox's own suite."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest
from msgspec import Struct, structs

from operations import vm_event as v
from operations.scenario import Rehearsal, read_scenario, rehearse
from operations.script import parse_script

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "proxmox-suite.md"
THEIR_FASTEST_S, THEIR_SLOWEST_S, THEIR_MEDIAN_S = 105, 183, 123
# A node, or the configuration store, is away for so long that no time of a failover is measured.
WAITS_FOR_ANOTHER = {"recovery2", "cfs-unavailable1"}


class Row(Struct, frozen=True):
    """One row of the table."""

    number: str
    theirs: str
    folder: str
    words: str
    order: str
    ends: str
    after_s: str


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and re.fullmatch(r"\d+|\+", cells[0]):
            folder = re.search(r"scenarios/([a-z-]+)/", cells[2])
            assert folder
            found.append(Row(cells[0], cells[1].strip("`"), folder[1], *cells[3:]))
    return found


def played(row: Row) -> Rehearsal:
    return rehearse(read_scenario(ROOT / "scenarios" / row.folder))


def seconds_elsewhere(found: Rehearsal) -> float | None:
    """From the first fault to the first VM that runs after it."""
    faults = [one.at_s for one in found.events if one.kind in ("host-cut", "host-failed")]
    starts = [one.at_s for one in found.events if isinstance(one, v.VmStarted)]
    return min((at - faults[0] for at in starts if faults and at >= faults[0]), default=None)


def test_the_table_has_all_twenty_four() -> None:
    assert {row.number for row in rows()} == {*map(str, range(1, 25)), "+"}
    assert len({row.folder for row in rows()}) == len(rows()) == 29


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.theirs)
def test_vms_are_placed_in_the_order_of_the_suite_and_end_where_it_ends_them(row: Row) -> None:
    found = played(row)
    placed = [one for one in found.events if isinstance(one, (v.VmRestarting, v.Migrating))]
    assert (", ".join(f"{one.subject} {one.host}" for one in placed) or "-") == row.order
    for end in row.ends.split(", "):
        vm, host = end.split()
        assert found.state.vms[vm].host == (None if host == "-" else host)
    elsewhere = seconds_elsewhere(found)
    assert ("-" if elsewhere is None else f"{elsewhere:g}") == row.after_s


def test_vms_run_elsewhere_as_fast_as_in_the_suite() -> None:
    times = [
        seconds
        for row in rows()
        if row.theirs not in WAITS_FOR_ANOTHER and (seconds := seconds_elsewhere(played(row))) is not None
    ]
    assert len(times) >= 10
    assert all(THEIR_FASTEST_S <= seconds <= THEIR_SLOWEST_S for seconds in times)
    assert abs(statistics.median(times) - THEIR_MEDIAN_S) <= 5


@pytest.mark.parametrize(("watchdog_s", "off_s"), [(60, 180), (46, 166)])
def test_the_watchdog_changes_when_a_node_is_off_and_nothing_else(watchdog_s: int, off_s: int) -> None:
    scenario = read_scenario(ROOT / "scenarios" / "proxmox-one-node-loses-its-network")
    text = f"profile proxmox\ntiming watchdog_s {watchdog_s}\nat 120 cut node3"
    scenario = structs.replace(scenario, script=parse_script(text, scenario.estate))
    at_s = {one.kind: one.at_s for one in rehearse(scenario).events if one.at_s >= 120}
    found = [at_s[kind] for kind in ("host-dead", "host-off", "host-fenced", "vm-started")]
    assert found == [160, off_s, 240, 243]

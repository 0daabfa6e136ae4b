"""A workbook gives the same findings as the estate that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from planner.estate import Estate
from planner.formats.reader import read
from planner.paths.designs import lay
from planner.paths.report import examine
from tests.planner.paths.sheets import exported, on_one_distributed_switch, sheets, with_paths
from tests.planner.paths.test_reference_design import (
    both_hbas_on_one_card,
    both_uplinks_on_one_card,
    on,
    one_hba,
)
from tests.planner.paths.wired import CLUSTER, reference
from tests.workbooks import write_workbook


def one_uplink(estate: Estate) -> Estate:
    return on(estate, "esx2", lambda host: replace(host, nics=host.nics[:1]))


def one_path_dead(estate: Estate) -> Estate:
    paths = tuple(
        replace(path, state="dead") if path.host == "esx1" and path.name.startswith("vmhba2") else path
        for path in estate.paths
    )
    return replace(estate, paths=paths)


def as_it_is(estate: Estate) -> Estate:
    return estate


@pytest.mark.parametrize(
    "change",
    [as_it_is, one_hba, both_hbas_on_one_card, both_uplinks_on_one_card, one_uplink, one_path_dead],
    ids=lambda change: change.__name__,
)
def test_a_workbook_gives_the_findings_of_its_estate(
    tmp_path: Path, change: Callable[[Estate], Estate]
) -> None:
    estate = exported(change(with_paths(one_hba(reference()) if change is one_hba else reference())))
    book = tmp_path / "export.xlsx"
    write_workbook(sheets(estate), book)
    read_back = read(book, book.name).estate
    ours, theirs = examine(estate), examine(read_back)
    assert theirs.single_points == ours.single_points
    assert theirs.pairs == ours.pairs
    assert theirs.standings == ours.standings
    assert theirs.lint == ours.lint
    assert (change is as_it_is) == (not ours.single_points)


@pytest.mark.parametrize("change", [as_it_is, one_hba, both_uplinks_on_one_card, one_uplink, one_path_dead])
def test_a_distributed_switch_is_read_with_its_uplinks_and_bundles(
    tmp_path: Path, change: Callable[[Estate], Estate]
) -> None:
    wired = change(
        with_paths(on_one_distributed_switch(one_hba(reference()) if change is one_hba else reference()))
    )
    estate = exported(wired)
    book = tmp_path / "export.xlsx"
    write_workbook(sheets(estate), book)
    read_back = read(book, book.name).estate
    (virtual,) = read_back.switches
    assert (virtual.kind, virtual.lacp, virtual.mtu) == ("distributed", "on", 9000)
    assert {group.standby for group in read_back.port_groups} == {("Uplink 2",)}
    ours, theirs = examine(estate), examine(read_back)
    assert theirs.single_points == ours.single_points
    assert theirs.pairs == ours.pairs
    assert theirs.standings == ours.standings
    assert theirs.lint == ours.lint


def test_what_an_export_cannot_tell_is_unknown_until_a_design_says_it(tmp_path: Path) -> None:
    book = tmp_path / "export.xlsx"
    write_workbook(sheets(exported(with_paths(reference()))), book)
    estate = read(book, book.name).estate
    before = examine(estate)
    storage = next(one for one in before.standings if one.service == "storage")
    assert storage.layers == {
        "hba": "redundant",
        "card": "redundant",
        "fabric": "unknown",
        "controller": "unknown",
    }
    for design in ("crossed-fabrics", "two-switches", "two-feeds"):
        estate = lay(estate, CLUSTER, design)  # type: ignore[arg-type]
    after = examine(estate)
    assert after.unknown == ()
    assert after.single_points == ()

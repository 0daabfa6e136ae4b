"""The worked examples of docs/formulas are run as they stand."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "formulas").glob("*.md"))
PLAN_PAGES = {"admission", "consolidation", "cost", "placement", "sizing", "storage"}


def test_every_family_of_figures_has_its_page() -> None:
    assert {page.stem for page in PAGES} >= PLAN_PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_worked_examples_of_a_page_hold(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert failed == 0
    assert tried > 0

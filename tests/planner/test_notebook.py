"""The notebook of docs/examples does what it shows: its cells are run, and what they print is compared."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "examples" / "plan.ipynb"


def test_the_cells_print_what_stands_below_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NOTEBOOK.parent)
    monkeypatch.setattr(sys, "path", [*sys.path])
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    known: dict[str, object] = {}
    for cell in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec("".join(cell["source"]), known)  # noqa: S102  our own notebook
        assert printed.getvalue() == "".join(text for one in cell["outputs"] for text in one["text"])
    assert len(cells) >= 5


def test_the_notebook_needs_the_pure_core_alone() -> None:
    told = NOTEBOOK.read_text()
    for shell in ("django", "cluster.", "celery", "redis"):
        assert f"import {shell}" not in told
        assert f"from {shell}" not in told

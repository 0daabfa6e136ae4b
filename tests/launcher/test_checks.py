"""`headroom check` catches what it promises to catch, and `headroom doctor` names what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from config import checks
from tests.conftest import ROOT
from tests.launcher.running import headroom


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime\nNOW = datetime.now()\n",
        "import datetime\nTODAY = datetime.date.today()\n",
        "import numpy as np\nCHANCE = np.random.default_rng()\n",
    ],
)
@pytest.mark.parametrize(("room", "caught"), [("planner", True), ("operations", True), ("cluster", False)])
def test_a_clock_or_chance_of_its_own_is_caught_in_the_pure_rooms(line: str, room: str, caught: bool) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--select",
            "TID251",
            "--stdin-filename",
            f"{room}/x.py",
            "-",
        ],
        input=line,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("TID251" in done.stdout) is caught


def test_a_translation_newer_than_its_compiled_catalogue_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.setattr(checks, "LOCALE", tmp_path / "locale")
    folder = tmp_path / "locale" / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    write(folder / "django.po", {"host": "hôte"})
    with pytest.raises(checks.Fault, match=r"locale/fr/LC_MESSAGES/django\.po"):
        checks.compiled_translations()
    checks.compile_translations()
    checks.compiled_translations()
    write(folder / "django.po", {"host": "hôte", "cluster": "grappe"})
    with pytest.raises(checks.Fault, match="check --fix"):
        checks.compiled_translations()


def write(path: Path, messages: dict[str, str]) -> None:
    catalog = Catalog(locale="fr")
    for english, french in messages.items():
        catalog.add(english, french)
    with path.open("wb") as file:
        write_po(file, catalog)


def test_locks_that_disagree_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    for name in ("requirements.in", "requirements.txt"):
        (tmp_path / name).write_text("django==5.2.19\n")
    (tmp_path / "requirements-dev.in").write_text("-r requirements.in\n")
    (tmp_path / "requirements-dev.txt").write_text("django==5.2.18\n")
    with pytest.raises(checks.Fault, match=r"\['django'\]"):
        checks.locks()
    (tmp_path / "requirements-dev.txt").write_text("django==5.2.19\n--index-url https://example.org/\n")
    with pytest.raises(checks.Fault, match="names an address"):
        checks.locks()


def test_the_doctor_names_a_database_that_does_not_answer_and_the_line_that_mends_it(tmp_path: Path) -> None:
    nobody = {
        "DATABASE_URL": "postgres://planner@127.0.0.1:9/headroom",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = headroom("doctor", data_dir=tmp_path, **nobody)
    assert done.returncode == 1
    assert "MISSING  database" in done.stdout
    assert "mend DATABASE_URL" in done.stdout
    assert done.stdout.endswith("Missing: database.\n")

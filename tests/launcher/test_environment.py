"""The launcher makes its environment: once, whole, and with one clear line where it cannot."""

from __future__ import annotations

import ast
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.launcher.running import LAUNCHER, headroom

SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def checkout(short_folder: Path) -> Iterator[Path]:
    """A checkout of the files as they are, with no environment and no data in it."""
    folder = Path(tempfile.mkdtemp(dir=short_folder))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    yield folder
    shutil.rmtree(folder)


def start(checkout: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start the launcher of that checkout, with nothing said about where things live."""
    told = {"HEADROOM_VENV", "HEADROOM_DATA_DIR", "DJANGO_SETTINGS_MODULE"}
    environment = {name: value for name, value in os.environ.items() if name not in told}
    return subprocess.Popen(
        [sys.executable, str(checkout / "headroom"), *arguments],
        env={**environment, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_starts_on_a_half_made_environment_make_it_once(checkout: Path) -> None:
    half_made = checkout / ".venv"
    (half_made / "bin").mkdir(parents=True)
    (half_made / "pyvenv.cfg").touch()
    (half_made / "bin" / "python").symlink_to("/nonexistent/python3")
    both = [start(checkout, "manage", "version") for _ in range(2)]
    said = [process.communicate(timeout=300) for process in both]
    if any("cannot be reached" in errors for _, errors in said):
        pytest.skip("the package index cannot be reached")
    assert [process.returncode for process in both] == [0, 0], said
    outputs = sorted((output for output, _ in said), key=len)
    assert [output.count("Making the environment") for output in outputs] == [0, 1]
    assert "Another start is making the environment; waiting for it." in outputs[0]
    assert all(output.splitlines()[-1].startswith("5.2.") for output in outputs)
    stamp = json.loads((half_made / "headroom-stamp.json").read_text())
    assert list(stamp["locks"]) == ["requirements.txt"]
    again, errors = start(checkout, "manage", "version").communicate(timeout=60)
    assert (again.count("\n"), errors) == (1, "")


def test_a_missing_network_is_named_in_one_line(checkout: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"  # the discard port: nobody listens
    blind = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nowhere,
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
    }
    process = start(checkout, "up", **blind)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.startswith("The package index cannot be reached: check the network")
    assert errors.count("\n") == 1


def test_a_folder_that_is_no_environment_is_never_replaced(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")
    process = start(checkout, "up", HEADROOM_VENV=str(tmp_path))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors == f"{tmp_path} is no Python environment and will not be replaced; mend HEADROOM_VENV.\n"
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"


def test_a_data_folder_that_cannot_be_made_is_named_in_one_line() -> None:
    done = headroom("up", data_dir=Path("/proc/headroom"))
    assert done.returncode == 2
    assert done.stderr == (
        "Cannot write in /proc/headroom; set HEADROOM_DATA_DIR to a folder that you may write in.\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the launcher as somebody else")
@pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason=f"{SYSTEM_PYTHON} is missing")
def test_somebody_who_may_not_write_in_the_checkout_gets_a_folder_at_home(checkout: Path) -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    shutil.chown(home, "nobody")
    for folder in (checkout.parent, checkout):
        folder.chmod(0o755)
    done = subprocess.run(
        [SYSTEM_PYTHON, str(checkout / "headroom"), "doctor"],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        user="nobody",
        group=pwd.getpwnam("nobody").pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    state = home / ".local" / "state" / "headroom"
    assert f"{checkout} is not writable; the data go to {state}." in done.stdout, done.stderr
    assert state.is_dir()
    shutil.rmtree(home)


def test_an_older_python_can_read_the_launcher_and_so_say_what_is_needed() -> None:
    ast.parse(Path(LAUNCHER).read_text(), feature_version=(3, 8))


def test_an_unknown_verb_points_at_the_help(tmp_path: Path) -> None:
    done = headroom("dance", data_dir=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "There is no 'dance'. ./headroom --help lists what there is.\n",
    )

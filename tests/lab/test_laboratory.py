"""The laboratory, walked once: each walk is a test, and its figures stand in the log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import ground
from lab.__main__ import NAMESPACES, obstacle
from lab.findings import Walk, printed, read
from tests.conftest import wait_until

pytestmark = pytest.mark.lab
ROOT = Path(__file__).resolve().parents[2]
TEN_MINUTES_S = 600
OTHERS_MOUNT = "/mnt/"  # whoever owns the machine, while a test runs too
LOOK_EVERY_S = 0.5
NAMES = ("live migration", "evacuation", "a storage switch dies", "a host is cut off", "a host dies", "FT")


def possible() -> None:
    why = obstacle()
    if not why and not ground.is_there():
        why = "The laboratory's packages are not fetched: sudo ./headroom lab --fetch"
    if why:
        pytest.skip(why)


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walk]:
    possible()
    file = tmp_path_factory.mktemp("lab") / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "lab", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TEN_MINUTES_S,
    )
    assert file.exists(), done.stdout + done.stderr
    return {walk.name: walk for walk in read(file)}


@pytest.mark.parametrize("name", NAMES)
def test_keeps_every_promise(
    name: str, walks: dict[str, Walk], record_property: pytest.RecordProperty
) -> None:
    walk = walks[name]
    record_property("lab", printed(walk))
    if walk.skipped:
        pytest.skip(walk.skipped)
    assert walk.findings
    assert walk.holds, printed(walk)


def test_walks_all_that_it_knows(walks: dict[str, Walk]) -> None:
    assert tuple(walks) == NAMES


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_leaves_nothing_behind_when_it_is_ended(how: signal.Signals) -> None:
    possible()
    before = left_behind()
    with subprocess.Popen(
        [sys.executable, "-m", "lab"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while "libvirtd" not in names(all_of_it := family(process.pid)):
            assert process.poll() is None, "it ended by itself"
            time.sleep(LOOK_EVERY_S)  # each look asks the kernel for every process
        os.kill(process.pid, how)
    wait_until(lambda: not alive(all_of_it), "the end of all that it had started")
    assert left_behind() - before == set()


def left_behind() -> set[str]:
    """What a laboratory could leave: mounts, named namespaces, network cards."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    ours = {line for line in mounts if not line.split()[1].startswith(OTHERS_MOUNT)}
    named = [path for folder in ("/run", "/sys/class/net") for path in Path(folder).iterdir()]
    return ours | {str(path) for path in named}


def family(pid: int) -> dict[int, str]:
    """A process and all that came of it, with the time when each began: a number may be given again."""
    found = {pid: began_at(pid)}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends while it is looked at
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                found |= family(int(child))
    return found


def began_at(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty: it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def alive(processes: dict[int, str]) -> list[int]:
    return [pid for pid, began in processes.items() if began and began_at(pid) == began]


def names(processes: dict[int, str]) -> set[str]:
    found = set()
    for pid in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def test_says_what_it_lacks_where_namespaces_are_not_permitted() -> None:
    if os.geteuid() == 0:
        tried = subprocess.run([*NAMESPACES, "true"], capture_output=True)
        assert (obstacle() == "") <= (tried.returncode == 0)
    else:
        assert "root" in obstacle()

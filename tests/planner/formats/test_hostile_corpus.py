"""More than sixty hostile files: each is refused in one line or read, soon, in little memory; none writes.

They are read in one process with the address space of a reader of the shell; it prints how long the
slowest took and what was resident at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RESIDENT_MIB = 150  # beyond what the interpreter and the readers take before the first file
FILES_AT_LEAST = 60


def test_every_hostile_file_is_read_or_refused_in_little_memory_and_writes_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.planner.formats.hostile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    found = json.loads(done.stdout)
    assert found["files"] >= FILES_AT_LEAST
    assert found["evil"] == []
    assert found["more_mib"] < RESIDENT_MIB, found

"""A short run of the fault harness; `python -m tests.faults --seconds 3600` is the long one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.stack
def test_the_whole_stack_loses_nothing_while_it_is_broken() -> None:
    command = [sys.executable, "-m", "tests.faults", "--seconds", "20", "--every", "3", "--seed", "11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert "\nlost                0" in done.stdout

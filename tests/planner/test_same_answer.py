"""Same input, same answer: twenty runs in each of three processes with other hash seeds give one digest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 20
SEEDS = ("0", "1", "4242")

PROGRAM = f"""
import hashlib, msgspec
from planner.formats.document import write_document
from planner.report import Parameters, plan
from planner.formats.reader import read
from operations.scenario import read_scenario, rehearse
from pathlib import Path
from tests.invented import Shape, tables
from tests.workbooks import workbook
data = workbook(tables(Shape(vms=60, hosts=6), ("vInfo", "vDisk", "vHost", "vDatastore")))
for _ in range({RUNS}):
    reading = read(data, "x")
    told = [write_document(reading.estate), msgspec.json.encode(plan(reading, Parameters()))]
    told.append(rehearse(read_scenario(Path("scenarios/host-failure"))).log.encode())
    print(hashlib.sha256(b"".join(told)).hexdigest())
"""


def test_twenty_runs_under_three_hash_seeds_give_one_digest() -> None:
    digests = []
    for seed in SEEDS:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        digests += done.stdout.split()
    assert (len(digests), len(set(digests))) == (RUNS * len(SEEDS), 1)

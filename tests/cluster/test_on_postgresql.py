"""What the shell promises on SQLite, it keeps on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROMISES = ("test_snapshot.py", "test_feed.py", "test_services.py", "test_work.py", "test_foretelling.py")


def test_the_same_tests_pass_on_postgresql(postgresql_url: str):
    tests = [str(HERE / name) for name in PROMISES if (HERE / name).exists()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests],
        env={**os.environ, "TEST_DATABASE_URL": postgresql_url},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""Whatever a file does to its reader, the worker lives and says what happened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import quarantine
from planner.formats.document import write_document
from planner.quality import FormatError
from tests.cluster.estates import estate_of


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "estate.json"
    path.write_bytes(write_document(estate_of(vms=10)))
    return path


def test_the_reading_comes_back_whole(document: Path):
    assert quarantine.read(document, "estate.json").estate == estate_of(vms=10)


def test_a_refusal_comes_back_with_its_place(tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text('{"format": "headroom-estate/1", "vms": [{"name": "a", "power": "maybe"}]}')
    with pytest.raises(FormatError) as refused:
        quarantine.read(path, "x.json")
    assert refused.value.sheet or refused.value.column or refused.value.row
    assert "maybe" in str(refused.value)


def test_the_reader_knows_no_secret(document: Path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "canary")
    seen = []
    popen = subprocess.Popen

    class Seen(popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            seen.append(Path(f"/proc/{self.pid}/environ").read_bytes())

    monkeypatch.setattr(quarantine.subprocess, "Popen", Seen)
    quarantine.read(document, "estate.json")
    assert len(seen) == 1
    assert b"canary" not in seen[0]


def test_a_reader_that_needs_too_much_memory_is_refused(tmp_path: Path):
    path = tmp_path / "big.json"
    path.write_bytes(write_document(estate_of(vms=60_000)))
    with pytest.raises(FormatError, match=r"MiB|more than a reader may use"):
        quarantine.read(path, "big.json", memory_mib=150)


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path):
    waiting = tmp_path / "pipe"
    os.mkfifo(waiting)
    before = children()
    with pytest.raises(FormatError, match="Reading takes longer than 1 s"):
        quarantine.read(waiting, "pipe", within_s=1.0)
    assert children() == before


@pytest.mark.parametrize(
    ("returncode", "error", "said"),
    [
        (-24, FormatError, "more than 120 s of the processor"),
        (-6, FormatError, "SIGABRT"),
        (1, quarantine.ReaderFault, "status 1"),
    ],
)
def test_the_way_a_reader_ends_says_why(returncode: int, error: type[Exception], said: str):
    ended = quarantine._why_it_ended(returncode)
    assert isinstance(ended, error)
    assert said in str(ended)


def test_who_stops_waiting_leaves_no_reader_behind(tmp_path: Path):
    waiting = tmp_path / "pipe"
    os.mkfifo(waiting)
    before = children()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quarantine.read(waiting, "pipe", hold=stop)
    assert children() == before


def test_the_reader_dies_with_its_worker(tmp_path: Path):
    waiting = tmp_path / "pipe"
    os.mkfifo(waiting)
    code = "import sys; from pathlib import Path; from cluster import quarantine; "
    code += f"quarantine.read(Path({str(waiting)!r}), 'pipe')"
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=quarantine._ROOT)
    from tests.conftest import wait_until

    wait_until(lambda: opened(waiting), "the reader to open its file")
    worker.kill()
    worker.wait()
    wait_until(lambda: not opened(waiting), "the reader to end")


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def opened(path: Path) -> bool:
    """Whether a process has been told to read the file."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"cluster.quarantine" in words and str(path).encode() in words:
            return True
    return False

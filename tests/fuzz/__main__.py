"""Many damaged files for every reader: each is read or refused in words, soon and in little memory.

    python -m tests.fuzz --seconds 600 [--seed 1] [--reader workbook] [--keep FOLDER]

Prints a line a reader and exits with 1 where one did anything else.  A file that did is written to FOLDER.
The same seed and the same count make the same files.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import Reader, readers

TURN_S = 0.2  # of the processor, of one reader before the next has its turn: quick ones get more inputs
TOO_SLOW_S = 60  # reliability goal: nothing takes longer
MEMORY_MIB = 4096  # what the quarantine gives a reader


class TooSlow(BaseException):
    """The alarm rang."""


@dataclass
class Found:
    """What came of the inputs of one reader."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    spent_s: float = 0.0
    slowest_s: float = 0.0
    crashes: dict[str, int] = field(default_factory=dict)


def ring(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def try_one(reader: Reader, data: bytes, found: Found, keep: Path | None) -> None:
    """Give the reader one file and note how it ended."""
    found.inputs += 1
    started = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, TOO_SLOW_S)
    try:
        reader.call(data)
        found.read += 1
    except reader.refuses as refusal:
        assert str(refusal)  # noqa: PT017
        found.refused += 1
    except (Exception, TooSlow) as crash:  # noqa: BLE001
        note(reader, data, found, keep, crash)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    spent_s = time.process_time() - started
    found.spent_s += spent_s
    found.slowest_s = max(found.slowest_s, spent_s)


def note(reader: Reader, data: bytes, found: Found, keep: Path | None, crash: BaseException) -> None:
    frame = traceback.extract_tb(crash.__traceback__)[-1]
    key = f"{type(crash).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    if key not in found.crashes:
        print(f"{reader.name}: {key}: {str(crash)[:200]}", flush=True)
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{reader.name}-{len(found.crashes)}".replace(" ", "-")).write_bytes(data)
    found.crashes[key] = found.crashes.get(key, 0) + 1


def fuzz(chosen: list[Reader], seconds: float, seed: int, keep: Path | None) -> dict[str, Found]:
    """Give each reader its turn until the time is over."""
    found = {reader.name: Found() for reader in chosen}
    chance = {reader.name: random.Random(f"{seed} {reader.name}") for reader in chosen}  # noqa: S311
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for reader in chosen:
            dice, one = chance[reader.name], found[reader.name]
            turn_ends_at = time.process_time() + TURN_S
            while time.process_time() < turn_ends_at:
                try_one(reader, mutated(dice.choice(reader.seeds), dice), one, keep)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", action="append", help="one of those that are printed; default all")
    parser.add_argument("--keep", type=Path, help="where files that crashed a reader are written")
    asked = parser.parse_args()
    known = readers()
    chosen = [reader for reader in known if not asked.reader or reader.name in asked.reader]
    if not chosen:
        parser.error("no such reader: " + ", ".join(reader.name for reader in known))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MIB * 2**20,) * 2)
    signal.signal(signal.SIGVTALRM, ring)
    found = fuzz(chosen, asked.seconds, asked.seed, asked.keep)
    print(
        f"{'reader':16} {'inputs':>8} {'read':>8} {'refused':>8} {'crashes':>7} "
        f"{'ms each':>8} {'slowest s':>9}"
    )
    for name, one in found.items():
        each_ms = 1000 * one.spent_s / max(1, one.inputs)
        print(
            f"{name:16} {one.inputs:8} {one.read:8} {one.refused:8} {sum(one.crashes.values()):7} "
            f"{each_ms:8.2f} {one.slowest_s:9.2f}"
        )
    crashes = sum(sum(one.crashes.values()) for one in found.values())
    most_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"seed {asked.seed}: {sum(one.inputs for one in found.values())} inputs, {crashes} crashes, "
          f"{most_mib:.0f} MiB at most")  # fmt: skip
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())

"""The whole of Headroom, broken again and again while people use it: nothing may be lost, nothing told twice.

    python -m tests.faults --seconds 60 [--seed 1] [--postgresql] [--every 5]

Prints each fault as it is injected, then what was expected and what was seen; exits with 1 where anything was
lost, doubled or left undone, or the writer stopped half-way.  The long form is --seconds 3600.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.cluster.conftest import ROOT
from tests.faults.faults import Inject, faults_of, missing
from tests.faults.stack import Stack, small_disk
from tests.faults.writer import COUNT, WRITER

UNDONE_S = 240.0  # a run may be taken up three times, each after a lease of 30 s and a sweep of 15
STEADY, SLOW, DEAD = 20, 5, 3
LAST = "kill -9 of everything"
WROTE_SHARE_MIN = 0.5  # of the time; a writer that stopped long before has shown nothing of what came after


@dataclass(frozen=True)
class Asked:
    seconds: float
    seed: int
    every_s: float
    rate: float


@dataclass(frozen=True)
class Outcome:
    injected: Counter[str]
    wrote_s: float
    written: int
    imports: int
    kept: dict[str, Any]
    browsers: dict[str, Any]

    @property
    def lost(self) -> int:
        undone = self.kept["runs"].get("queued", 0) + self.kept["runs"].get("running", 0)
        return (
            (self.written - self.kept["events"])
            + self.kept["gaps"]
            + self.browsers["missed"]
            + self.browsers["late"]
            + (self.imports - sum(self.kept["runs"].values()))
            + undone
        )

    @property
    def doubled(self) -> int:
        return int(self.kept["written_twice"] + self.kept["told_twice"] + self.browsers["twice"])

    def lines(self) -> Iterator[str]:
        yield f"written for         {self.wrote_s:.0f} s"
        yield f"faults injected     {sum(self.injected.values())}: " + ", ".join(
            f"{count} x {name}" for name, count in sorted(self.injected.items())
        )
        kept = self.kept
        yield f"events              {self.written} expected, {kept['events']} kept, {kept['gaps']} gaps"
        seen = self.browsers
        yield (
            f"events in browsers  {seen['expected']} expected, {seen['seen']} seen, {seen['missed']} missed, "
            f"{seen['late']} not come in time, "
            f"{seen['twice']} twice ({STEADY} steady and {SLOW} slow browsers beside {DEAD} dead ones, "
            f"{seen['connects']} connections)"
        )
        yield from (f"behind              {one}" for one in seen["behind"])
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.kept["runs"].items()))
        yield f"imports             {self.imports} expected: {states}; at most {kept['attempts']} attempts"
        yield f"duplicates          {self.doubled}"
        yield f"lost                {self.lost}"


def break_it(stack: Stack, asked: Asked, faults: dict[str, Inject]) -> Outcome:
    """Let people use it, inject a fault every few seconds, and count at the end."""
    chance = random.Random(asked.seed)  # noqa: S311
    begin = json.loads(stack.site.run(COUNT))["last"]
    crowd = followers(stack, begin)
    code = WRITER.format(rate=asked.rate, seconds=asked.seconds, import_every_s=3)
    writer = stack.site.start_quietly(code)
    injected = inject(stack, asked, faults, chance)
    said = writer.communicate()[0].split("\n")
    done = next(line.split() for line in said if line.startswith("done"))
    wrote_s, written, imports = float(done[1]), int(done[2]), int(done[3])
    kept = settled(stack)
    crowd.stdin.write(f"{kept['last']}\n")
    crowd.stdin.flush()
    browsers = json.loads(crowd.stdout.readline())
    crowd.wait(timeout=30)
    return Outcome(injected, wrote_s, written, imports, kept, browsers)


def inject(stack: Stack, asked: Asked, faults: dict[str, Inject], chance: random.Random) -> Counter[str]:
    """Each kind in turn, in a new order every round."""
    injected: Counter[str] = Counter()
    started = time.monotonic()
    order: list[str] = []
    while time.monotonic() - started < asked.seconds:
        time.sleep(chance.uniform(0.5, 1.5) * asked.every_s)
        if not order:
            order = sorted(set(faults) - {LAST})
            chance.shuffle(order)
            order.insert(0, LAST)  # taken from the end: a whole start takes longer than all the others
        name = order.pop()
        if faults[name](stack):
            injected[name] += 1
            print(f"{time.monotonic() - started:7.1f} s  {name}", flush=True)
    return injected


def followers(stack: Stack, begin: int) -> subprocess.Popen[str]:
    numbers = map(str, (STEADY, SLOW, DEAD, begin))
    command = [sys.executable, "-m", "tests.faults.browsers", str(stack.port), stack.session(), *numbers]
    crowd = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    )
    stack.site.started.append(crowd)
    assert crowd.stdout.readline() == "ready\n"
    return crowd


def settled(stack: Stack) -> dict[str, Any]:
    """What stands once every run has ended."""
    gives_up_at = time.monotonic() + UNDONE_S
    while True:
        kept: dict[str, Any] = json.loads(stack.site.run(COUNT))
        if not {"queued", "running"} & set(kept["runs"]) or time.monotonic() > gives_up_at:
            return kept
        time.sleep(1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=5, help="seconds between two faults, on average")
    parser.add_argument("--rate", type=float, default=20, help="events a second")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    given = parser.parse_args()
    asked = Asked(given.seconds, given.seed, given.every, given.rate)
    with contextlib.ExitStack() as tidy:
        url = tidy.enter_context(postgresql()) if given.postgresql else ""
        folder, can_fill = tidy.enter_context(small_disk())
        stack = Stack(folder, url)
        tidy.callback(stack.end)
        stack.start()
        outcome = break_it(stack, asked, faults_of(stack, disk_can_fill=can_fill))
        for fault in missing(stack, disk_can_fill=can_fill):
            print(f"not injected        {fault}")
    print(f"seed                {asked.seed}, {'PostgreSQL' if url else 'SQLite'}, {asked.seconds:.0f} s")
    print("\n".join(outcome.lines()))
    stopped = outcome.wrote_s < WROTE_SHARE_MIN * asked.seconds
    return 1 if outcome.lost or outcome.doubled or stopped else 0


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The PostgreSQL of the tests, without pytest."""
    from tests.conftest import postgresql_url

    yield from postgresql_url.__wrapped__()  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())

"""Browsers that follow the feed through everything: steady ones, slow ones, and dead ones that never read.

    python -m tests.faults.browsers PORT SESSION STEADY SLOW DEAD

Reads the number of the last event from its input when nothing more is written, waits until everybody who
reads has it, and prints one line of JSON: what each kind saw, saw twice, and missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from dataclasses import dataclass

import websockets

from tests.handshake import handshake

RETRY_S = 0.3
CATCH_UP_S = 120.0
AWAKE_S, NAP_MAX_S = 1.0, 6.0  # a slow browser reads for a while, and then takes nothing for a while


@dataclass
class Follower:
    """One browser: the number up to which it has been told, and what was wrong with that."""

    slow: bool
    begin: int
    last: int
    seen: int = 0
    twice: int = 0
    missed: int = 0
    connects: int = 0
    ends: str = ""

    def hear(self, seq: int) -> None:
        if seq <= self.last:
            self.twice += 1
            return
        self.missed += seq - self.last - 1
        self.seen += 1
        self.last = seq


async def follow(port: int, session: str, follower: Follower) -> None:
    """Come again and again with the last number seen."""
    while True:
        try:
            await listen(port, session, follower)
        except (OSError, websockets.WebSocketException, TimeoutError) as end:
            follower.ends = f"{type(end).__name__} {end}"[:80]
        await asyncio.sleep(RETRY_S * (1 + random.random()))  # noqa: S311


async def listen(port: int, session: str, follower: Follower) -> None:
    address = f"ws://127.0.0.1:{port}/ws/events/?after={follower.last}"
    async with websockets.connect(
        address,
        additional_headers={"Cookie": f"sessionid={session}"},
        origin=f"http://127.0.0.1:{port}",
        max_size=None,
        open_timeout=20,
        ping_interval=None,
    ) as socket:
        follower.connects += 1
        woke_at = time.monotonic()
        async for text in socket:
            frame = json.loads(text)
            for event in frame.get("events", ()):
                follower.hear(event["seq"])
            if follower.slow and time.monotonic() - woke_at > AWAKE_S:
                await asyncio.sleep(random.uniform(0, NAP_MAX_S))  # noqa: S311
                woke_at = time.monotonic()


async def lie_dead(port: int, session: str) -> None:
    """Connect, ask for everything, and never read a byte."""
    request = handshake(port, "/ws/events/?after=0", f"sessionid={session}")
    while True:
        with contextlib.suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            writer.write(request)
            await asyncio.sleep(40)
            writer.close()
        await asyncio.sleep(RETRY_S)


async def main(port: int, session: str, steady: int, slow: int, dead: int, begin: int) -> None:
    followers = [Follower(slow=number >= steady, begin=begin, last=begin) for number in range(steady + slow)]
    tasks = [asyncio.create_task(follow(port, session, follower)) for follower in followers]
    tasks += [asyncio.create_task(lie_dead(port, session)) for _ in range(dead)]
    print("ready", flush=True)
    upto = int(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_S):
            while min(follower.last for follower in followers) < upto:
                await asyncio.sleep(0.2)
    print(json.dumps({
        "expected": sum(upto - follower.begin for follower in followers),
        "seen": sum(follower.seen for follower in followers),
        "twice": sum(follower.twice for follower in followers),
        "missed": sum(follower.missed for follower in followers),
        "late": sum(max(0, upto - follower.last) for follower in followers),
        "behind": [
            f"{'slow' if one.slow else 'steady'} at {one.last} of {upto}, {one.connects} connections "
            f"{one.ends}"
            for one in followers if one.last < upto
        ],
        "connects": sum(follower.connects for follower in followers),
    }), flush=True)  # fmt: skip
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])))

"""How late the live feed is, and whether it loses anything, with many browsers at one web process.

    pytest -s tests/benchmarks/bench_feed.py

Publisher, web process and clients share this machine; latency is from `publish` to the client's read.
Measured with the same clients, Channels' own group_send had a p99 of 9.5-11.2 s at 500 clients and 20
events a second, and lost 0-56 % (docs/design/0002-a-hub-not-a-group.md).  Prints figures; asserts only
that nothing was lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import *  # noqa: F403  the sites of the shell's tests
from tests.cluster.conftest import Site
from tests.cluster.test_socket import Web, web_of

LOADS = [(1, 20, 100), (100, 20, 160), (500, 20, 160), (100, 200, 1000)]  # clients, events a second, events

PUBLISH = """
import time
from cluster import feed
from planner.sentence import Sentence
start = time.monotonic()
for n in range(EVENTS):
    time.sleep(max(0, start + n / RATE - time.monotonic()))
    feed.publish("bench", Sentence("event {n} at {at_s}", {"n": n, "at_s": time.time()}))
"""


@pytest.mark.parametrize(("clients", "rate", "events"), LOADS)
async def test_latency_and_loss(site: Site, clients: int, rate: int, events: int):
    web = web_of(site)
    joined = asyncio.Semaphore(0)
    readers = [asyncio.create_task(latencies(web, events, joined)) for _ in range(clients)]
    for _ in range(clients):
        await joined.acquire()
    cpu_before_s = cpu_s(web.process.pid)
    publisher = site.start(PUBLISH.replace("EVENTS", str(events)).replace("RATE", str(rate)))
    seen = await asyncio.gather(*readers)
    assert publisher.wait() == 0
    cpu_us = 1e6 * (cpu_s(web.process.pid) - cpu_before_s) / (clients * events)
    late_ms = sorted(1000 * late_s for one in seen for late_s in one)
    frames = sum(one.frames for one in seen)
    p50, p99 = statistics.median(late_ms), late_ms[int(len(late_ms) * 0.99)]
    print(
        f"\n{clients} clients, {rate} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {late_ms[-1]:.1f} ms;"
        f" {cpu_us:.0f} us of the web process an event and client;"
        f" {len(late_ms) / frames:.1f} events a frame;"
        f" 0 of {clients * events} lost"
    )


def cpu_s(pid: int) -> float:
    """The processor's seconds that a process has had: proc(5), fields 14 and 15 of stat."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Seen(list[float]):
    """The delays of one client's events, and in how many frames they came."""

    frames = 0


async def latencies(web: Web, events: int, joined: asyncio.Semaphore) -> Seen:
    """Follow until all events have come; they must come once each, in order."""
    seen, last = Seen(), 0
    async with web.follow() as opened:
        await opened.recv()
        joined.release()
        while last < events:
            frame = json.loads(await opened.recv())
            now = time.time()
            if frame["type"] != "events":
                continue
            seen.frames += 1
            for event in frame["events"]:
                assert event["seq"] == last + 1
                last = event["seq"]
                seen.append(now - event["values"]["at_s"])
    return seen

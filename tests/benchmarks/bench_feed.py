"""How late the live feed is, and whether it loses anything, with many browsers at one web process.

    ./headroom bench tests/benchmarks/bench_feed.py

Broker, publisher, web process and clients are processes of their own on this machine, and they share its
cores; latency is from `publish` to the client's read.  Beside it, in the same run and with the same
clients, the usual way of Channels: `group_send` to every socket (docs/design/0002-the-feed-is-a-hub.md).
Prints figures; asserts only that nothing of ours was lost, nor out of order.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

from tests.benchmarks.processes import cpu_s, resident_mib
from tests.cluster.conftest import *  # noqa: F403  the sites of the shell's tests
from tests.cluster.conftest import ROOT, Site
from tests.cluster.test_socket import Web, a_reader_who_never_reads, answers, is_ended, web_of
from tests.conftest import wait_until

CLIENTS = ("-m", "tests.benchmarks.feed_clients")
LOADS = [(1, 20, 100), (100, 20, 200), (500, 20, 300), (500, 500, 7500)]  # clients, events a second, events
BESIDE = (500, 20, 160)
STUCK = (20, 100, 6000)  # for a minute, twice as long as a browser may read nothing

PUBLISH = """
import time
from cluster import feed
from planner.sentence import Sentence
start = time.monotonic()
for n in range(EVENTS):
    time.sleep(max(0, start + n / RATE - time.monotonic()))
    feed.publish("bench", Sentence("event {n} at {at_s}", {"n": n, "at_s": time.time()}))
print(time.monotonic() - start)
"""
GROUP_WEB = """
import uvicorn
uvicorn.run(
    "tests.benchmarks.group_send:application", port=PORT, log_level="error", lifespan="off",
    ws_per_message_deflate=False,
)
"""
GROUP_PUBLISH = """
import time
from tests.benchmarks import group_send
start = time.monotonic()
for n in range(EVENTS):
    time.sleep(max(0, start + n / RATE - time.monotonic()))
    group_send.publish(n + 1, time.time())
print(time.monotonic() - start)
"""


@pytest.mark.parametrize(("clients", "rate", "events"), LOADS)
def test_latency_and_loss(site: Site, clients: int, rate: int, events: int):
    found = of_the_hub(web_of(site), clients, rate, events)
    print(said("hub", clients, rate, found))
    assert (found["lost"], found["disordered"]) == (0, 0)


def test_beside_group_send(site: Site):
    pytest.importorskip("channels_redis", reason="the peer is missing: ./headroom test installs it")
    clients, rate, events = BESIDE
    ours = of_the_hub(web_of(site), clients, rate, events)
    theirs = of_group_send(site, clients, rate, events)
    print(said("hub", clients, rate, ours), end="")
    print(said("group_send", clients, rate, theirs), end="")
    print(f"\np99: {theirs['p99_ms'] / ours['p99_ms']:.0f} times lower than that of group_send (goal 100)")
    assert (ours["lost"], ours["disordered"]) == (0, 0)


def test_beside_one_that_reads_nothing(site: Site):
    web = web_of(site)
    clients, rate, events = STUCK
    before_mib = resident_mib(web.process.pid)
    with a_reader_who_never_reads(web) as stuck:
        found = of_the_hub(web, clients, rate, events)
        print(said("hub, beside one that reads nothing", clients, rate, found), end="")
        print(f"; the web process {before_mib:.0f} -> {resident_mib(web.process.pid):.0f} MiB")
        assert (found["lost"], found["disordered"]) == (0, 0)
        assert is_ended(stuck)


def of_the_hub(web: Web, clients: int, rate: int, events: int) -> dict[str, Any]:
    cookie = f"sessionid={web.session}; django_language=en"
    return told_to(web.site, web.process, web.port, "/ws/events/", cookie, PUBLISH, clients, rate, events)


def of_group_send(site: Site, clients: int, rate: int, events: int) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = site.start(GROUP_WEB.replace("PORT", str(port)))
    wait_until(lambda: answers(port), "the peer's web process")
    return told_to(site, process, port, "/ws/", "", GROUP_PUBLISH, clients, rate, events)


def told_to(
    site: Site,
    web: subprocess.Popen[str],
    port: int,
    path: str,
    cookie: str,
    publish: str,
    clients: int,
    rate: int,
    events: int,
) -> dict[str, Any]:
    """Let a crowd follow, publish, and give what it found with the processor time of the web process."""
    crowd = subprocess.Popen(
        [sys.executable, *CLIENTS, str(port), path, cookie, str(clients), str(events)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert crowd.stdout.readline() == "ready\n"
        cpu_before_s = cpu_s(web.pid)
        publisher = site.start(publish.replace("EVENTS", str(events)).replace("RATE", str(rate)))
        found = json.loads(crowd.stdout.readline())
        found["web_us"] = 1e6 * (cpu_s(web.pid) - cpu_before_s) / max(1, found["came"])
        found["published_s"] = float(publisher.stdout.readline())
        return found
    finally:
        crowd.kill()
        crowd.wait()


def said(what: str, clients: int, rate: int, found: dict[str, Any]) -> str:
    asked = found["came"] + found["lost"]
    return (
        f"\n{what}: {clients} clients, {rate} events/s (published in {found['published_s']:.1f} s):"
        f" p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms, max {found['max_ms']:.1f} ms;"
        f" {found['lost']} of {asked} lost ({100 * found['lost'] / asked:.1f} %);"
        f" {found['came'] / found['frames']:.1f} events a frame;"
        f" {found['web_us']:.1f} us of the web process an event and client"
    )

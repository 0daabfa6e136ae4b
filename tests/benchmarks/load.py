"""The load that Headroom has to hold: browsers, events, a large estate, planning requests, for a given time.

    python -m tests.benchmarks.load --seconds 60 [--browsers 500] [--rate 100] [--plans 20] [--vms 45000]

The hour: --seconds 3600.  Starts a whole `headroom up` with an estate of 45,000 VMs on 2,500 hosts, lets the
browsers follow the feed, publishes, asks for plans that are all under way at once, and opens pages.
Prints pages (p50, p99), events (delay, lost), plans, and the growth of memory of web and worker.
Nothing is asserted but that nothing is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.benchmarks.processes import cpu_s, resident_mib
from tests.cluster.conftest import ROOT
from tests.faults.stack import Stack, small_disk

CLIENTS = ("-m", "tests.benchmarks.feed_clients")
DISK_MIB = 4096
PIECES, LOOKS = 10, 12
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
PAGES = (
    "/", "/estates/{pk}/", "/estates/{pk}/vms/", "/estates/{pk}/vms/?sort=-memory_mib&name=vm1",
    "/estates/{pk}/hosts/", "/estates/{pk}/cluster/?name=C01", "/search/?q=vm1", "/runs/", "/events/",
)  # fmt: skip
IMPORT = """
import time
from django.core.files.base import ContentFile
from cluster import services
from cluster.models import Estate, Run
from planner.formats.document import write_document
from tests.benchmarks.bench_pages import estate_of
from tests.cluster.people import administrator
file = ContentFile(write_document(estate_of({hosts}, {vms}, 1000)), "e.json")
started = time.monotonic()
run = services.queue_import(administrator(), file, "large")
while not Run.objects.get(pk=run.pk).is_finished:
    time.sleep(0.5)
assert Run.objects.get(pk=run.pk).state == "succeeded", Run.objects.get(pk=run.pk).error
print(Estate.objects.get(name="large").pk, time.monotonic() - started)
"""
LOGIN = """
from importlib import import_module
from django.conf import settings
from django.test import Client
from tests.cluster.people import administrator
client = Client()
client.force_login(administrator())
print(client.cookies[settings.SESSION_COOKIE_NAME].value)
"""
PUBLISH = """
import time
from cluster import feed
from planner.sentence import Sentence
start = time.monotonic()
for n in range({events}):
    time.sleep(max(0, start + n / {rate} - time.monotonic()))
    feed.publish("bench", Sentence("event {{n}} at {{at_s}}", {{"n": n, "at_s": time.time()}}))
print(time.monotonic() - start)
"""
PLANS = """
import time
from cluster import services
from cluster.models import Estate, Run
from planner.report import Parameters
from tests.cluster.people import administrator
who, estate = administrator(), Estate.objects.get(name="large")
ends_at, done, failed, waited = time.monotonic() + {seconds}, 0, 0, []
def ask():
    return services.start_plan(who, estate, Parameters()).pk, time.monotonic()
under_way = dict(ask() for _ in range({plans}))
while under_way:
    time.sleep(0.5)
    for pk, state in Run.objects.filter(pk__in=list(under_way)).values_list("pk", "state"):
        if state in ("succeeded", "failed", "cancelled"):
            waited.append(time.monotonic() - under_way.pop(pk))
            done, failed = done + (state == "succeeded"), failed + (state != "succeeded")
            if time.monotonic() < ends_at:
                under_way.update([ask()])
    if time.monotonic() > ends_at + {patience}:
        break
waited.sort()
print(done, failed, len(under_way), waited[len(waited) // 2] if waited else 0, waited[-1] if waited else 0)
"""


@dataclass
class Visitor:
    """Opens pages one after the other, as a person does, and notes how long each took."""

    port: int
    cookie: str
    estate: str
    until: float
    took_s: dict[str, list[float]] = field(default_factory=dict)
    failed: int = 0

    def visit(self) -> None:
        chance = random.Random(1)  # noqa: S311
        while time.monotonic() < self.until:
            page = chance.choice(PAGES)
            started = time.monotonic()
            if self.open(page.format(pk=self.estate)) == 200:
                self.took_s.setdefault(page, []).append(time.monotonic() - started)
            else:
                self.failed += 1
            time.sleep(0.2)

    def open(self, address: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", address, headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except OSError:
            return 0
        finally:
            connection.close()


def used(stack: Stack, measure: Callable[[int], float]) -> dict[str, float]:
    """What the processes of each part have used, children included."""
    found: dict[str, float] = {}
    for pid, command in stack.up.processes().items():
        part = next((name for name in ("uvicorn", "worker", "beat", "valkey") if name in command), "")
        if not part:
            continue
        with contextlib.suppress(OSError):  # it ended while we looked
            found[part] = found.get(part, 0.0) + measure(pid)
    return found


@dataclass
class Memory:
    """What each part holds over time, in ten equal pieces: a leak grows from piece to piece, a cache ends."""

    stack: Stack
    until: float
    seen: list[dict[str, float]] = field(default_factory=list)

    def watch(self) -> None:
        pause_s = max(1.0, (self.until - time.monotonic()) / (PIECES * LOOKS))
        while time.monotonic() < self.until:
            self.seen.append(used(self.stack, resident_mib))
            time.sleep(pause_s)

    def lines(self) -> Iterator[str]:
        for part in sorted(self.seen[-1]):
            held = [one.get(part, 0.0) for one in self.seen]
            size = -(-len(held) // PIECES)
            pieces = [statistics.median(held[start : start + size]) for start in range(0, len(held), size)]
            yield f"memory {part:12} {' '.join(f'{mib:.0f}' for mib in pieces)} MiB, most {max(held):.0f}"


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def hold(stack: Stack, asked: argparse.Namespace) -> bool:
    estate, import_s = stack.site.run(IMPORT.format(hosts=asked.hosts, vms=asked.vms)).split()
    print(
        f"import              {asked.vms} VMs on {asked.hosts} hosts, stored and planned in {float(import_s):.0f} s"  # noqa: E501
    )
    cookie = f"sessionid={stack.site.run(LOGIN)}; django_language=en"
    events = round(asked.rate * asked.seconds)
    numbers = (str(asked.browsers), str(events))
    crowd = subprocess.Popen(
        [sys.executable, *CLIENTS, str(stack.port), "/ws/events/", cookie, *numbers],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    stack.site.started.append(crowd)
    assert crowd.stdout.readline() == "ready\n"
    worked_s, memory = used(stack, cpu_s), Memory(stack, time.monotonic() + asked.seconds)
    watching = threading.Thread(target=memory.watch)
    watching.start()
    visitor = Visitor(stack.port, cookie, estate, time.monotonic() + asked.seconds)
    visiting = threading.Thread(target=visitor.visit)
    publisher = stack.site.start(PUBLISH.format(events=events, rate=asked.rate))
    planner = stack.site.start(
        PLANS.format(seconds=asked.seconds, plans=asked.plans, patience=asked.patience)
    )
    visiting.start()
    visiting.join()
    published_s = float(publisher.stdout.readline())
    found = json.loads(crowd.stdout.readline())
    watching.join()
    for part, spent_s in sorted(used(stack, cpu_s).items()):
        print(f"processor {part:9} {spent_s - worked_s.get(part, 0):.1f} s in {asked.seconds:.0f} s")
    report_pages(visitor)
    print(
        f"events              {asked.browsers} browsers, {events} events in {published_s:.0f} s: "
        f"p50 {found['p50_ms']:.0f} ms, p99 {found['p99_ms']:.0f} ms; {found['came']} came, "
        f"{found['lost']} lost, "
        f"{found['disordered']} out of order, {found['ended']} sockets closed"
    )
    done, failed, left, half_s, longest_s = planner.stdout.readline().split()
    print(
        f"plans               {asked.plans} at once: {done} done, {failed} failed, {left} left; "
        f"p50 {float(half_s):.1f} s, longest {float(longest_s):.1f} s"
    )
    print("\n".join(memory.lines()))
    print(f"load average        {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return found["lost"] == found["disordered"] == int(failed) == int(left) == 0


def report_pages(visitor: Visitor) -> None:
    def shares(times: list[float]) -> str:
        found = {name: 1000 * quantile(times, share) for name, share in SHARES.items()}
        return ", ".join(f"{name} {ms:.0f} ms" for name, ms in found.items())

    every = [took for times in visitor.took_s.values() for took in times]
    print(f"pages               {len(every)} opened, {visitor.failed} failed: {shares(every)}")
    for page, times in sorted(visitor.took_s.items()):
        print(f"  {page:48} {shares(times)}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--browsers", type=int, default=500)
    parser.add_argument("--rate", type=float, default=100, help="events a second")
    parser.add_argument("--plans", type=int, default=20, help="planning requests under way at once")
    parser.add_argument("--vms", type=int, default=45_000)
    parser.add_argument("--hosts", type=int, default=2_500)
    parser.add_argument("--patience", type=float, default=600, help="seconds for plans under way at the end")
    asked = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    with small_disk(DISK_MIB) as (folder, _can_fill):
        stack = Stack(folder)
        try:
            stack.start()
            return 0 if hold(stack, asked) else 1
        finally:
            stack.end()


if __name__ == "__main__":
    sys.exit(main())

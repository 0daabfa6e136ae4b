"""Real processes: a worker killed in the middle loses nothing, a follower who was away misses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import urllib.request

import pytest

from config import broker
from tests.cluster.conftest import Site
from tests.cluster.test_lost_work import environment_of, worker_pids
from tests.cluster.test_socket import Web, web_of
from tests.conftest import Stack, wait_until

SCRIPT = "".join(f"at {200 * n} fail esx3\nat {200 * n + 100} repair esx3\n" for n in range(1, 40))
QUEUE = f"""
import json
from tests.cluster.rehearsal.worlds import asked, kept, BLUE
from operations.sketch import parse_sketch
from cluster.models import Estate
estate = Estate.objects.filter(name="killed").first() or kept(parse_sketch(BLUE), "killed")
print(json.dumps([str(asked(estate, {SCRIPT!r}).pk) for _ in range({{count}})]))
"""
STEPWISE = """
import sys
from cluster import tasks
from cluster.rehearsal import play
play.BATCH = 20
write = play.Recorder.write
def wait_after(self):
    write(self)
    print("written", flush=True)
    sys.stdin.readline()
play.Recorder.write = wait_after
tasks.rehearse({run!r})
"""
SLOW = """
import sys, time
from cluster import tasks
from cluster.rehearsal import play
play.BATCH = 20
write = play.Recorder.write
def slowly(self):
    write(self)
    time.sleep({pause_s})
play.Recorder.write = slowly
sys.stdin.readline()
tasks.rehearse({run!r})
print("done", flush=True)
"""
FACTS = """
import json
from cluster.models import Event, Rehearsal
found = Rehearsal.objects.select_related("run").get(pk={run!r})
columns = ("number", "cause", "at_s", "kind", "subject", "template", "values", "changes")
print(json.dumps({{
    "state": found.run.state,
    "attempt": found.run.attempt,
    "rows": [[str(cell) for cell in row] for row in found.events.values_list(*columns)],
    "summary": found.summary,
    "done": Event.objects.filter(run=found.run, kind="rehearsal-done").count(),
}}))
"""
LET_GO = """
from datetime import timedelta
from django.db.models.functions import Now
from cluster import queueing, tasks
from cluster.models import Run
Run.objects.filter(pk={run!r}).update(lease_until=Now() - timedelta(seconds=1))
print(queueing.sweep_lost_runs())
tasks.rehearse({run!r})
"""


COUNT = """
from cluster.models import RehearsalEvent
print(RehearsalEvent.objects.filter(rehearsal={run!r}).count())
"""


def count_of(site: Site, run: str) -> int:
    return int(site.run(COUNT.format(run=run)))


def test_a_worker_killed_in_the_middle_leaves_a_whole_rehearsal_to_the_next(any_site: Site):
    whole_run, run = json.loads(any_site.run(QUEUE.format(count=2)))
    any_site.run(f"from cluster import tasks; tasks.rehearse({whole_run!r})")
    whole = json.loads(any_site.run(FACTS.format(run=whole_run)))
    worker = any_site.start(STEPWISE.format(run=run))
    for _ in range(2):
        assert worker.stdout.readline() == "written\n"
        worker.stdin.write("go on\n")
        worker.stdin.flush()
    assert worker.stdout.readline() == "written\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    left = count_of(any_site, run)
    assert 0 < left < len(whole["rows"])
    any_site.run(LET_GO.format(run=run))
    after = json.loads(any_site.run(FACTS.format(run=run)))
    assert after == {**whole, "attempt": 2}
    assert [int(row[0]) for row in after["rows"]] == list(range(1, len(after["rows"]) + 1))


@pytest.mark.stack
def test_rehearsals_outlive_the_workers_of_the_stack(stack: Stack):
    site = Site(stack.data_dir, environment_of(stack))
    runs = json.loads(site.run(QUEUE.format(count=4)))
    for pid in worker_pids(stack.pid):
        os.kill(pid, signal.SIGKILL)
    assert broker.redis_url(stack.data_dir)

    def facts() -> list[dict[str, object]]:
        return [json.loads(site.run(FACTS.format(run=run))) for run in runs]

    wait_until(lambda: all(one["state"] == "succeeded" for one in facts()), "all rehearsals", within_s=240)
    ended = facts()
    assert [one["done"] for one in ended] == [1] * 4
    assert all(one["rows"] == ended[0]["rows"] for one in ended)


@pytest.fixture
def web(site: Site) -> Web:
    return web_of(site)


async def test_a_follower_who_was_away_misses_nothing(web: Web):
    """What the page does: hear a push, ask for the events after the last one it has."""
    [run] = json.loads(web.site.run(QUEUE.format(count=1)))
    worker = web.site.start(SLOW.format(run=run, pause_s=0.5))
    numbers: list[int] = []

    async def take() -> str:
        known = await asyncio.to_thread(
            answer_of, web, f"/api/v1/rehearsals/{run}/events?after={len(numbers)}"
        )
        numbers.extend(event["number"] for event in known["events"])
        return known["state"]

    async def follow(pushes: int) -> int:
        """Follow until so many pushes came; give the number of the last one."""
        async with web.follow("?after=0" if not numbers else f"?after={follow.seq}") as opened:
            while pushes:
                frame = json.loads(await asyncio.wait_for(opened.recv(), 30))
                told = [event for event in frame.get("events", []) if event["run"] == run]
                if told:
                    follow.seq = told[-1]["seq"]
                    await take()
                    pushes -= 1
        return follow.seq

    worker.stdin.write("go\n")
    worker.stdin.flush()
    await follow(3)
    seen = len(numbers)
    assert seen
    await asyncio.to_thread(wait_until, lambda: count_of(web.site, run) > seen + 60, "news while away")
    await follow(1)
    while await take() not in ("succeeded", "failed"):
        await asyncio.sleep(0.1)
    await take()
    assert numbers == list(range(1, count_of(web.site, run) + 1))
    assert len(numbers) > 150


def answer_of(web: Web, path: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{web.port}{path}", headers={"Cookie": f"sessionid={web.session}"}
    )
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))

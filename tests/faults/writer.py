"""What the harness asks of Headroom while it breaks things: events, and imports.

Each event has a number of its own.  Where the database did not answer, nobody knows whether the event stands:
the writer looks, and writes it again only where it does not.  It prints nothing but the end: nobody reads
before, and a full pipe would stop it.
"""

from __future__ import annotations

WRITER = """
import sys, time
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from cluster import feed, services
from cluster.models import Event, Run
from planner.formats.document import write_document
from planner.sentence import Sentence
from tests.cluster.estates import estate_of

RATE, SECONDS, IMPORT_EVERY_S = {rate}, {seconds}, {import_every_s}

def stands(kind, subject):
    return Event.objects.filter(kind=kind, subject=subject).exists()

def insist(write, there):
    while True:
        try:
            if not there():
                write()
            return
        except (DatabaseError, OSError):  # killed, cut or full: that is what is tried
            connection.close()
            time.sleep(0.2)

def say(n):
    insist(
        lambda: feed.publish("fault", Sentence("event {{n}}", {{"n": n}}), subject=str(n)),
        lambda: stands("fault", str(n)),
    )

def ask(n):
    file = ContentFile(write_document(estate_of(20, owner=str(n))), "fault.json")
    name = f"fault {{n}}"
    insist(
        lambda: services.queue_import(None, file, name),
        lambda: Run.objects.filter(estate_name=name).exists(),
    )

start = asked_at = time.monotonic()
n = imports = 0
while time.monotonic() - start < SECONDS:
    n += 1
    say(n)
    last_at = time.monotonic()
    if time.monotonic() - asked_at > IMPORT_EVERY_S:
        asked_at = time.monotonic()
        imports += 1
        ask(imports)
    time.sleep(max(0, min(1 / RATE, start + n / RATE - time.monotonic())))
print("done", last_at - start, n, imports, flush=True)
"""

COUNT = """
import json
from collections import Counter
from cluster.models import Estate, Event, Run
subjects = Counter(Event.objects.filter(kind="fault").values_list("subject", flat=True))
seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
runs = Run.objects.filter(estate_name__startswith="fault ")
done = Counter(Event.objects.filter(kind="import-done", run__in=runs).values_list("run", flat=True))
print(json.dumps({
    "events": len(subjects),
    "written_twice": sum(count - 1 for count in subjects.values()),
    "gaps": (seqs[-1] - seqs[0] + 1 - len(seqs)) if seqs else 0,
    "last": seqs[-1] if seqs else 0,
    "runs": Counter(runs.values_list("state", flat=True)),
    "told_twice": sum(count - 1 for count in done.values()),
    "attempts": max(runs.values_list("attempt", flat=True), default=0),
    "estates": Estate.objects.filter(name__startswith="fault ").count(),
}))
"""

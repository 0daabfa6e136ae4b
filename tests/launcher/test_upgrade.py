"""Data of an older version: backed up there, restored here, brought up to date, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.launcher.running import headroom

OLD = ("0007_connections_and_operations", "0011_rates_and_tags")  # two versions back, and one
FILL = """
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connection)
executor.migrate([key for key in executor.loader.graph.leaf_nodes() if key[0] != "cluster"])
executor = MigrationExecutor(connection)
executor.migrate([("cluster", "VERSION")])
old = MigrationExecutor(connection).loader.project_state([("cluster", "VERSION")]).apps
User = old.get_model("auth", "User")
names = ("Estate", "Run", "Event", "FeedCounter")
Estate, Run, Event, Counter = (old.get_model("cluster", name) for name in names)
who = User.objects.create(username="zoé", password="!")
for n in range(5):
    estate = Estate.objects.create(name=f"estate {n}")
    run = Run.objects.create(kind="import", state="succeeded", estate_name=estate.name, estate=estate)
    seq = n + 1
    told = {"template": "old {n}", "values": {"n": n}}
    Event.objects.create(seq=seq, kind="import-done", run=run, estate=estate, **told)
Counter.objects.update_or_create(pk=1, defaults={"last_seq": 5})
from cluster import audit
audit.note(audit.Deed.IMPORT_ASKED, "zoé", "estate 0", after={"run": "a"})
"""
COUNT = """
import json
from cluster import audit, feed
from cluster.models import AuditEntry, Estate, Event, Run
from planner.sentence import Sentence
from django.contrib.auth.models import User
verdict = audit.verify("")
print(json.dumps({
    "users": list(User.objects.values_list("username", flat=True)), "estates": Estate.objects.count(),
    "runs": Run.objects.count(), "events": [event.seq for event in feed.after(0)],
    "audit": [verdict.entries, verdict.broken_at],
    "next": feed.publish("test", Sentence("new")),
}))
"""


def run(data_dir: Path, *arguments: str) -> str:
    done = headroom(*arguments, data_dir=data_dir, DJANGO_SETTINGS_MODULE="config.settings")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("version", OLD)
def test_a_backup_of_an_older_version_is_restored_and_brought_up_to_date(
    version: str, tmp_path: Path
) -> None:
    old, new, archive = tmp_path / "old", tmp_path / "new", tmp_path / "old.tar.gz"
    run(old, "manage", "shell", "--verbosity", "0", "--command", FILL.replace("VERSION", version))
    run(old, "backup", str(archive))
    run(new, "restore", str(archive))
    run(new, "manage", "migrate", "--no-input", "--verbosity", "0")
    found = json.loads(run(new, "manage", "shell", "--verbosity", "0", "--command", COUNT).splitlines()[-1])
    assert found == {
        "users": ["zoé"], "estates": 5, "runs": 5, "events": [1, 2, 3, 4, 5], "audit": [1, None], "next": 6,
    }  # fmt: skip

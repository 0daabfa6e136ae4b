"""/livez and /readyz say the truth to the load balancer, and the reasons to the staff alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from django.contrib.auth.models import User
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from cluster.models import Run
from config import celery, health


@pytest.fixture
def worker_signs(valkey_url: str, settings: Settings) -> Iterator[celery.SignOfLife]:
    settings.FEED_URL = valkey_url
    life = celery.SignOfLife()
    yield life
    life.leave()


def test_livez_asks_nobody(client: Client, settings: Settings) -> None:
    settings.FEED_URL = "unix:///nonexistent/valkey.sock"
    assert client.get("/livez").content == b"ok\n"


@pytest.mark.django_db
def test_readyz_is_200_once_a_worker_signed(client: Client, worker_signs: celery.SignOfLife) -> None:
    assert client.get("/readyz").status_code == 503
    worker_signs.sign()
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (200, {"ready": True})
    worker_signs.leave()
    assert client.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_a_sign_of_life_fades_by_itself(valkey_url: str, worker_signs: celery.SignOfLife) -> None:
    worker_signs.sign()
    with redis.Redis.from_url(valkey_url) as client:
        (key,) = client.keys(f"{celery.WORKER_KEY_PREFIX}*")
        assert 0 < client.ttl(key) <= celery.WORKER_SEEN_S


@pytest.mark.django_db
def test_only_staff_reads_what_is_missing(client: Client, settings: Settings) -> None:
    settings.FEED_URL = "unix:///nonexistent/valkey.sock"
    assert client.get("/readyz").json() == {"ready": False}
    client.force_login(User.objects.create_user("buyer"))
    assert client.get("/readyz").json() == {"ready": False}
    client.force_login(User.objects.create_user("admin", is_staff=True))
    answer = client.get("/readyz").json()
    assert sorted(answer["missing"]) == ["broker", "worker"]
    assert "/nonexistent/valkey.sock" in answer["missing"]["broker"]


@pytest.mark.django_db
def test_tables_of_an_older_version_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_tables_agree", False)
    newest = MigrationRecorder.Migration.objects.filter(app="cluster").latest("name")
    newest.delete()
    assert f"cluster.{newest.name}" in health.missing_parts()["tables"]


@pytest.mark.django_db
def test_what_nobody_takes_up_is_told_once_it_waits_too_long() -> None:
    late = timezone.now() - timedelta(seconds=health.OUTBOX_OLD_S)
    run = Run.objects.create(kind=Run.Kind.IMPORT, estate_name="a", lease_until=late + timedelta(seconds=30))
    assert "outbox" not in health.missing_parts()
    Run.objects.filter(pk=run.pk).update(lease_until=late - timedelta(seconds=5))
    assert "nobody sweeps" in health.missing_parts()["outbox"]
    Run.objects.filter(pk=run.pk).update(state=Run.State.SUCCEEDED)
    assert "outbox" not in health.missing_parts()

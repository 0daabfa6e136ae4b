"""The Celery application, and the sign of life that tells the web process that a worker is there."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import redis
from celery import Celery
from celery.signals import heartbeat_sent, worker_process_init, worker_ready, worker_shutdown

from config import warming, whereabouts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("headroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

WORKER_KEY_PREFIX = "headroom:worker:"
WORKER_SEEN_S = 30  # a worker silent for so long counts as gone
SIGN_EVERY_S = 5.0
WORKER_NICE = 5  # a third of the weight of a process that nobody made wait (sched(7))


class SignOfLife:
    """Writes a key while the worker's main loop turns; the key dies with it."""

    def __init__(self) -> None:
        self._signed_at = -SIGN_EVERY_S

    def sign(self, **_: Any) -> None:
        now = time.monotonic()
        if now - self._signed_at >= SIGN_EVERY_S:
            self._signed_at = now
            with _feed() as client:
                client.set(worker_key(os.getpid()), "ready", ex=WORKER_SEEN_S)

    def leave(self, **_: Any) -> None:
        with _feed() as client:
            client.delete(worker_key(os.getpid()))


def worker_key(pid: int) -> str:
    return f"{WORKER_KEY_PREFIX}{socket.gethostname()}:{pid}"


def _feed() -> redis.Redis:
    from django.conf import settings

    return redis.Redis.from_url(settings.FEED_URL, socket_timeout=2, socket_connect_timeout=2)


life = SignOfLife()
worker_ready.connect(life.sign)
heartbeat_sent.connect(life.sign)
worker_shutdown.connect(life.leave)


def give_way(**_: Any) -> None:
    """Let a pool process run behind the web process: pages answer while every core plans.

    The worker's own process, which takes work and gives signs of life, keeps its priority.
    """
    os.nice(int(os.environ.get("WORKER_NICE") or WORKER_NICE))


warmer = warming.Warmer()
worker_ready.connect(warmer.start)
worker_shutdown.connect(warmer.stop)
worker_process_init.connect(give_way)
worker_ready.connect(whereabouts.tell_when_asked)
worker_process_init.connect(whereabouts.tell_when_asked)

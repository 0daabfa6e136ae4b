"""A task for tests of the stop: it counts its starts and its ends, with as many seconds between as asked."""

from __future__ import annotations

import time

import redis
from celery import shared_task
from django.conf import settings


@shared_task(name="tests.sleep")
def sleep(seconds: float) -> None:
    with redis.Redis.from_url(settings.FEED_URL) as client:
        client.incr("started")
        time.sleep(seconds)
        client.incr("finished")

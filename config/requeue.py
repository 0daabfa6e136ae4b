"""Hands back the tasks that a worker took and never finished, when no worker lives any more."""

from __future__ import annotations

from config.celery import app


def requeue_unacked() -> int:
    """Put every unacknowledged task back at its queue; returns how many there were."""
    with app.connection_for_write() as connection:
        delivered = connection.default_channel.qos
        with delivered.channel.conn_or_acquire() as client:
            tags = client.zrange(delivered.unacked_index_key, 0, -1)
            for tag in tags:
                delivered.restore_by_tag(tag, client)
    return len(tags)

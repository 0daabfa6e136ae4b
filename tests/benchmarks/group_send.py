"""The usual way of Channels, as the yardstick of our feed: every socket in a group, every event sent to it.

Served by uvicorn as our own web process is, on the same broker: `group_send.application`.  `publish` is
what a worker does to tell an event.
"""

from __future__ import annotations

import json
import os
from typing import Any

from django.conf import settings

GROUP = "events"
# redis-py 8 would end idle sockets after 5 s; the pool's default of 100 would be fewer than the sockets.
LAYER = {
    "BACKEND": "channels_redis.core.RedisChannelLayer",
    "CONFIG": {"hosts": [{"address": os.environ.get("REDIS_URL", ""), "socket_timeout": None}]},
}
settings.CHANNEL_LAYERS = {"default": LAYER}  # ours has none

from asgiref.sync import async_to_sync  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class EventsConsumer(AsyncWebsocketConsumer):
    """One socket."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()
        await self.send('{"type":"hello"}')

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def tell(self, message: dict[str, Any]) -> None:
        await self.send(message["text"])


def publish(seq: int, at_s: float) -> None:
    """Tell an event to everybody, in the shape of ours."""
    event = {
        "seq": seq,
        "kind": "bench",
        "values": {"n": seq, "at_s": at_s},
        "text": f"event {seq} at {at_s}",
    }
    text = json.dumps({"type": "events", "events": [event]})
    async_to_sync(get_channel_layer().group_send)(GROUP, {"type": "tell", "text": text})


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/", EventsConsumer.as_asgi())])})

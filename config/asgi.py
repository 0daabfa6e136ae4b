"""The web process: pages over HTTP, the live feed over WebSocket."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATABASE_STATEMENT_TIMEOUT_S", "30")  # a page that waits longer has lost its reader
pages = get_asgi_application()  # sets Django up: what follows may import models

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from cluster.routing import websocket_urlpatterns  # noqa: E402
from config.same_origin import SameOrigin  # noqa: E402
from config.upload_limit import UploadLimit  # noqa: E402
from config.whereabouts import tell_when_asked  # noqa: E402

tell_when_asked()
application = ProtocolTypeRouter(
    {
        "http": UploadLimit(pages),
        "websocket": SameOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)

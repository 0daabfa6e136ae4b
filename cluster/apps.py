"""The shell: what Headroom remembers and shows."""

from __future__ import annotations

from django.apps import AppConfig


class ClusterConfig(AppConfig):
    name = "cluster"
    verbose_name = "Headroom"

    def ready(self) -> None:
        from cluster import audit, entering

        audit.listen()
        entering.listen()

"""Brings the Celery application into every process that sets Django up."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigApp(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import celery  # noqa: F401  makes it the application that tasks are sent through

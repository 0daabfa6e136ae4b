"""Work that was asked for, and what is told about it.

    queued --claim--> running --+--> succeeded
       |      ^          |      +--> failed (error, and its place in the input)
       |      +--lease---+      |
       +-----------cancel-------+--> cancelled

A lease that runs out means that the worker is gone: `queueing.sweep_lost_runs` sends the run again.
`attempt` counts the claims and fences: who writes must hold the latest one.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.connection import Connection
from cluster.models.inventory import Estate


class Upload(models.Model):
    """A file as it was given, under its content's hash."""

    file = models.FileField(max_length=255)
    filename = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return self.filename


class Run(models.Model):
    class Kind(models.TextChoices):
        IMPORT = "import", _("import")
        PLAN = "plan", _("plan")
        STUDY = "study", _("study")
        REHEARSAL = "rehearsal", _("rehearsal")
        DRILL = "drill", _("drill")
        WIRING = "wiring", _("wiring")
        REFRESH = "refresh", _("refresh")
        COST = "cost", _("cost")

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    stage = models.CharField(max_length=9, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    estate_name = models.CharField(max_length=255)
    estate = models.ForeignKey(Estate, null=True, on_delete=models.SET_NULL, related_name="runs")
    upload = models.ForeignKey(Upload, null=True, on_delete=models.SET_NULL, related_name="runs")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.SET_NULL, related_name="runs")
    parameters = models.JSONField(default=dict)

    # Why it failed: a planner Sentence, and where in the input.
    error = models.JSONField(null=True, blank=True)
    error_sheet = models.CharField(max_length=255, blank=True)
    error_row = models.PositiveIntegerField(null=True, blank=True)
    error_column = models.CharField(max_length=255, blank=True)

    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="run_by_age"),
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["queued", "running"]), name="run_unfinished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.estate_name}"

    @property
    def is_finished(self) -> bool:
        return self.state not in (self.State.QUEUED, self.State.RUNNING)


class FeedCounter(models.Model):
    """The one row that gives sequence numbers: taken in a transaction, given back if it fails."""

    last_seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last_seq)


class Event(models.Model):
    """What happened, in an order without gaps; `template` and `values` are a planner Sentence."""

    class Level(models.TextChoices):
        INFO = "info", _("information")
        SUCCESS = "success", _("success")
        WARNING = "warning", _("warning")
        ERROR = "error", _("error")

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=40)
    level = models.CharField(max_length=7, choices=Level.choices, default=Level.INFO)
    subject = models.CharField(max_length=255, blank=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="events")
    estate = models.ForeignKey(Estate, null=True, on_delete=models.SET_NULL, related_name="events")
    progress = models.PositiveSmallIntegerField(null=True)
    template = models.TextField()
    values = models.JSONField(default=dict)

    class Meta:
        ordering = ["seq"]
        indexes = [models.Index(fields=["at"], name="event_by_age")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.subject}"

"""A real action on a real hypervisor, as a row that never lies.

    proposed --approve--> queued --claim--> claimed --commit--> submitting --call--> running --+--> done
        |                   |  ^               |                    |                   |      +--> failed
        +------cancel-------+  +-lease out-----+                    +----lease out------+
        |                                                                               |
        v                                                                               v
    cancelled                                                       done, failed <--observe-- unknown

Every arrow is one conditional UPDATE.  `token` counts the claims and fences: who writes must hold the
latest.  `submitting` is committed before the call, so a crash from there on is `unknown`: no code submits
it again, and the server alone says how it ended.  A dry run reaches none of the states from `submitting` on:
the database refuses.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.connection import Connection


class Operation(models.Model):
    class Kind(models.TextChoices):
        MIGRATE = "migrate", _("migrate")
        POWER_ON = "power-on", _("power on")
        POWER_OFF = "power-off", _("power off")
        RESET = "reset", _("restart")
        ENTER = "enter", _("enter maintenance mode")
        LEAVE = "leave", _("leave maintenance mode")
        PROTECT = "protect", _("let HA keep it")
        FT_ON = "ft-on", _("protect by FT")
        FT_OFF = "ft-off", _("end FT")
        UNPROTECT = "unprotect", _("take it from HA")
        RESTART = "restart", _("restart on another host")

    DESTINED = ("migrate", "restart")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        QUEUED = "queued", _("queued")
        CLAIMED = "claimed", _("checked once more")
        SUBMITTING = "submitting", _("submitting")
        RUNNING = "running", _("running")
        UNKNOWN = "unknown", _("unknown")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ACTIVE = ("queued", "claimed", "submitting", "running", "unknown")
    BUSY = ("submitting", "running", "unknown")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(
        Connection, null=True, on_delete=models.SET_NULL, related_name="operations"
    )
    kind = models.CharField(max_length=9, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    subject_id = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    source = models.CharField(max_length=255, blank=True)
    destination = models.CharField(max_length=255, blank=True)
    dry_run = models.BooleanField(default=True)
    post_copy = models.BooleanField(default=False)
    token = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    external_id = models.CharField(max_length=255, blank=True)
    predicted = models.JSONField(default=dict)
    measured = models.JSONField(default=dict)
    why = models.JSONField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="operations_requested"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="operations_approved"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    abort_asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    plan_sha256 = models.CharField(max_length=64, blank=True)  # of what was proposed, and so approved

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["lease_until"], condition=Q(ended_at=None), name="operation_open")]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "subject_id"],
                condition=Q(state__in=["queued", "claimed", "submitting", "running", "unknown"]),
                name="one_active_operation_a_subject",
            ),
            models.CheckConstraint(
                condition=Q(dry_run=False) | ~Q(state__in=["submitting", "running", "unknown"]),
                name="a_dry_run_is_never_submitted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    def as_noted(self) -> dict[str, str]:
        """What the audit keeps of it."""
        fields = ("kind", "state", "subject", "subject_id", "source", "destination", "dry_run", "external_id")
        return {"id": str(self.pk)} | {name: str(getattr(self, name)) for name in fields}

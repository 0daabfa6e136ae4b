"""What leaves by itself: reports by mail, events to addresses of programs.

Schedule -- Letter (the outbox: one row a recipient, whole, until a mail server took it)
Webhook (an address, the kinds of events it wants, and how far it has been told)
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.columns import Name, Names
from cluster.models.inventory import Estate


class Schedule(models.Model):
    """A report of an estate that is mailed in a rhythm; `next_at` NULL: it is off, `off_because` says why."""

    class Rhythm(models.TextChoices):
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")
        MONTHLY = "monthly", _("every month")

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="schedules")
    kind = models.CharField(max_length=12)
    language = models.CharField(max_length=7)
    rhythm = models.CharField(max_length=7, choices=Rhythm.choices)
    recipients = Names()
    next_at = models.DateTimeField(null=True)
    off_because = models.CharField(max_length=255, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["estate__name", "pk"]
        indexes = [models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="schedule_due")]

    def __str__(self) -> str:
        return f"{self.estate_id} {self.kind} {self.rhythm}"


class Letter(models.Model):
    """One mail to one person.

        waiting --claim--> waiting, held --about to hand over--> handing --server took it--> sent
           ^                    |                                  |  |
           +----- later --------+------- refused for now ----------+  +-- nobody knows --> unsure

    A worker that dies before `handing` has given nothing away: the letter goes out again.  One that dies in
    `handing` may have: then the letter is `unsure`, told, and goes out again only when a person says so.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        HANDING = "handing", _("being handed over")
        SENT = "sent", _("sent")
        UNSURE = "unsure", _("perhaps sent")
        FAILED = "failed", _("refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    schedule = models.ForeignKey(Schedule, null=True, on_delete=models.SET_NULL, related_name="letters")
    due_at = models.DateTimeField()
    estate_name = Name()
    recipient = models.EmailField()
    content = models.BinaryField(default=b"")
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at", "recipient"], name="letter_once")
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(state__in=["waiting", "handing"]), name="letter_unsent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipient} {self.state}"


class Webhook(models.Model):
    """Who is told of events by HTTP; `cursor` is the number of the last event that it took or did not want.

    `secret` is ciphertext.  `failing_since` NULL: the last delivery was taken; else `error` is a planner
    Sentence that says why not.
    """

    name = Name(unique=True)
    url = models.URLField(max_length=2000)
    kinds = Names()
    secret = models.TextField(blank=True, editable=False)
    is_on = models.BooleanField(default=True)
    cursor = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    holder = models.UUIDField(null=True)
    failing_since = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    error = models.JSONField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

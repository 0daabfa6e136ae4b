"""A way to a real hypervisor, and what was observed through it, dated.

Connection --+-- Observation (a whole estate as it stood at a moment)
             +-- Operation (see models/operation.py)
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.inventory import Estate


class Connection(models.Model):
    """How to reach one server.  `secret` is ciphertext whose key is no part of the database.

    `may_act` False: whatever is asked for is a dry run.  `stopped` True: nothing begins any more.
    """

    class Kind(models.TextChoices):
        VSPHERE = "vsphere", "vSphere"

    name = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.VSPHERE)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=443)
    username = models.CharField(max_length=255)
    secret = models.TextField(blank=True, editable=False)
    fingerprint = models.CharField(max_length=95, blank=True)
    refresh_minutes = models.PositiveIntegerField(null=True, blank=True)
    next_refresh_at = models.DateTimeField(null=True, blank=True)
    may_act = models.BooleanField(default=False)
    stopped = models.BooleanField(default=False)
    four_eyes = models.BooleanField(default=True)
    blackout = models.CharField(max_length=255, blank=True)
    moves_per_host = models.PositiveSmallIntegerField(default=2)
    seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["name"]
        verbose_name = _("connection")

    def __str__(self) -> str:
        return self.name


class Observation(models.Model):
    """An estate as it stood on a date: the estate document, deflated, and what was measured of it.

    `connection` None: it was imported.  `document` empty: it is that of the date before, or measures alone
    came in a file of history.  `demands` says what each VM was measured to want, deflated.  `outlook` and
    `rightsizing` are worked out from all dates so far.
    """

    connection = models.ForeignKey(
        Connection, null=True, on_delete=models.SET_NULL, related_name="observations"
    )
    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="observations")
    taken_at = models.DateTimeField(db_default=Now(), editable=False)
    document = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    hosts = models.PositiveIntegerField()
    vms = models.PositiveIntegerField()
    measures = models.JSONField(default=list)
    demands = models.BinaryField(default=b"")
    outlook = models.JSONField(null=True)
    rightsizing = models.JSONField(null=True)

    class Meta:
        ordering = ["-taken_at", "-id"]
        indexes = [models.Index(fields=["estate", "-taken_at"], name="observation_by_age")]

    def __str__(self) -> str:
        return f"{self.estate_id} {self.taken_at}"

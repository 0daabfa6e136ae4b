"""A way to a real hypervisor, and what was observed through it, dated.

Connection --+-- Observation (a whole estate as it stood at a moment)
             +-- Use (what each VM used over the window before the last reading)
             +-- Definition (what starts a VM on a host that does not know it)
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

    `told_until`: what the server says has happened up to then stands in the feed.
    `uris` are the hosts of a connection that has several, a line each; then `host` and `port` say nothing.
    `may_act` False: whatever is asked for is a dry run.  `stopped` True: nothing begins any more.
    """

    class Kind(models.TextChoices):
        VSPHERE = "vsphere", "vSphere"
        PROXMOX = "proxmox", "Proxmox VE"
        LIBVIRT = "libvirt", "libvirt"

    name = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.VSPHERE)
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(default=443)
    uris = models.TextField(blank=True)
    username = models.CharField(max_length=255, blank=True)
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
    told_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["name"]
        verbose_name = _("connection")

    def __str__(self) -> str:
        return self.name

    @property
    def server(self) -> str:
        """What is read, in a word: the server's address, or the name of what several hosts make."""
        return self.host or self.name

    @property
    def places(self) -> list[str]:
        """Where it goes: address and port, or one line a host."""
        return self.uris.splitlines() if self.uris else [f"{self.host}:{self.port}"]


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


class Use(models.Model):
    """What a VM used over a window: of the last reading alone, older ones are in the plans made then.

    `coverage` is the share of the window that was really seen, from 0 to 1.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="uses")
    vm = models.CharField(max_length=255)
    window_s = models.PositiveIntegerField()
    sample_s = models.PositiveIntegerField()
    cpu_average_mhz = models.FloatField(null=True)
    cpu_p95_mhz = models.FloatField(null=True)
    cpu_peak_mhz = models.FloatField(null=True)
    cpu_coverage = models.FloatField(null=True)
    memory_average_mib = models.FloatField(null=True)
    memory_p95_mib = models.FloatField(null=True)
    memory_peak_mib = models.FloatField(null=True)
    memory_coverage = models.FloatField(null=True)
    dirty_mib_s = models.FloatField(null=True)

    class Meta:
        ordering = ["vm"]
        constraints = [models.UniqueConstraint(fields=["connection", "vm"], name="one_use_a_vm")]

    def __str__(self) -> str:
        return self.vm


class Definition(models.Model):
    """What a host would have to be given to start a VM, as its host had it when it was read last.

    Where a host falls silent, its VMs' definitions stay: they are what HA restarts them from.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="definitions")
    vm_id = models.CharField(max_length=255)
    host = models.CharField(max_length=255)
    text = models.TextField()

    class Meta:
        ordering = ["vm_id", "host"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "vm_id", "host"], name="one_definition_a_host")
        ]

    def __str__(self) -> str:
        return f"{self.vm_id} {self.host}"

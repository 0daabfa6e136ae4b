"""What system administrators ask for their VMs, and what was answered.

asked --+--> granted    a priority or dependency holds from then on; a restart became an operation
        +--> refused
        +--> withdrawn
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.columns import NAME_MAX
from cluster.models.inventory import Estate, Priority
from cluster.models.operation import Operation


class Wish(models.Model):
    """One request about one VM.  The VM is a name, as in the estate: an import replaces its row."""

    class Kind(models.TextChoices):
        NEW = "new", _("a new VM")
        RESIZE = "resize", _("another size")
        PRIORITY = "priority", _("another restart priority")
        DEPENDENCY = "dependency", _("start after another VM")
        RESTART = "restart", _("a restart")

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="wishes")
    vm = models.CharField(max_length=NAME_MAX)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    vcpus = models.PositiveIntegerField(null=True, blank=True)
    memory_mib = models.PositiveBigIntegerField(null=True, blank=True)
    disk_mib = models.PositiveBigIntegerField(null=True, blank=True)
    priority = models.CharField(max_length=8, choices=Priority.choices, blank=True)
    after = models.CharField(max_length=NAME_MAX, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="wishes"
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(db_default=Now(), editable=False)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["estate", "vm"], condition=Q(state="granted"), name="wish_granted")]

    def __str__(self) -> str:
        return f"{self.kind} {self.vm}"

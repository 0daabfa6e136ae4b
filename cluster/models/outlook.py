"""What is known of the time to come: projects that somebody planned.

Estate -- Project       from a day on, so much more of a cluster or a datastore is wanted
Estate -- Observation   what was measured on each date, and the outlook worked out from it (connection.py)
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.columns import Name
from cluster.models.inventory import Estate


class Project(models.Model):
    """A known step in what is wanted of one thing; `amount`, in the unit of the resource, may be negative."""

    class Resource(models.TextChoices):
        VCPU = "vcpu", _("vCPUs")
        MEMORY = "memory", _("memory, GiB")
        STORAGE = "storage", _("storage, GiB")
        VMS = "vms", _("VMs")

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="projects")
    title = Name()
    subject_name = Name()
    resource = models.CharField(max_length=8, choices=Resource.choices)
    amount = models.FloatField()
    starts_on = models.DateField()
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    added_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["starts_on", "pk"]
        verbose_name = _("planned project")

    def __str__(self) -> str:
        return f"{self.title} {self.starts_on}"

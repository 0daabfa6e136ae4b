"""What people add to an estate about how it is wired, and what the planner found about that."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import Name
from cluster.models.inventory import Estate
from cluster.models.run import Run


class Design(models.Model):
    """A standard design laid over a cluster; an import changes what it recorded, never this."""

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="designs")
    cluster_name = Name()
    kind = models.CharField(max_length=20)
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["cluster_name", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["estate", "cluster_name", "kind"], name="design_once_in_cluster")
        ]

    def __str__(self) -> str:
        return f"{self.cluster_name}: {self.kind}"


class Redundancy(models.Model):
    """A PathsReport and the availability beside it, of one revision of the estate with its designs."""

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="redundancies")
    estate_revision = models.PositiveIntegerField()
    designs = models.JSONField(default=list)
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="redundancy")
    paths = models.JSONField()
    availability = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.estate_id} r{self.estate_revision}"

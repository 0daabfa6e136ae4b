"""What the planner answered."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from cluster.models.inventory import Estate
from cluster.models.run import Run


class Plan(models.Model):
    """A PlanReport, and the revision of the estate that it speaks of."""

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="plans")
    estate_revision = models.PositiveIntegerField()
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="plan")
    parameters = models.JSONField()
    report = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.estate_id} r{self.estate_revision}"

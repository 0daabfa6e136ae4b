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


class WiringEdit(models.Model):
    """One component or cable that a person put, changed or took away; `values` NULL: taken away.

    They are done again in their order on whatever an import brings; the last one is what can be undone.
    """

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="wiring_edits")
    kind = models.CharField(max_length=20)
    name = Name()
    values = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Redundancy(models.Model):
    """A PathsReport and the availability beside it, of one revision of the estate with its designs."""

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="redundancies")
    estate_revision = models.PositiveIntegerField()
    designs = models.JSONField(default=list)
    edits = models.CharField(max_length=40, default="")
    parameters = models.JSONField(default=dict)
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="redundancy")
    paths = models.JSONField()
    tally = models.JSONField(default=dict)  # what the overview shows of `paths`
    availability = models.JSONField()
    priced = models.JSONField(default=dict)
    services = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.estate_id} r{self.estate_revision}"


class YearsPart(models.Model):
    """A part of the years that a run plays, for whichever worker comes first; `answer` NULL: not played."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="years_parts")
    position = models.PositiveIntegerField()
    question = models.JSONField()
    answer = models.JSONField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="yearspart_in_order")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.position}"

"""What was asked about one cluster beside its plan: losses of hosts, balance, placement."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.inventory import Estate
from cluster.models.run import Run


class Study(models.Model):
    """One answer, and the revision of the estate that it speaks of.

    Study -- StudyPart      what is large and looked at piece by piece: one lost unit each
    """

    class Kind(models.TextChoices):
        FAILURES = "failures", _("failures")
        BALANCE = "balance", _("balance")
        PLACEMENT = "placement", _("placement")

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="studies")
    estate_revision = models.PositiveIntegerField()
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="study")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    cluster_name = models.CharField(max_length=255)
    question = models.JSONField()
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["estate", "kind", "cluster_name", "-id"], name="study_newest")]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"{self.kind} {self.cluster_name} r{self.estate_revision}"


class StudyPart(models.Model):
    """A piece of an answer, by its place in the answer."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    answer = models.JSONField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["study", "position"], name="study_part_once")]

    def __str__(self) -> str:
        return f"{self.study_id} #{self.position}"

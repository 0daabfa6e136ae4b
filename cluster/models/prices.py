"""Price books, and what was answered with them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import Name
from cluster.models.inventory import Estate
from cluster.models.run import Run


class PriceBook(models.Model):
    """Quotes under a name: rows as `planner.cost.book.Price` has them, lying over the public prices."""

    name = Name(unique=True)
    rows = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PriceBookVersion(models.Model):
    """A book as it stood; versions are added and never changed, so that an old answer can be checked."""

    book = models.ForeignKey(PriceBook, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    rows = models.JSONField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["book", "version"], name="book_version_once")]

    def __str__(self) -> str:
        return f"{self.book_id} v{self.version}"


class CostStudy(models.Model):
    """A cost answer of the planner, the revision of the estate and the prices that it was made with."""

    class Kind(models.TextChoices):
        COST = "cost"
        HOSTS = "hosts"
        VARIANTS = "variants"

    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.COST)
    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="cost_studies")
    estate_revision = models.PositiveIntegerField()
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="cost_study")
    book = models.ForeignKey(PriceBook, null=True, on_delete=models.SET_NULL)
    book_version = models.PositiveIntegerField(null=True)
    answer = models.JSONField()
    tally = models.JSONField(default=dict)  # what the overview shows of `answer`
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.estate_id} r{self.estate_revision}"

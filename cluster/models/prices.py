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


class CostStudy(models.Model):
    """A cost answer of the planner, the revision of the estate and the prices that it was made with."""

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="cost_studies")
    estate_revision = models.PositiveIntegerField()
    run = models.OneToOneField(Run, null=True, on_delete=models.SET_NULL, related_name="cost_study")
    book = models.ForeignKey(PriceBook, null=True, on_delete=models.SET_NULL)
    book_version = models.PositiveIntegerField(null=True)
    answer = models.JSONField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.estate_id} r{self.estate_revision}"

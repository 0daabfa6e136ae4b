"""What-ifs of an estate: changes that stack, and that may be committed so that they reserve their room."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import Name
from cluster.models.inventory import Estate


class Variant(models.Model):
    """Changes under a name, as `planner.variant` has them; an import never touches them.

    Estate --< Variant --base--> Variant
    """

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, related_name="variants")
    name = Name()
    base = models.ForeignKey("self", null=True, on_delete=models.RESTRICT, related_name="on_top")
    changes = models.JSONField(default=list)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    committed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    committed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["estate", "name"], name="variant_name_once_in_estate")]

    def __str__(self) -> str:
        return self.name

"""What people keep for themselves: a page as they filtered it, their first steps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.columns import Name

ADDRESS_MAX = 2000


class SavedView(models.Model):
    """An address of ours with its query: filter, order and columns stand in it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="views")
    name = Name()
    address = models.CharField(max_length=ADDRESS_MAX)
    saved_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("saved view")
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_view_once")]

    def __str__(self) -> str:
        return self.name


class FirstSteps(models.Model):
    """How far a person is in the guided first run; what left rows of its own is not noted again here."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="first_steps"
    )
    verdict_read_at = models.DateTimeField(null=True)
    put_away_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("first steps")
        verbose_name_plural = _("first steps")

    def __str__(self) -> str:
        return str(self.person_id)

"""Rehearsals: what was asked for, what happened second by second, what it meant.

Run --1:1-- Rehearsal --+-- RehearsalEvent, numbered from 1 without a gap
                        +-- opening, summary or drills (JSON)

The estate is kept as it stood when the rehearsal was asked for: a worker that takes the run up again
plays the same, and a replay next year shows the same.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import NAME_MAX
from cluster.models.run import Run


class Rehearsal(models.Model):
    """The question of a run of kind rehearsal or drill, and its answer."""

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="rehearsal")
    cluster_name = models.CharField(max_length=NAME_MAX, blank=True)  # empty: a scenario
    scenario = models.CharField(max_length=NAME_MAX, blank=True)
    script = models.TextField()
    drill = models.CharField(max_length=5, blank=True)  # each or pairs, in a run of kind drill
    product = models.CharField(max_length=20)
    document = models.BinaryField()  # the estate of one cluster, as a compressed estate document
    opening = models.JSONField(null=True)  # who ran where at the beginning
    summary = models.JSONField(null=True)  # who was out for how long, who is lost, what would have helped
    drills = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.scenario or self.cluster_name or str(self.pk)


class RehearsalEvent(models.Model):
    """One event of a rehearsal.  `cause` is the number of the event that led to it, 0 for the script's own.

    `changes` says what it changed of what can be seen, so that a browser plays it without knowing why.
    """

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="events")
    number = models.PositiveIntegerField()
    cause = models.PositiveIntegerField()
    at_s = models.FloatField()
    kind = models.CharField(max_length=40)
    subject = models.TextField()
    template = models.TextField()
    values = models.JSONField(default=dict)
    changes = models.JSONField(default=dict)

    class Meta:
        ordering = ["rehearsal", "number"]
        constraints = [models.UniqueConstraint(fields=["rehearsal", "number"], name="rehearsal_event_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.kind} {self.subject}"

"""What the migrations of one cluster have taught: the model's parameters and how far off they are.

Connection --+-- MigrationFit, one a cluster; fitted anew after each measured migration
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from cluster.models.columns import Name
from cluster.models.connection import Connection


class MigrationFit(models.Model):
    """The newest fit.  Errors are shares of what was measured, on migrations that the fit had not seen.

    `links_mib_s` is what each kind of link carried; `bound` the factor on a foretold stop that most do not
    exceed, NULL where too few stops were told.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="fits")
    cluster_name = Name()
    fitted_at = models.DateTimeField(db_default=Now())
    count = models.PositiveIntegerField()
    setup_s = models.FloatField()
    links_mib_s = models.JSONField()
    median = models.FloatField()
    p95 = models.FloatField()
    worst = models.FloatField()
    worst_case = models.CharField(max_length=255)
    worst_why = models.JSONField()
    bound = models.FloatField(null=True)
    held = models.FloatField(null=True)

    class Meta:
        ordering = ["cluster_name"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "cluster_name"], name="one_fit_a_cluster")
        ]

    def __str__(self) -> str:
        return self.cluster_name

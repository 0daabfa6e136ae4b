"""Who did what, when and from where: rows that are only ever added, each sealed with the one before.

    entry 41 (digest a1..) <--previous-- entry 42 (digest 7f..) <--previous-- entry 43 ... <-- AuditHead

The database refuses to change or delete an entry.  Whoever gets around that breaks the chain, which
`manage.py audit verify` finds; who cuts off its end and sets the head back is found by what
`cluster/witness.py` saw.
"""

from __future__ import annotations

from django.db import models


class AuditHead(models.Model):
    """The one row that holds the end of the chain; whoever adds an entry locks it."""

    seq = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.seq}:{self.digest}"


class AuditEntry(models.Model):
    """One deed.  The person is a name, not a reference: the entry outlives the account."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150, blank=True)
    source = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    deed = models.CharField(max_length=40)
    subject = models.CharField(max_length=255, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-seq"]
        indexes = [
            models.Index(fields=["deed", "-seq"], name="audit_by_deed"),
            models.Index(fields=["actor", "-seq"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.actor} {self.deed} {self.subject}"

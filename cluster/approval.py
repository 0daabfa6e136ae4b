"""What an approval is given to, and for how long: a hash of the whole plan, and an hour."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final

from django.utils import timezone

from cluster.models import Operation

APPROVE_WITHIN_S: Final = 3600.0  # then the estate is another one than the asker and the approver saw


def plan_hash(operation: Operation) -> str:
    """The SHA-256 of what an approval is given to: what, on whom, from where to where, by which server."""
    server = operation.connection
    plan = {
        "id": str(operation.pk),
        "kind": operation.kind,
        "subject_id": operation.subject_id,
        "subject": operation.subject,
        "source": operation.source,
        "destination": operation.destination,
        "dry_run": operation.dry_run,
        "requested_by": operation.requested_by_id,
        "server": [server.pk, server.host, server.port, server.fingerprint] if server else None,
    }
    if server and server.uris:
        plan["hosts"] = server.uris
    if operation.post_copy:
        plan["post_copy"] = True
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def is_stale(moment: datetime | None) -> bool:
    """Whether a proposal, or an approval, is too old to act on."""
    return moment is None or (timezone.now() - moment).total_seconds() > APPROVE_WITHIN_S

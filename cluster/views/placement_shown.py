"""A placement as a page shows it: hosts with their VMs, and the refused with their reasons."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.http import HttpRequest

from cluster.labels import PROOFS, lost_by
from cluster.models import Study
from planner.resilience.answers import PlacementAnswer

VMS_SHOWN: Final = 40
REFUSED_SHOWN: Final = 100


def placement_context(_: HttpRequest, study: Study) -> dict[str, Any]:
    """What the page of a placement shows."""
    found = msgspec.convert(study.answer, PlacementAnswer)
    is_carried = found.hosts_needed is not None
    return {
        "found": found,
        "verdict_state": "bad" if found.refusals else "ok" if is_carried else "warn",
        "proof": PROOFS.get(found.bound_method, found.bound_method),
        "lost_by": lost_by(found.by),
        "placed": sum(len(host.vms) for host in found.hosts),
        "hosts": [
            {"name": host.name, "count": len(host.vms), "vms": host.vms[:VMS_SHOWN],
             "more": max(0, len(host.vms) - VMS_SHOWN)}
            for host in found.hosts
        ],
        "refused": [
            {"vm": refusal.vm, "reasons": refusal.sentences()} for refusal in found.refusals[:REFUSED_SHOWN]
        ],
        "refused_more": max(0, len(found.refusals) - REFUSED_SHOWN),
    }  # fmt: skip

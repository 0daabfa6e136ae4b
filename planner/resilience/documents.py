"""The answers as JSON documents, with the keys that scripts rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from planner.lost_together import ALONE
from planner.refusal import Reason, ReasonCount, Refusal
from planner.resilience.balance import Balance
from planner.resilience.evacuation import Evacuation
from planner.resilience.failures import Failures, Loss
from planner.resilience.moving import Cost, Move
from planner.resilience.power import PowerSaving
from planner.resilience.reboots import RebootGroups
from planner.sentence import texts

Document: TypeAlias = dict[str, Any]
PAIRS_SHOWN: Final = 10_000  # double losses named; beyond them only counted


def failures_document(found: Sequence[Failures], seconds: float) -> Document:
    """Say which losses are survived, which VMs are lost, and the reasons by count of hosts."""
    return {
        "fits": _all([one.survives for one in found]),
        "by": next((one.by for one in found if one.by != ALONE), ALONE),
        "clusters": [_failures(one) for one in found],
        "seconds": round(seconds, 6),
    }


def _all(verdicts: Sequence[bool | None]) -> bool | None:
    """One no is a no; without one, one that is not known makes all of it not known."""
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _failures(found: Failures) -> Document:
    document = {
        "name": found.cluster,
        "by": found.by,
        "survives": found.survives,
        "vms_unseen": found.unseen,
        "singles": {
            "tried": len(found.singles),
            "survived": found.survived,
            "losses": [_loss(loss) for loss in found.singles],
        },
        "notes": texts(found.notes),
    }
    if found.pairs is not None:
        shown = found.lost_pairs[:PAIRS_SHOWN]
        document["doubles"] = {
            "tried": found.pairs,
            "survived": found.pairs - len(found.lost_pairs),
            "losses": [
                {"units": list(pair.units), "vms": pair.vms, "lost": pair.lost, "proven": pair.proven}
                for pair in shown
            ],
            "omitted": len(found.lost_pairs) - len(shown),
        }
    return document


def _loss(loss: Loss) -> Document:
    return {
        "unit": loss.units[0],
        "hosts": loss.hosts,
        "vms": loss.vms,
        "survived": loss.lost == 0,
        "lost": loss.lost,
        "proven": loss.proven,
        "restarts": {one.vm: one.host for one in loss.restarts if one.host is not None},
        "refusals": [
            {**refusal_document(Refusal(vm=one.vm, reasons=one.reasons)), "protected_by": one.protected_by}
            for one in loss.restarts
            if one.host is None
        ],
    }


def refusal_document(refusal: Refusal) -> Document:
    """One VM with the hosts by reason: `{"MEMORY": 3}`, and in one line."""
    reasons: dict[str, int] = {}
    for count in refusal.reasons:
        reasons[count.reason] = reasons.get(count.reason, 0) + count.hosts
    return {
        "vm": refusal.vm,
        "reasons": reasons,
        "rules": {count.detail: count.hosts for count in refusal.reasons if count.reason is Reason.RULE},
        "text": said(refusal.vm, refusal.reasons),
    }


def said(vm: str, reasons: tuple[ReasonCount, ...]) -> str:
    """The reasons in one line; a cluster without another open host gives none."""
    return Refusal(vm=vm, reasons=reasons).short() if reasons else "no other host is open"


def evacuation_document(found: Evacuation, seconds: float) -> Document:
    """Say where everybody goes, in which order, at which cost; and who stays and why."""
    return {
        "fits": found.complete,
        "cluster": found.cluster,
        "host": found.host,
        "vms": found.vms,
        "moves": [_move(move) for move in found.moves],
        "refusals": [refusal_document(refusal) for refusal in found.refusals],
        "migration_seconds": round(found.seconds, 3),
        "notes": texts(found.notes),
        "seconds": round(seconds, 6),
    }


def reboots_document(found: Sequence[RebootGroups], seconds: float) -> Document:
    """Say which hosts may be down together."""
    return {
        "fits": _all([one.complete for one in found]),
        "clusters": [
            {
                "name": one.cluster,
                "groups": [msgspec.to_builtins(group) for group in one.groups],
                "at_least": one.at_least,
                "vms_unseen": one.unseen,
                "stuck": [
                    {"host": stuck.host, "refusals": [refusal_document(one) for one in stuck.refusals]}
                    for stuck in one.stuck
                ],
                "notes": texts(one.notes),
            }
            for one in found
        ],
        "seconds": round(seconds, 6),
    }


def balance_document(found: Sequence[Balance], seconds: float) -> Document:
    """Say which moves even out, with the score after each; over several clusters the scores add up."""
    return {
        "score_before": sum(one.score_before for one in found),
        "score_after": sum(one.score_after for one in found),
        "moves": [
            {
                "vm": move.vm,
                "from": move.source,
                "to": move.target,
                "score_after": move.score_after,
                "reason": str(move.reason),
                "stage": move.stage,
                "cost": _cost(move.cost),
                "cluster": one.cluster,
            }
            for one in found
            for move in one.moves
        ],
        "clusters": [
            {
                "name": one.cluster,
                "score_before": one.score_before,
                "score_after": one.score_after,
                "broken_before": msgspec.to_builtins(one.broken_before),
                "broken_after": msgspec.to_builtins(one.broken_after),
                "hosts": [msgspec.to_builtins(host) for host in one.hosts],
                "notes": texts(one.notes),
            }
            for one in found
        ],
        "dry_run": True,
        "seconds": round(seconds, 6),
    }


def power_document(found: Sequence[PowerSaving], seconds: float) -> Document:
    """Say which hosts can sleep; the keys are those of a balance, and `hosts_off`."""
    return {
        "score_before": sum(one.score_before for one in found),
        "score_after": sum(one.score_after for one in found),
        "moves": [
            {**_move(move), "score_after": score, "cluster": one.cluster}
            for one in found
            for move, score in zip(one.moves, one.scores, strict=True)
        ],
        "hosts_off": [sleeper.host for one in found for sleeper in one.sleepers],
        "too_full": [host for one in found for host in one.too_full],
        "saved_w": sum(one.saved_w for one in found),
        "clusters": [{"name": one.cluster, "notes": texts(one.notes)} for one in found],
        "dry_run": True,
        "seconds": round(seconds, 6),
    }


def _move(move: Move) -> Document:
    return {
        "vm": move.vm,
        "from": move.source,
        "to": move.target,
        "stage": move.stage,
        "reason": str(move.reason),
        "cost": _cost(move.cost),
    }


def _cost(cost: Cost) -> Document:
    return {
        "memory_mib": cost.memory_mib,
        "seconds": round(cost.seconds, 3),
        "lost_pings": round(cost.lost_pings, 3),
    }

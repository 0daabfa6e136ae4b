"""Recommendations as a page shows them: the score against the moves, every host before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from django.http import HttpRequest
from msgspec import Struct

from cluster.models import Study
from planner.resilience.balance import Balance, Recommendation
from planner.resilience.moving import Move
from planner.resilience.power import PowerSaving

MOVES_SHOWN: Final = 200
WIDTH: Final = 640
HEIGHT: Final = 200
LEFT: Final = 48
BOTTOM: Final = 172
TOP: Final = 12


class Line(Struct, frozen=True, kw_only=True):
    """One move with the score after it."""

    number: int
    move: Recommendation | Move
    score: float


def balance_context(_: HttpRequest, study: Study) -> dict[str, Any]:
    """What the page of recommendations shows."""
    if study.question.get("power_saving"):
        return _power(msgspec.convert(study.answer, PowerSaving))
    found = msgspec.convert(study.answer, Balance)
    scores = [move.score_after for move in found.moves]
    lines = [
        Line(number=number, move=move, score=move.score_after) for number, move in enumerate(found.moves, 1)
    ]
    return {
        "found": found,
        "verdict_state": "bad" if found.broken_after.must else "ok",
        "curve": _curve([found.score_before, *scores]),
        "iops": any(host.iops_before is not None for host in found.hosts),
        "network": any(host.network_before is not None for host in found.hosts),
        "half": _moves_to(found.score_before / 2, scores),
        **_moves(lines),
    }


def _power(found: PowerSaving) -> dict[str, Any]:
    lines = [
        Line(number=number, move=move, score=score)
        for number, (move, score) in enumerate(zip(found.moves, found.scores, strict=True), 1)
    ]
    return {
        "found": found,
        "power": True,
        "verdict_state": "warn" if found.too_full else "ok",
        **_moves(lines),
    }


def _moves(lines: Sequence[Line]) -> dict[str, Any]:
    costs = [line.move.cost for line in lines]
    return {
        "lines": lines[:MOVES_SHOWN],
        "lines_more": max(0, len(lines) - MOVES_SHOWN),
        "moved_mib": sum(cost.memory_mib for cost in costs),
        "seconds": sum(cost.seconds for cost in costs),
        "stages": max((line.move.stage for line in lines), default=0),
    }


def _moves_to(goal: float, scores: Sequence[float]) -> int | None:
    """How many moves bring the score to a goal; None where none do."""
    return next((number for number, score in enumerate(scores, 1) if score <= goal), None)


def _curve(scores: Sequence[float]) -> dict[str, Any]:
    """The score against the number of moves, as points of a picture."""
    most = max(scores) or 1.0
    steps = max(1, len(scores) - 1)
    points = [
        (LEFT + (WIDTH - LEFT - 8) * number / steps, BOTTOM - (BOTTOM - TOP) * score / most)
        for number, score in enumerate(scores)
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - 8,
        "bottom": BOTTOM,
        "top": TOP,
        "text": BOTTOM + 20,
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        "most": most,
        "moves": len(scores) - 1,
    }

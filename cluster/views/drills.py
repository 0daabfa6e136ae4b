"""The matrix of drills: each host's failure or each pair's, and what the worst of them does to each VM."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from msgspec import Struct

from cluster.models import Rehearsal
from cluster.rehearsal.drilling import Matrix, Played, lost_of, matrix_of
from cluster.rehearsal.record import verdict_of_drills
from planner.sentence import Sentence

DRILLS_SHOWN: Final = 40
VMS_SHOWN: Final = 60
LOST_NAMED: Final = 12
GRID_MAX: Final = 64  # hosts; a larger grid cannot be read
CELL_NUMBERED: Final = 28  # has room for the number of VMs lost
CELL_PLAIN: Final = 14
NUMBERED_UP_TO: Final = 30  # hosts
LATE: Final = 1.25  # of what half of the drills take at most
_MARGIN: Final = 130


class DrillRow(Struct, frozen=True, kw_only=True):
    """One drill of the table; `reasons` with the names of those it keeps down."""

    hosts: str
    back: int
    worst_s: float
    median_s: float
    lost: int
    reasons: tuple[tuple[Sentence, str], ...]


class VmRow(Struct, frozen=True, kw_only=True):
    """One VM of the table: its longest outage, and the failures that it does not survive."""

    name: str
    worst_s: float | None
    worst_in: str
    lost_times: int
    lost_in: str


class Cell(Struct, frozen=True, kw_only=True):
    """One pair of the grid."""

    x: int
    y: int
    text_x: int
    text_y: int
    level: str
    hosts: str
    lost: int
    worst_s: float


def drills_context(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the page of drills shows."""
    matrix = matrix_of(rehearsal)
    if matrix is None:
        return {"matrix": None}
    worst_first = sorted(matrix.drills, key=lambda drill: (-lost_of(drill), -drill.worst_s))
    return {
        "matrix": matrix,
        "verdict": verdict_of_drills(matrix) if rehearsal.run.is_finished else None,
        "drills": [_drill_row(matrix, drill) for drill in worst_first[:DRILLS_SHOWN]],
        "drills_more": max(0, len(matrix.drills) - DRILLS_SHOWN),
        "vm_rows": _vm_rows(matrix),
        "vms_more": max(0, sum(_is_touched(fate) for fate in matrix.fates) - VMS_SHOWN),
        "grid": _grid(matrix) if matrix.kind == "pairs" and len(matrix.hosts) <= GRID_MAX else None,
    }


def _names(matrix: Matrix, drill: Played) -> str:
    return " + ".join(matrix.hosts[at] for at in drill.failed)


def _drill_row(matrix: Matrix, drill: Played) -> DrillRow:
    reasons = []
    for reason, vms in drill.lost.items():
        names = ", ".join(matrix.vms[at] for at in vms[:LOST_NAMED])
        reasons.append((matrix.reasons[reason], names + (" …" if len(vms) > LOST_NAMED else "")))
    return DrillRow(
        hosts=_names(matrix, drill),
        back=drill.back,
        worst_s=drill.worst_s,
        median_s=drill.median_s,
        lost=lost_of(drill),
        reasons=tuple(reasons),
    )


def _is_touched(fate: Any) -> bool:
    return fate.worst_in >= 0 or fate.lost_times > 0


def _vm_rows(matrix: Matrix) -> list[VmRow]:
    touched = [(fate, name) for fate, name in zip(matrix.fates, matrix.vms, strict=True) if _is_touched(fate)]
    touched.sort(key=lambda pair: (-pair[0].lost_times, -pair[0].worst_s, pair[1]))
    return [
        VmRow(
            name=name,
            worst_s=fate.worst_s if fate.worst_in >= 0 else None,
            worst_in=_names(matrix, matrix.drills[fate.worst_in]) if fate.worst_in >= 0 else "",
            lost_times=fate.lost_times,
            lost_in=_names(matrix, matrix.drills[fate.lost_in]) if fate.lost_in >= 0 else "",
        )
        for fate, name in touched[:VMS_SHOWN]
    ]


def _grid(matrix: Matrix) -> dict[str, Any]:
    """A triangle of cells: row and column fail at once; the darker, the more VMs stay down."""
    usual_s = median([drill.worst_s for drill in matrix.drills] or [0.0])
    most = max((lost_of(drill) for drill in matrix.drills), default=0)
    is_numbered = len(matrix.hosts) <= NUMBERED_UP_TO
    step = CELL_NUMBERED if is_numbered else CELL_PLAIN
    middle = step // 2
    return {
        "size": _MARGIN + step * len(matrix.hosts),
        "margin": _MARGIN,
        "cell": step - 2,
        "numbered": is_numbered,
        "labels": [(name, _MARGIN + step * at + middle + 3) for at, name in enumerate(matrix.hosts)],
        "cells": [_cell(matrix, drill, usual_s, most, step) for drill in matrix.drills],
    }


def _cell(matrix: Matrix, drill: Played, usual_s: float, most: int, step: int) -> Cell:
    column, row = drill.failed[0], drill.failed[-1]
    lost = lost_of(drill)
    level = "long" if drill.worst_s > LATE * usual_s else "back"
    if lost:
        level = "lost" if 2 * lost > most else "lost-few"
    x, y = _MARGIN + step * column, _MARGIN + step * row
    return Cell(
        x=x,
        y=y,
        text_x=x + step // 2 - 1,
        text_y=y + step // 2 + 3,
        level=level,
        hosts=_names(matrix, drill),
        lost=lost,
        worst_s=drill.worst_s,
    )

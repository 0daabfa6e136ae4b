"""Losses as a page shows them: the matrix of who fails and where his VMs appear again, one loss in full."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import msgspec
from django.http import HttpRequest
from msgspec import Struct

from cluster.models import Study
from planner.refusal import Refusal
from planner.resilience.failures import Failures, Loss, Restart
from planner.sentence import Sentence

MATRIX_MOST: Final = 24  # units and hosts up to which the matrix can be read
PAIRS_MOST: Final = 40  # units up to which pairs are drawn
PAIRS_LISTED: Final = 12
CELL: Final = 14  # of the picture of pairs
SHADES: Final = 4


class Cell(Struct, frozen=True, kw_only=True):
    """How many VMs of a lost unit start on a host; `shade` 0 to 4."""

    host: str
    count: int
    shade: int


class Row(Struct, frozen=True, kw_only=True):
    """One unit that is lost."""

    loss: Loss
    unit: str
    restarted: int
    cells: tuple[Cell, ...] = ()


class Square(Struct, frozen=True, kw_only=True):
    """One pair as drawn."""

    x: int
    y: int
    state: str
    first: str
    second: str
    lost: int


class Target(Struct, frozen=True, kw_only=True):
    """A host and the VMs that start on it."""

    host: str
    vms: tuple[str, ...]


class Homeless(Struct, frozen=True, kw_only=True):
    """A VM that starts nowhere, and why."""

    vm: str
    protected_by: str
    reasons: tuple[Sentence, ...]


def failures_context(request: HttpRequest, study: Study) -> dict[str, Any]:
    """What the page of losses shows."""
    found = msgspec.convert(study.answer, Failures)
    hosts = [host for unit in found.units for host in unit.hosts]
    is_matrix = len(found.units) <= MATRIX_MOST and len(hosts) <= MATRIX_MOST
    wanted = request.GET.get("unit", "")
    chosen = next((n for n, unit in enumerate(found.units) if unit.name == wanted), None)
    losses = _losses(study) if is_matrix else {}
    return {
        "found": found,
        "verdict_state": {True: "ok", False: "bad", None: "unknown"}[found.survives],
        "lost_singles": len(found.singles) - found.survived,
        "hosts": sorted(hosts),
        "is_matrix": is_matrix,
        "rows": [_row(loss, losses.get(number), sorted(hosts)) for number, loss in enumerate(found.singles)],
        "pairs_lost": len(found.lost_pairs),
        "pairs_survived": None if found.pairs is None else found.pairs - len(found.lost_pairs),
        "pairs_listed": found.lost_pairs[:PAIRS_LISTED],
        "pairs_more": max(0, len(found.lost_pairs) - PAIRS_LISTED),
        "squares": _squares(found) if found.pairs and len(found.units) <= PAIRS_MOST else [],
        "squares_side": len(found.units) * CELL,
        "chosen": None if chosen is None else _chosen(study, chosen),
    }


def _losses(study: Study) -> dict[int, Loss]:
    """Every loss with its restarts."""
    rows = study.parts.values_list("position", "answer")
    return {position: msgspec.convert(answer, Loss) for position, answer in rows}


def _row(loss: Loss, full: Loss | None, hosts: list[str]) -> Row:
    counts = Counter(one.host for one in full.restarts) if full else Counter[str | None]()
    most = max((counts[host] for host in hosts), default=0)
    cells = tuple(
        Cell(host=host, count=counts[host], shade=-(-SHADES * counts[host] // most) if most else 0)
        for host in hosts
        if full
    )
    return Row(loss=loss, unit=loss.units[0], restarted=loss.vms - loss.lost, cells=cells)


def _squares(found: Failures) -> list[Square]:
    """Every pair below the diagonal, every single loss on it."""
    lost = {frozenset(pair.units): pair.lost for pair in found.lost_pairs}
    names = [unit.name for unit in found.units]
    squares = []
    for row, second in enumerate(names):
        for column, first in enumerate(names[: row + 1]):
            count = found.singles[row].lost if row == column else lost.get(frozenset((first, second)), 0)
            squares.append(
                Square(
                    x=column * CELL,
                    y=row * CELL,
                    state="bad" if count else "ok",
                    first=first,
                    second="" if row == column else second,
                    lost=count,
                )
            )
    return squares


def _chosen(study: Study, position: int) -> dict[str, Any]:
    """One loss in full: where each VM appears again, and who is lost and why."""
    part = study.parts.get(position=position)
    loss = msgspec.convert(part.answer, Loss)
    by_host: dict[str, list[str]] = {}
    for one in loss.restarts:
        if one.host is not None:
            by_host.setdefault(one.host, []).append(one.vm)
    return {
        "unit": loss.units[0],
        "loss": loss,
        "restarted": loss.vms - loss.lost,
        "targets": [Target(host=host, vms=tuple(vms)) for host, vms in sorted(by_host.items())],
        "homeless": [_homeless(one) for one in loss.restarts if one.host is None],
    }


def _homeless(one: Restart) -> Homeless:
    reasons = Refusal(vm=one.vm, reasons=one.reasons).sentences()
    return Homeless(vm=one.vm, protected_by=one.protected_by, reasons=reasons)

"""The picture of headroom: hosts that each resource needs, under the ceiling of the hosts there are.

───────────────── 22 hosts today          ceiling
      ↕  12 hosts of headroom
   ▨▨▨▨▨▨▨  reserved for failure
   ███████  hosts for the load
  CPU   memory   storage
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from planner.report import ClusterPlan, Need

WIDTH: Final = 640
HEIGHT: Final = 306
_TOP: Final = 44
_FLOOR: Final = 256
_LEFT: Final = 8
_GUTTER: Final = 116  # where the words about the lines stand, so that no column hides them
_LINE: Final = 16  # a line of words
_INSIDE: Final = 34  # a column of this height has room for its number
_HEADS: Final = 18  # two arrow heads and a piece of line between them
_RIGHT: Final = 150  # where the words about the ceiling stand


class Column(Struct, frozen=True, kw_only=True):
    """One resource as drawn; lengths in the picture's own units."""

    need: Need
    x: float
    width: float
    load_y: float
    load_height: float
    reserve_y: float
    reserve_height: float
    hosts: int
    binding: bool
    middle: float
    label_y: float
    label_inside: bool


class Clearance(Struct, frozen=True, kw_only=True):
    """The whole drawing; `room` is negative where hosts are missing."""

    width: int
    height: int
    floor: int
    left: int
    right: int
    ceiling_y: float
    top_y: float
    text_x: int
    arrow: str
    arrow_middle: float
    arrow_below: float
    ceiling_text_y: float
    needed: int
    needed_text_y: float | None
    room: int
    room_shown: int
    today: int
    columns: tuple[Column, ...]


def clearance(plan: ClusterPlan) -> Clearance | None:
    """The drawing of a cluster's plan; None where there is nothing to draw to scale."""
    needs = [need for need in plan.needs if need.hosts is not None]
    if not needs or plan.hosts_needed is None or plan.hosts_for_load is None:
        return None
    extra = plan.hosts_needed - plan.hosts_for_load
    tallest = max(plan.hosts_needed, plan.hosts_today, 1)
    scale = (_FLOOR - _TOP) / tallest
    top_y = _FLOOR - plan.hosts_needed * scale
    ceiling_y = _FLOOR - plan.hosts_today * scale
    step = (WIDTH - _GUTTER - _RIGHT) / len(needs)
    middle = (top_y + ceiling_y) / 2
    room = plan.hosts_today - plan.hosts_needed
    return Clearance(
        width=WIDTH,
        height=HEIGHT,
        floor=_FLOOR,
        left=_LEFT,
        right=WIDTH - _RIGHT,
        ceiling_y=ceiling_y,
        top_y=top_y,
        text_x=WIDTH - _RIGHT + 30,
        arrow=_arrow(WIDTH - _RIGHT + 14, *sorted((top_y, ceiling_y))),
        arrow_middle=middle - 2,
        arrow_below=middle + 17,
        ceiling_text_y=ceiling_y - 7,
        needed=plan.hosts_needed,
        needed_text_y=None if abs(top_y - ceiling_y) < _LINE else top_y - 7,
        room=room,
        room_shown=abs(room),
        today=plan.hosts_today,
        columns=tuple(
            _column(need, _GUTTER + step * place, step, scale, extra, need.resource == plan.binding)
            for place, need in enumerate(needs)
        ),
    )


def _arrow(x: int, top: float, bottom: float) -> str:
    """A dimension line with a head at each end; too short for heads, the line alone."""
    line = f"M{x} {top:.1f}V{bottom:.1f}"
    if bottom - top < _HEADS:
        return line
    upper = f"M{x - 4} {top + 7:.1f}L{x} {top + 1:.1f}l4 6"
    lower = f"M{x - 4} {bottom - 7:.1f}L{x} {bottom - 1:.1f}l4 -6"
    return line + upper + lower


def _column(need: Need, x: float, step: float, scale: float, extra: int, binding: bool) -> Column:
    hosts = need.hosts or 0
    reserve = extra if need.resource != "storage" else 0  # a lost host takes no shared storage with it
    width = min(step * 0.62, 120.0)
    load_height, reserve_height = hosts * scale, reserve * scale
    load_y = _FLOOR - load_height
    return Column(
        need=need,
        x=x + (step - width) / 2,
        width=width,
        load_y=load_y,
        load_height=load_height,
        reserve_y=load_y - reserve_height,
        reserve_height=reserve_height,
        hosts=hosts,
        binding=binding,
        middle=x + step / 2,
        label_y=load_y + 24 if load_height > _INSIDE else load_y - reserve_height - 8,
        label_inside=load_height > _INSIDE,
    )

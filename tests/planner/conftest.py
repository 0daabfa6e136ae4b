"""No clock judges the planner's laws: a loaded machine is slow, not wrong."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

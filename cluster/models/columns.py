"""The kinds of column that the inventory is made of."""

from __future__ import annotations

from typing import Any

from django.db import models

NAME_MAX = 255  # as the planner's Name


class Name(models.CharField):
    """A name that must be there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", NAME_MAX)
        super().__init__(*args, **kwargs)


class OptionalText(models.TextField):
    """Text, or NULL for "not known"; an empty text was recorded as empty, which is not the same."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["null"] = kwargs["blank"] = True
        super().__init__(*args, **kwargs)


class Names(models.JSONField):
    """Names in the order recorded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["default"] = list
        super().__init__(*args, **kwargs)

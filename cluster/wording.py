"""The planner's sentences in the reader's language."""

from __future__ import annotations

from typing import Any

import msgspec
from django.utils.translation import gettext

from cluster.shown import value
from planner.sentence import Sentence


def say(sentence: Sentence) -> str:
    """The sentence in the active language, its numbers in the active locale."""
    return gettext(sentence.template).format(**{name: value(one) for name, one in sentence.values.items()})


def said(kept: Any) -> str | None:
    """A sentence that a row keeps, in the reader's language; None where it keeps none."""
    return say(msgspec.convert(kept, Sentence)) if kept else None

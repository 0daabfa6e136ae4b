"""A number that can be opened: its formula, what went into it, what it assumes, the page that explains it."""

from __future__ import annotations

from msgspec import Struct

from planner.sentence import Sentence, Value


class Input(Struct, frozen=True, kw_only=True):
    """What went into a figure; `name` is the word used in the formula."""

    name: str
    value: Value
    unit: str = ""


class Figure(Struct, frozen=True, kw_only=True):
    """One number of a report.  `value` None means that it is not known, and `assumptions` say why.

    `counted` is False where the question does not arise, which is no lack of knowledge.  `id` is stable
    (`vcpu_per_core_n1`): the shell finds label and help by it.  `page` names a file of docs/formulas
    without its ending.
    """

    id: str
    value: Value
    unit: str = ""
    formula: Sentence
    inputs: tuple[Input, ...] = ()
    assumptions: tuple[Sentence, ...] = ()
    page: str = ""
    source: str = ""
    counted: bool = True

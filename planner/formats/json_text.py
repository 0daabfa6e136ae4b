"""JSON text -> plain values, strictly: no NaN, no key twice, no half characters, no hidden ones.

A number such as `2.0` is the whole number 2: JSON knows one kind of number, and so do many writers.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

from planner.formats.csv_files import encoding_of
from planner.formats.findings import Findings
from planner.formats.text import cleaned, has_hidden, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

MAX_SHOWN: Final = 60


def decoded_json(data: bytes, findings: Findings) -> object:
    """Parse a JSON text.

    Raises:
        FormatError: no JSON; the row is the line where it stops being one.
    """
    try:
        text = data.decode(encoding_of(data)).removeprefix("\ufeff")
        value: object = json.loads(
            text,
            object_pairs_hook=_Objects(findings),
            parse_constant=_refuse_constant,
            parse_float=_number,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise FormatError(
            Sentence(
                "The JSON is broken: {reason} (column {position})",
                {"reason": error.msg, "position": error.colno},
            ),
            row=error.lineno,
        ) from error
    except UnicodeError as error:
        raise FormatError(
            Sentence("The JSON holds what is no text: {reason}", {"reason": shortened(str(error), MAX_SHOWN)})
        ) from error
    except RecursionError as error:
        raise FormatError(Sentence("The JSON is nested too deeply to be an estate")) from error
    return value


class _Objects:
    """Builds each object, refusing a key that stands twice and writing out hidden characters."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def __call__(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        built = dict(pairs)
        if len(built) != len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise FormatError(
                Sentence(
                    "The key {key} stands twice in one object", {"key": shortened(cleaned(twice), MAX_SHOWN)}
                )
            )
        for key, value in pairs:
            if not key.isprintable():
                del built[key]
                built[self._visible(key)] = value
            if type(value) is str:
                if not value.isprintable():
                    built[key] = self._visible(value)
            elif type(value) is list and any(type(item) is str and not item.isprintable() for item in value):
                built[key] = [self._visible(item) if type(item) is str else item for item in value]
        return built

    def _visible(self, text: str) -> str:
        if not has_hidden(text):
            return text
        shown = cleaned(text)
        self._findings.warn(
            "{found} holds characters that cannot be seen; they are written out",
            found=shortened(shown, MAX_SHOWN),
        )
        return shown


def _refuse_constant(constant: str) -> NoReturn:
    raise FormatError(Sentence("{found} is no number of JSON", {"found": constant}))


def _number(text: str) -> int | float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise FormatError(
            Sentence("{found} is too large for a number", {"found": shortened(text, MAX_SHOWN)})
        )
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _whole(text: str) -> int:
    if len(text) > MAX_SHOWN:
        raise FormatError(
            Sentence("{found} is too large for a number", {"found": shortened(text, MAX_SHOWN)})
        )
    return int(text)

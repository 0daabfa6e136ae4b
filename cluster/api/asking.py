"""Bodies out of forms: what a person may type is what a program may send, judged by the same form.

Body = body_of(WishForm)                 a type with the form's fields, their bounds, words and defaults
form = filled(WishForm, body, reader=…)  the valid form, or Wrong with what is wrong of each field
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms.widgets import CheckboxSelectMultiple
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from cluster.api.door import TEXT, Wrong
from cluster.forms import Plain

CHOICES_MOST: Final = 60  # more are not listed in the document
LONG: Final = 200_000  # characters of a text without a limit of its own
SHORT: Final = 1000  # a pattern over more is slow to ask questions of


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text holds no NUL")
    return text


Long = Annotated[str, Field(max_length=LONG), AfterValidator(_without_nul)]


class Body(Schema):
    """What a body may hold, and nothing else."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def body_of(
    form: type[forms.Form],
    name: str,
    *,
    leave: frozenset[str] = frozenset(),
    optional: frozenset[str] = frozenset(),
    **more: Any,
) -> Any:
    """The type of a body that fills this form; `more` fields go beside it."""
    with translation.override("en"):
        fields = {
            key: _field(one, required=one.required and key not in optional)
            for key, one in form.base_fields.items()
            if key not in leave
        }
    return create_model(name, __base__=Body, **fields, **more)


def filled(make: Callable[..., Plain], body: Any, *, prefix: str = "", **more: Any) -> Any:
    """The form with what the body holds.

    Raises:
        Wrong: something in it does not hold together.
    """
    form_of = make(None, **more)
    told = body if isinstance(body, Mapping) else body.model_dump()
    data: MultiValueDict[str, Any] = MultiValueDict()
    files: MultiValueDict[str, Any] = MultiValueDict()
    for name, value in told.items():
        if name not in form_of.fields or value is None or value is False:
            continue
        key = f"{prefix}-{name}" if prefix else name
        if isinstance(form_of.fields[name], forms.FileField):
            if value:
                files[key] = SimpleUploadedFile(f"{name}.csv", value.encode())
        else:
            data.setlist(key, list(_texts(value)))
    form = make(data, files, **more) if files else make(data, **more)
    if not form.is_valid():
        raise Wrong(form)
    return form


def _texts(value: Any) -> Iterator[str]:
    match value:
        case True:
            yield "on"
        case list() | tuple():
            for one in value:
                yield from _texts(one)
        case datetime.date():
            yield value.isoformat()
        case _:
            yield str(value)


def _field(one: forms.Field, *, required: bool) -> tuple[Any, FieldInfo]:
    kind = _kind(one)
    initial = _initial(one)
    words = {"title": str(one.label or ""), "description": str(one.help_text or "") or None}
    if isinstance(one, forms.BooleanField):
        return bool, Field(default=bool(initial), **words)
    if required and initial is None:
        return kind, Field(**words)
    if initial is not None:
        return kind, Field(default=initial, **words)
    return kind | None, Field(default=None, **words)


def _kind(one: forms.Field) -> Any:
    match one:
        case forms.ModelMultipleChoiceField():
            return Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(max_length=100)]
        case forms.ModelChoiceField():
            return Annotated[int, Field(ge=1, lt=2**63)]
        case forms.FloatField() | forms.DecimalField():
            return Annotated[float, Field(allow_inf_nan=False, **_bounds(one))]
        case forms.IntegerField():
            return Annotated[int, Field(**_bounds(one))]
        case forms.MultipleChoiceField():
            return list[_choice(one)]  # type: ignore[misc]
        case forms.ChoiceField():
            return _choice(one)
        case forms.DateField():
            return datetime.date
        case forms.FileField():
            return Long
    longest = getattr(one, "max_length", None) or LONG
    return Long if longest > SHORT else Annotated[str, Field(max_length=longest, pattern=TEXT)]


def _bounds(one: forms.IntegerField) -> dict[str, Any]:
    found = {"ge": one.min_value, "le": one.max_value}
    return {
        key: float(value) if isinstance(value, Decimal) else value
        for key, value in found.items()
        if value is not None
    }


def _choice(one: forms.ChoiceField) -> Any:
    """The words to choose from, where the class of the form knows them; else a text that the form judges."""
    listed = one.widget.choices if isinstance(one.widget, CheckboxSelectMultiple) else one.choices
    words = tuple(value for value, _ in listed)
    if not words or len(words) > CHOICES_MOST or words == ("",):
        return Annotated[str, Field(max_length=255, pattern=TEXT)]
    return Literal[words]


def _initial(one: forms.Field) -> Any:
    """What a page fills in at first, as JSON has it."""
    match one.initial() if callable(one.initial) else one.initial:
        case list() | tuple() as several:
            return [str(each) for each in several]
        case Decimal() as number:
            return float(number)
        case None:
            return None
        case value:
            is_word = isinstance(one, forms.ChoiceField) and not isinstance(one, forms.TypedChoiceField)
            return str(value) if is_word else value

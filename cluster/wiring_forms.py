"""What people type about the wiring: one component or cable, and what availability is to assume."""

from __future__ import annotations

from typing import Any, Final, Self

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cluster.component_names import FIELD_NAMES, KIND_NAMES, SERVICE_NAMES
from cluster.forms import Plain
from cluster.question import YEARS_MOST, YearsAsked
from planner.availability.assumed import CATALOGUE, Assumptions
from planner.catalogue import reliability
from planner.estate import Estate
from planner.paths.amend import ENDS, FORMS, Asks, Edit, EditKind, ends_of, names_of, values_of
from planner.row import Row

CHOICES_MOST: Final = 300  # beyond, a name is typed
ENDS_LISTED: Final = 3_000
NAME_MAX: Final = 255
OWNERS: Final = {"psu": "host", "nic": "host", "hba": "host", "port": "controller", "tier": "service"}


class EditForm(Plain):
    """One component: what it is called, then the fields of its kind; a new one unless a row is given."""

    def __init__(
        self,
        kind: EditKind,
        estate: Estate,
        *args: Any,
        name: str = "",
        row: Row | None = None,
        **kwargs: Any,
    ) -> None:
        if row is not None:
            kwargs["initial"] = {**_initial(kind, row), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.known_as = name
        self.ends: tuple[str, ...] = ()
        self.names: tuple[str, ...] = ()  # services that are known, to take a tier into one of them
        if not name:
            self._name_fields(estate)
        for asked in FORMS[kind]:
            self.fields[asked.name] = _field(asked, estate)

    def _name_fields(self, estate: Estate) -> None:
        if self.kind == "link":
            self.ends = ends_of(estate)[:ENDS_LISTED]
            for end, label in (("a", _("One end")), ("b", _("Other end"))):
                widget = forms.TextInput(attrs={"list": "cable-ends", "autocomplete": "off"})
                self.fields[end] = forms.CharField(label=label, max_length=NAME_MAX, widget=widget)
        elif self.kind == "tier":
            self.names = names_of(estate, "service")
            widget = forms.TextInput(attrs={"list": "service-names", "autocomplete": "off"})
            self.fields["owner"] = forms.CharField(label=_("Service"), max_length=NAME_MAX, widget=widget)
            self.fields["device"] = forms.RegexField(
                r"^[^/]+$",
                label=_("Tier"),
                max_length=100,
                help_text=_("Such as web or database, without a /"),
            )
        elif self.kind in OWNERS:
            owner = OWNERS[self.kind]
            self.fields["owner"] = _one(capfirst(KIND_NAMES[owner]), names_of(estate, owner), required=True)
            self.fields["device"] = forms.CharField(label=_("Device"), max_length=100)
        else:
            self.fields["name"] = forms.CharField(label=_("Name"), max_length=NAME_MAX)

    def edit(self) -> Edit:
        """What a valid form asks for."""
        values = {asked.name: _value(asked, self.cleaned_data[asked.name]) for asked in FORMS[self.kind]}
        return Edit(kind=self.kind, name=self._name(), values=values)

    def _name(self) -> str:
        if self.known_as:
            return self.known_as
        told = self.cleaned_data
        if self.kind == "link":
            return f"{told['a']}{ENDS}{told['b']}"
        return f"{told['owner']}/{told['device']}" if self.kind in OWNERS else str(told["name"])


def _initial(kind: EditKind, row: Row) -> dict[str, Any]:
    found = values_of(kind, row)
    return {
        key: "" if value is None else list(value) if isinstance(value, tuple) else value
        for key, value in found.items()
    }


def _field(asked: Asks, estate: Estate) -> forms.Field:
    label = FIELD_NAMES.get(asked.name, asked.name)
    match asked.holds:
        case "number":
            return forms.IntegerField(label=label, min_value=0, max_value=10**6, required=False)
        case "yes-no":
            choices = [("", _("not known")), ("True", _("yes")), ("False", _("no"))]
            return forms.ChoiceField(label=label, choices=choices, required=False)
        case "word":
            return forms.ChoiceField(
                label=label, choices=[(one, _word(one)) for one in asked.of], required=False
            )
        case "words":
            roles = [(one, SERVICE_NAMES.get(one, one)) for one in asked.of]
            return forms.MultipleChoiceField(
                label=label, choices=roles, required=False, widget=forms.CheckboxSelectMultiple
            )
        case "one":
            return _one(label, names_of(estate, asked.of[0]))
        case "several":
            return _several(label, names_of(estate, asked.of[0]))
    return forms.CharField(label=label, max_length=NAME_MAX, required=False)


def _word(word: str) -> Any:
    return _("not known") if word == "" else _(word) if word in ("none", "distributed") else word


def _one(label: Any, names: tuple[str, ...], *, required: bool = False) -> forms.Field:
    if len(names) > CHOICES_MOST:
        return forms.CharField(label=label, max_length=NAME_MAX, required=required)
    return forms.ChoiceField(
        label=label, choices=[("", "–"), *((one, one) for one in names)], required=required
    )


def _several(label: Any, names: tuple[str, ...]) -> forms.Field:
    if len(names) > CHOICES_MOST:
        return forms.CharField(label=label, required=False, help_text=_("Names with commas between them"))
    widget = forms.SelectMultiple(attrs={"size": min(6, max(2, len(names)))})
    return forms.MultipleChoiceField(
        label=label, choices=[(one, one) for one in names], required=False, widget=widget
    )


def _value(asked: Asks, value: Any) -> Any:
    """What the planner is told: None is "not known", an empty list names nobody."""
    if asked.holds in ("several", "words"):
        parts = value.split(",") if isinstance(value, str) else value
        return [part.strip() for part in parts if part.strip()]
    if asked.holds == "yes-no":
        return {"True": True, "False": False}.get(value)
    return None if value in ("", None) else value


class YearsForm(Plain):
    """What availability is to assume; left empty, the range of the catalogue or "not known"."""

    years = forms.IntegerField(label=_("Years to play"), min_value=0, max_value=YEARS_MOST, initial=10_000)
    seed = forms.IntegerField(label=_("Seed of the chance"), min_value=0, max_value=2**53, initial=1)
    mttr_h = forms.FloatField(label=_("Hours of a repair"), min_value=0.01, max_value=10_000, required=False)
    crews = forms.IntegerField(
        label=_("Repair crews"), min_value=1, max_value=10_000, required=False,
        help_text=_("Empty: one for every host"),
    )  # fmt: skip
    beta = forms.FloatField(
        label=_("Share of host failures that take all hosts"), min_value=0, max_value=1, required=False,
        help_text=_("The beta factor, 0 to 1; empty: not known"),
    )  # fmt: skip
    planned_h = forms.FloatField(
        label=_("Hours of planned work, a host and year"), min_value=0, max_value=8760, required=False
    )
    human_errors_a_year = forms.FloatField(
        label=_("Mistakes a year"), min_value=0, max_value=10_000, required=False,
        help_text=_("That stop an average VM; empty: not known"),
    )  # fmt: skip
    human_minutes_each = forms.FloatField(
        label=_("Minutes of each mistake"), min_value=0, max_value=525_600, required=False
    )
    restart_s = forms.FloatField(
        label=_("Seconds until HA restarts a VM"), min_value=0, max_value=1e6, required=False
    )
    boot_s = forms.FloatField(
        label=_("Seconds until a guest serves"), min_value=0, max_value=1e6, required=False
    )
    life_shape = forms.FloatField(
        label=_("Shape of lives (Weibull)"), min_value=0.3, max_value=10, required=False,
        help_text=_("1: failures come at any age; above: they wear out"),
    )  # fmt: skip
    repair_sigma = forms.FloatField(
        label=_("Spread of repairs (lognormal)"), min_value=0, max_value=3, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.FloatField):
                field.widget.attrs["step"] = "any"
        for kind in reliability.MTBF_H:
            self.fields[f"mtbf_{kind}"] = forms.FloatField(
                label=capfirst(KIND_NAMES.get(kind, kind)), min_value=1, max_value=1e9, required=False,
                widget=forms.NumberInput(attrs={"step": "any", "placeholder": _range(kind)}),
            )  # fmt: skip

    @classmethod
    def of(cls, asked: YearsAsked) -> Self:
        """The form that shows what was asked."""
        told = {name: getattr(asked.assumed, name) for name in Assumptions.__struct_fields__}
        lives = {f"mtbf_{kind}": value for kind, value in told.pop("mtbf_h").items()}
        return cls(initial={"years": round(asked.years), "seed": asked.seed, **told, **lives})

    @property
    def first(self) -> list[forms.BoundField]:
        """The fields that everybody sees."""
        return [self[name] for name in self.fields if not name.startswith("mtbf_")]

    @property
    def lives(self) -> list[forms.BoundField]:
        """The lives of the kinds of components."""
        return [self[name] for name in self.fields if name.startswith("mtbf_")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        pair = [cleaned.get(name) is None for name in ("human_errors_a_year", "human_minutes_each")]
        if pair[0] != pair[1]:
            missing = "human_errors_a_year" if pair[0] else "human_minutes_each"
            self.add_error(missing, gettext("Tell both, how many and how long, or neither"))
        return cleaned

    def asked(self) -> YearsAsked:
        """What a valid form asks for."""
        told = self.cleaned_data
        lives = {
            kind: told[f"mtbf_{kind}"] for kind in reliability.MTBF_H if told[f"mtbf_{kind}"] is not None
        }
        own = {
            name: told[name]
            for name in Assumptions.__struct_fields__
            if name != "mtbf_h" and told[name] is not None
        }
        assumed = Assumptions(mtbf_h=lives, **own) if lives or own else CATALOGUE
        return YearsAsked(years=float(told["years"]), seed=told["seed"], assumed=assumed)


def _range(kind: str) -> str:
    row = reliability.MTBF_H[kind]
    return f"{int(row.low)} – {int(row.high)}"

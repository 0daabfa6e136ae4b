"""What people type: a file, and the parameters of a plan."""

from __future__ import annotations

from typing import Any, Final, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from cluster.roles import Role
from planner.parameters import (
    CORES_MAX,
    FAILURES_MAX,
    MEMORY_GIB_MAX,
    PRICE_MAX,
    RATIO_MAX,
    SOCKETS_MAX,
    Parameters,
)

ACCEPTED: Final = ".xlsx,.xlsm,.csv,.zip,.json,.ovf,.ova,.xml"


class Plain(forms.Form):
    """A form whose labels end without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)


class ImportForm(Plain):
    file = forms.FileField(
        label=_("File"),
        allow_empty_file=False,
        widget=forms.ClearableFileInput(attrs={"accept": ACCEPTED}),
    )
    name = forms.CharField(
        label=_("Name of the estate"),
        required=False,
        max_length=255,
        help_text=_("Left empty, the file's name. An estate of the same name is brought up to date."),
    )


class ParametersForm(Plain):
    """The parameters of a plan.  Left empty, a host value is that of the cluster's most common host."""

    failures = forms.IntegerField(
        label=_("Host failures to survive"), min_value=0, max_value=FAILURES_MAX, initial=1
    )
    vcpu_per_core = forms.FloatField(
        label=_("vCPUs per core, at most"),
        min_value=0.1,
        max_value=RATIO_MAX,
        initial=4.0,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )
    licence = forms.ChoiceField(
        label=_("Licence"),
        choices=[
            ("vvf", "VMware vSphere Foundation"),
            ("vcf", "VMware Cloud Foundation"),
            ("none", _("none")),
        ],
        initial="vvf",
    )
    host_price = forms.DecimalField(
        label=_("Your quote for a host, EUR"),
        min_value=0,
        max_value=PRICE_MAX,
        required=False,
        widget=forms.NumberInput(attrs={"step": "1"}),
    )
    host_sockets = forms.IntegerField(label=_("Sockets"), min_value=1, max_value=SOCKETS_MAX, required=False)
    host_cores = forms.IntegerField(
        label=_("Cores of a host"), min_value=1, max_value=CORES_MAX, required=False
    )
    host_memory_gib = forms.FloatField(
        label=_("Memory of a host, GiB"),
        min_value=1,
        max_value=MEMORY_GIB_MAX,
        required=False,
        widget=forms.NumberInput(attrs={"step": "1"}),
    )

    @classmethod
    def of(cls, parameters: Parameters) -> Self:
        """The form that shows these parameters."""
        shown = {name: getattr(parameters, name) for name in cls.base_fields}
        return cls(initial=shown)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cores, sockets = cleaned.get("host_cores"), cleaned.get("host_sockets")
        if cores and sockets and sockets > cores:
            self.add_error("host_sockets", _("A socket has at least one core."))
        return cleaned

    def parameters(self, cluster: str | None) -> Parameters:
        """What a valid form asks for, of one cluster or of all."""
        chosen = {name: self.cleaned_data[name] for name in self.base_fields}
        price = chosen.pop("host_price")
        return Parameters(cluster=cluster, host_price=None if price is None else str(price), **chosen)


def _roles() -> list[tuple[str, Any]]:
    return [(role.value, _(role.value)) for role in Role]


class PersonForm(Plain):
    """The roles of a person, and whether they may come in."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=_roles, required=False, widget=forms.CheckboxSelectMultiple
    )
    active = forms.BooleanField(label=_("May sign in"), required=False)


class NewPersonForm(Plain):
    username = forms.CharField(
        label=_("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=_roles, required=False, widget=forms.CheckboxSelectMultiple
    )

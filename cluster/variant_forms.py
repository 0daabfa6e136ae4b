"""What people type about variants: a name, one change of each kind, and what to compare."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from cluster.forms import Plain
from cluster.models import Variant
from cluster.visible import visible
from planner.cost.assumptions import FAILURES_MAX
from planner.cost.machine import Machine
from planner.estate import Estate
from planner.parameters import CORES_MAX, MEMORY_GIB_MAX
from planner.units import MIB_PER_GIB
from planner.variant import (
    NEW_VMS_MAX,
    PRODUCT_NAMES,
    AddVms,
    Change,
    DropHosts,
    DropVms,
    Failures,
    Growth,
    License,
    Protect,
    RefreshHosts,
)

NAMES_MAX: Final = 200_000  # characters


class NewVariantForm(Plain):
    """A name, and what the variant stands on."""

    name = forms.CharField(label=_("Name"), max_length=255)
    base = forms.ModelChoiceField(
        label=_("On top of"),
        queryset=Variant.objects.none(),
        required=False,
        empty_label=_("the estate as it is"),
    )

    def __init__(self, *args: Any, estate_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["base"].queryset = Variant.objects.filter(estate_id=estate_id)


class ChangeForm(Plain):
    """One change; `estate` is what it is made to, for the lists to choose from."""

    kind: ClassVar[str]
    title: ClassVar[Any]

    def __init__(self, *args: Any, estate: Estate, **kwargs: Any) -> None:
        super().__init__(*args, prefix=self.kind, **kwargs)
        clusters = list(dict.fromkeys(host.cluster for host in estate.hosts if host.cluster))
        clusters += [one.name for one in estate.clusters if one.name not in clusters]
        if "cluster" in self.fields:
            same = [] if self.fields["cluster"].required else [("", _("its own"))]
            self.fields["cluster"].choices = same + [(name, name) for name in sorted(clusters)]

    def change(self) -> Change:
        """What a valid form asks for."""
        raise NotImplementedError


class AddVmsForm(ChangeForm):
    kind = "add-vms"
    title = _("Add VMs")

    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=NEW_VMS_MAX, initial=10)
    like = forms.CharField(
        label=_("Like this VM or template"),
        max_length=255,
        widget=forms.TextInput(attrs={"list": "names-vms", "autocomplete": "off"}),
    )
    cluster = forms.ChoiceField(label=_("In cluster"), required=False)

    def change(self) -> Change:
        chosen = self.cleaned_data
        return AddVms(count=chosen["count"], like=chosen["like"], cluster=chosen["cluster"] or None)


class _NamesForm(ChangeForm):
    """Names, a line each."""

    names = forms.CharField(
        max_length=NAMES_MAX, widget=forms.Textarea(attrs={"rows": 3}), help_text=_("A name on each line")
    )
    make: ClassVar[type[DropVms | Protect]]

    def clean_names(self) -> tuple[str, ...]:
        lines = (line.strip() for line in str(self.cleaned_data["names"]).splitlines())
        return tuple(dict.fromkeys(line for line in lines if line))

    def change(self) -> Change:
        return self.make(names=self.cleaned_data["names"])


class DropHostsForm(ChangeForm):
    kind = "drop-hosts"
    title = _("Drop hosts")

    names = forms.MultipleChoiceField(
        label=_("Hosts to drop"), widget=forms.SelectMultiple(attrs={"size": 6})
    )

    def __init__(self, *args: Any, estate: Estate, **kwargs: Any) -> None:
        super().__init__(*args, estate=estate, **kwargs)
        self.fields["names"].choices = [
            (
                host.name,
                f"{visible(host.name)} ({visible(host.cluster)})" if host.cluster else visible(host.name),
            )
            for host in estate.hosts
        ]

    def change(self) -> Change:
        return DropHosts(names=tuple(self.cleaned_data["names"]))


class DropVmsForm(_NamesForm):
    kind = "drop-vms"
    title = _("Drop VMs")
    make = DropVms

    def __init__(self, *args: Any, estate: Estate, **kwargs: Any) -> None:
        super().__init__(*args, estate=estate, **kwargs)
        self.fields["names"].label = _("VMs to switch off for good")


class ProtectForm(_NamesForm):
    kind = "protect"
    title = _("FT for VMs")
    make = Protect

    def __init__(self, *args: Any, estate: Estate, **kwargs: Any) -> None:
        super().__init__(*args, estate=estate, **kwargs)
        self.fields["names"].label = _("VMs that run twice")


class LicenseForm(_NamesForm):
    kind = "license"
    title = _("Licensed VMs on few hosts")

    product = forms.ChoiceField(label=_("Product"), choices=list(PRODUCT_NAMES.items()))
    pinned = forms.BooleanField(
        label=_("Keep them on as few hosts as carry them"), required=False, initial=True
    )

    def __init__(self, *args: Any, estate: Estate, **kwargs: Any) -> None:
        super().__init__(*args, estate=estate, **kwargs)
        self.fields["names"].label = _("VMs that the product runs in")

    def change(self) -> Change:
        chosen = self.cleaned_data
        return License(names=chosen["names"], product=chosen["product"], pinned=chosen["pinned"])


class RefreshForm(ChangeForm):
    kind = "refresh-hosts"
    title = _("Refresh hosts")

    cluster = forms.ChoiceField(label=_("Cluster"))
    count = forms.IntegerField(label=_("Hosts"), min_value=1, max_value=10_000)
    model = forms.CharField(label=_("Model, as in the price book"), max_length=200)
    sockets = forms.IntegerField(label=_("Sockets"), min_value=1, max_value=64, initial=2)
    cores = forms.IntegerField(label=_("Cores of a host"), min_value=1, max_value=CORES_MAX)
    memory_gib = forms.IntegerField(label=_("Memory of a host, GiB"), min_value=1, max_value=MEMORY_GIB_MAX)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("cores") and (cleaned.get("sockets") or 1) > cleaned["cores"]:
            self.add_error("sockets", _("A socket has at least one core."))
        return cleaned

    def change(self) -> Change:
        chosen = self.cleaned_data
        machine = Machine(
            name=chosen["model"],
            sockets=chosen["sockets"],
            cores=chosen["cores"],
            memory_mib=chosen["memory_gib"] * MIB_PER_GIB,
        )
        return RefreshHosts(cluster=chosen["cluster"], machine=machine, count=chosen["count"])


class FailuresForm(ChangeForm):
    kind = "failures"
    title = _("Failures to survive")

    count = forms.IntegerField(
        label=_("Host failures to survive"), min_value=0, max_value=FAILURES_MAX, initial=2
    )

    def change(self) -> Change:
        return Failures(count=self.cleaned_data["count"])


class GrowthForm(ChangeForm):
    kind = "growth"
    title = _("Growth")

    percent = forms.DecimalField(label=_("Growth a year, %"), min_value=-99, max_value=100, initial=20)

    def change(self) -> Change:
        return Growth(percent=Decimal(self.cleaned_data["percent"]))


CHANGE_FORMS: Final[Sequence[type[ChangeForm]]] = (
    AddVmsForm, DropHostsForm, RefreshForm, ProtectForm, FailuresForm, GrowthForm, LicenseForm,
    DropVmsForm,
)  # fmt: skip

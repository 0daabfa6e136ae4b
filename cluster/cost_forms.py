"""What people type about cost: the question, and a new price book."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from cluster.forms import Plain
from cluster.models import PriceBook
from cluster.pricing import Request
from planner.cost.answer import Asked
from planner.cost.assumptions import FAILURES_MAX, RATIO_MAX, YEARS_MAX, Assumptions
from planner.cost.platforms import PLATFORMS
from planner.parameters import CORES_MAX, MEMORY_GIB_MAX

PLATFORM_CHOICES: Final = [(key, platform.name) for key, platform in PLATFORMS.items()]


class CostForm(Plain):
    """The question.  Hosts left empty: of today's kind, as many as are needed."""

    platforms = forms.MultipleChoiceField(
        label=_("Platforms"), choices=PLATFORM_CHOICES, widget=forms.CheckboxSelectMultiple
    )
    cluster = forms.ChoiceField(label=_("Cluster"), required=False)
    book = forms.ModelChoiceField(
        label=_("Price book"),
        queryset=PriceBook.objects.all(),
        required=False,
        empty_label=_("public prices only"),
    )
    years = forms.IntegerField(label=_("Years"), min_value=1, max_value=YEARS_MAX)
    growth_percent = forms.DecimalField(label=_("Growth a year, %"), min_value=-99, max_value=100)
    failures = forms.IntegerField(label=_("Host failures to survive"), min_value=0, max_value=FAILURES_MAX)
    vcpu_per_core = forms.FloatField(
        label=_("vCPUs per core, at most"), min_value=0.1, max_value=RATIO_MAX,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )  # fmt: skip
    protection = forms.ChoiceField(
        label=_("Protection"), choices=[("none", _("none")), ("ha", "HA"), ("ft", "FT")]
    )
    windows_owned = forms.BooleanField(label=_("Windows licences are there already"), required=False)
    currency = forms.CharField(label=_("Currency"), min_length=3, max_length=3)
    host_sockets = forms.IntegerField(label=_("Sockets"), min_value=1, max_value=64, initial=2)
    host_cores = forms.IntegerField(
        label=_("Cores of a host"), min_value=1, max_value=CORES_MAX, required=False
    )
    host_memory_gib = forms.IntegerField(
        label=_("Memory of a host, GiB"), min_value=1, max_value=MEMORY_GIB_MAX, required=False
    )

    host_model = forms.CharField(label=_("Model, as in the price book"), max_length=200, required=False)

    def __init__(self, *args: Any, clusters: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cluster"].choices = [("", _("all"))] + [(name, name) for name in clusters]

    @classmethod
    def of(cls, request: Request, clusters: Sequence[str]) -> Self:
        """The form that shows a question."""
        asked, assumed = request.asked, request.asked.assumptions
        shown = {name: getattr(assumed, name) for name in cls.base_fields if hasattr(assumed, name)}
        shown |= {name: getattr(asked, name) for name in cls.base_fields if hasattr(asked, name)}
        shown |= {"book": request.book, "windows_owned": assumed.windows == "owned"}
        return cls(initial=shown, clusters=clusters)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cores, memory = cleaned.get("host_cores"), cleaned.get("host_memory_gib")
        if bool(cores) != bool(memory):
            missing = "host_cores" if memory else "host_memory_gib"
            self.add_error(missing, _("A host to buy needs both its cores and its memory."))
        if cores and (cleaned.get("host_sockets") or 1) > cores:
            self.add_error("host_sockets", _("A socket has at least one core."))
        currency = cleaned.get("currency", "").upper()
        if currency and not (currency.isascii() and currency.isalpha()):
            self.add_error("currency", _("A currency is three letters, as EUR."))
        return {**cleaned, "currency": currency}

    def request(self) -> Request:
        """What a valid form asks for."""
        chosen = self.cleaned_data
        assumptions = Assumptions(
            years=chosen["years"],
            currency=chosen["currency"],
            failures=chosen["failures"],
            growth_percent=Decimal(chosen["growth_percent"]),
            vcpu_per_core=chosen["vcpu_per_core"],
            protection=chosen["protection"],
            windows="owned" if chosen["windows_owned"] else "buy",
        )
        asked = Asked(
            assumptions=assumptions,
            platforms=tuple(chosen["platforms"]),
            cluster=chosen["cluster"] or None,
            host_cores=chosen["host_cores"],
            host_sockets=chosen["host_sockets"],
            host_memory_gib=chosen["host_memory_gib"],
            host_model=chosen["host_model"],
        )
        return Request(asked=asked, book=chosen["book"].pk if chosen["book"] else None)


class NewBookForm(Plain):
    """A book, empty or out of a file."""

    name = forms.CharField(label=_("Name"), max_length=255)
    file = forms.FileField(
        label=_("CSV, optional"), required=False, widget=forms.ClearableFileInput(attrs={"accept": ".csv"})
    )

    def clean_name(self) -> str:
        name = " ".join(str(self.cleaned_data["name"]).split())
        if not name.isprintable() or PriceBook.objects.filter(name=name).exists():
            raise forms.ValidationError(_("There is a book of this name, or it cannot be printed."))
        return name


class BookFileForm(Plain):
    """Another CSV for a book."""

    file = forms.FileField(label=_("CSV"), widget=forms.ClearableFileInput(attrs={"accept": ".csv"}))

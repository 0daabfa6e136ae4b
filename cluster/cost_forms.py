"""What people type about cost: the question, and a new price book."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, Self

from django import forms
from django.utils.translation import gettext_lazy as _

from cluster.forms import Plain
from cluster.models import PriceBook, Variant
from cluster.pricing import Request
from cluster.visible import visible
from cluster.wording import say
from planner.catalogue.cards import CARDS
from planner.compared import COMPARED_MAX
from planner.cost.answer import Asked
from planner.cost.assumptions import DISCOUNT_RATE_MAX, FAILURES_MAX, RATIO_MAX, YEARS_MAX, Assumptions
from planner.cost.book import BookError
from planner.cost.layout import raw_per_usable
from planner.cost.platforms import PLATFORMS
from planner.hardware.models import read_models
from planner.parameters import CORES_MAX, MEMORY_GIB_MAX

PLATFORM_CHOICES: Final = [(key, platform.name) for key, platform in PLATFORMS.items()]


def discount_choices() -> list[tuple[str, str]]:
    """The prices that a discount may be on, by their names in the reader's language."""
    licences = [card for card in CARDS if card.money and card.area in ("hypervisor", "guests", "servers")]
    return [("", "–"), *((card.key, say(card.label)) for card in licences)]


MODELS_BYTES_MAX: Final = 1024 * 1024
RANGES: Final = (
    ("growth_percent", "growth_high_percent"),
    ("discount_rate_percent", "discount_rate_high_percent"),
)


class CostForm(Plain):
    """The question.  Hosts left empty: of today's kind, as many as are needed."""

    compare = forms.ChoiceField(
        label=_("Compare"),
        choices=[
            ("platforms", _("platforms with one another")),
            ("ways", _("keep, shrink, refresh, leave")),
            ("protection", _("no protection, HA, FT")),
            ("physical", _("physical servers with hosts")),
        ],
        required=False,
    )
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
    growth_high_percent = forms.DecimalField(
        label=_("Growth a year at most, %"),
        min_value=-99,
        max_value=100,
        required=False,
        help_text=_("makes it a range; empty: the same"),
    )
    failures = forms.IntegerField(label=_("Host failures to survive"), min_value=0, max_value=FAILURES_MAX)
    vcpu_per_core = forms.FloatField(
        label=_("vCPUs per core, at most"), min_value=0.1, max_value=RATIO_MAX,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )  # fmt: skip
    protection = forms.ChoiceField(
        label=_("Protection"), choices=[("none", _("none")), ("ha", "HA"), ("ft", "FT")]
    )
    prices_day = forms.DateField(
        label=_("Prices of the day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    buy_network = forms.BooleanField(label=_("Count network switches"), required=False)
    buy_storage = forms.BooleanField(label=_("Count storage for all VMs"), required=False)
    discount_rate_percent = forms.DecimalField(
        label=_("Discount rate a year, %"),
        min_value=0,
        max_value=DISCOUNT_RATE_MAX,
        required=False,
        help_text=_("what money costs you; empty: as in the price book"),
    )
    discount_rate_high_percent = forms.DecimalField(
        label=_("Discount rate at most, %"),
        min_value=0,
        max_value=DISCOUNT_RATE_MAX,
        required=False,
        help_text=_("makes it a range; empty: the same"),
    )
    layout = forms.CharField(
        label=_("Storage layout"),
        max_length=20,
        required=False,
        help_text=_("copies:2, raid5:8, raid6:10 or erasure:4+2; empty: as in the price book"),
    )
    discount_card = forms.ChoiceField(label=_("Your discount on"), choices=discount_choices, required=False)
    discount_percent = forms.DecimalField(label=_("Discount, %"), min_value=0, max_value=100, required=False)
    discount_card_2 = forms.ChoiceField(label=_("And on"), choices=discount_choices, required=False)
    discount_percent_2 = forms.DecimalField(
        label=_("Discount, %"), min_value=0, max_value=100, required=False
    )
    windows_owned = forms.BooleanField(label=_("Windows licences are there already"), required=False)
    currency = forms.CharField(label=_("Currency"), min_length=3, max_length=3)
    host_sockets = forms.IntegerField(
        label=_("Sockets"), min_value=1, max_value=64, initial=2, required=False
    )
    host_cores = forms.IntegerField(
        label=_("Cores of a host"), min_value=1, max_value=CORES_MAX, required=False
    )
    host_memory_gib = forms.IntegerField(
        label=_("Memory of a host, GiB"), min_value=1, max_value=MEMORY_GIB_MAX, required=False
    )

    host_model = forms.CharField(label=_("Model, as in the price book"), max_length=200, required=False)
    server_cores = forms.IntegerField(
        label=_("Cores of a physical server"), min_value=1, max_value=CORES_MAX, required=False
    )
    server_memory_gib = forms.IntegerField(
        label=_("Memory of a physical server, GiB"), min_value=1, max_value=MEMORY_GIB_MAX, required=False
    )

    def __init__(self, *args: Any, clusters: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cluster"].choices = [("", _("all"))] + [(name, name) for name in clusters]

    @classmethod
    def of(cls, request: Request, clusters: Sequence[str], **more: Any) -> Self:
        """The form that shows a question."""
        asked, assumed = request.asked, request.asked.assumptions
        shown = {name: getattr(assumed, name) for name in cls.base_fields if hasattr(assumed, name)}
        shown |= {name: getattr(asked, name) for name in cls.base_fields if hasattr(asked, name)}
        shown |= {"book": request.book, "windows_owned": assumed.windows == "owned"}
        for (card, percent), suffix in zip(sorted(assumed.discounts.items()), ("", "_2"), strict=False):
            shown |= {f"discount_card{suffix}": card, f"discount_percent{suffix}": percent}
        return cls(initial={**shown, **more.pop("initial", {})}, clusters=clusters, **more)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cores, memory = cleaned.get("host_cores"), cleaned.get("host_memory_gib")
        if bool(cores) != bool(memory):
            missing = "host_cores" if memory else "host_memory_gib"
            self.add_error(missing, _("A host to buy needs both its cores and its memory."))
        if cores and (cleaned.get("host_sockets") or 1) > cores:
            self.add_error("host_sockets", _("A socket has at least one core."))
        if bool(cleaned.get("server_cores")) != bool(cleaned.get("server_memory_gib")):
            missing = "server_cores" if cleaned.get("server_memory_gib") else "server_memory_gib"
            self.add_error(missing, _("A server needs both its cores and its memory."))
        for suffix in ("", "_2"):
            if cleaned.get(f"discount_percent{suffix}") and not cleaned.get(f"discount_card{suffix}"):
                self.add_error(f"discount_card{suffix}", _("A discount is on one price."))
        for low, high in RANGES:
            self._check_range(cleaned, low, high)
        currency = cleaned.get("currency", "").upper()
        if currency and not (currency.isascii() and currency.isalpha()):
            self.add_error("currency", _("A currency is three letters, as EUR."))
        return {**cleaned, "currency": currency}

    def _check_range(self, cleaned: dict[str, Any], low: str, high: str) -> None:
        least, most = cleaned.get(low), cleaned.get(high)
        if most is None or low in self.errors:
            return
        if least is None:
            self.add_error(low, _("A range has a low end too."))
        elif most < least:
            self.add_error(high, _("The high end of a range is not below its low end."))

    def clean_layout(self) -> str:
        layout = "".join(str(self.cleaned_data["layout"]).lower().split())
        try:
            if layout:
                raw_per_usable(layout)
        except BookError as error:
            raise forms.ValidationError(say(error.message)) from error
        return layout

    def request(self) -> Request:
        """What a valid form asks for."""
        return Request(asked=self.asked(), book=self.book_id())

    def book_id(self) -> int | None:
        """The price book chosen."""
        book = self.cleaned_data["book"]
        return book.pk if book else None

    def asked(self) -> Asked:
        """What a valid form asks for, whatever it is about."""
        chosen = self.cleaned_data
        assumptions = Assumptions(
            years=chosen["years"],
            currency=chosen["currency"],
            failures=chosen["failures"],
            growth_percent=Decimal(chosen["growth_percent"]),
            growth_high_percent=chosen["growth_high_percent"],
            discount_rate_percent=chosen["discount_rate_percent"],
            discount_rate_high_percent=chosen["discount_rate_high_percent"],
            vcpu_per_core=chosen["vcpu_per_core"],
            protection=chosen["protection"],
            windows="owned" if chosen["windows_owned"] else "buy",
            buy_network=chosen["buy_network"],
            buy_storage=chosen["buy_storage"],
            layout=chosen["layout"],
            prices_day=chosen["prices_day"].isoformat() if chosen["prices_day"] else None,
            discounts=self._discounts(),
        )
        return Asked(
            assumptions=assumptions,
            compare=chosen["compare"] or "platforms",
            server_cores=chosen["server_cores"],
            server_memory_gib=chosen["server_memory_gib"],
            platforms=tuple(chosen["platforms"]),
            cluster=chosen["cluster"] or None,
            host_cores=chosen["host_cores"],
            host_sockets=chosen["host_sockets"] or 2,
            host_memory_gib=chosen["host_memory_gib"],
            host_model=chosen["host_model"],
        )

    def _discounts(self) -> dict[str, Decimal]:
        chosen = self.cleaned_data
        pairs = [(chosen[f"discount_card{end}"], chosen[f"discount_percent{end}"]) for end in ("", "_2")]
        return {card: Decimal(percent) for card, percent in pairs if card and percent}


class HostsForm(CostForm):
    """Which hosts to buy: the same assumptions, and the models to choose from.

    `before` is what was asked last: its list of models can be searched again without the file.
    """

    models = forms.FileField(
        label=_("Host models, CSV"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv"}),
        help_text=_(
            "name,sockets,cores,memory_gib,price,currency,source; left empty: 200 plain shapes, by parts"
        ),
    )
    keep_hosts = forms.BooleanField(label=_("Try today's hosts with new ones beside them"), required=False)

    def __init__(self, *args: Any, before: Request | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = before
        if before is not None and before.models:
            label = _("Search the list {name} again").format(name=visible(before.models_name))
            self.fields["models_again"] = forms.BooleanField(label=label, required=False, initial=True)

    @classmethod
    def of(cls, request: Request, clusters: Sequence[str], **more: Any) -> Self:
        """The form that shows a question, its list of models with it."""
        return super().of(
            request, clusters, before=request, initial={"keep_hosts": request.keep_hosts}, **more
        )

    def clean_models(self) -> tuple[str, str]:
        """The text and the name of the file, read once so that a mistake is told here."""
        file = self.cleaned_data["models"]
        if not file:
            return "", ""
        name = PurePath(file.name or "models.csv").name
        if file.size > MODELS_BYTES_MAX:
            raise forms.ValidationError(_("The list of models is too long."))
        content = file.read()
        try:
            read_models(content, name)
        except BookError as error:
            place = f"{error.book}:{error.row}: " if error.row else ""
            raise forms.ValidationError(f"{place}{say(error.message)}") from error
        return content.decode("utf-8-sig"), name

    def request(self) -> Request:
        text, name = self.cleaned_data["models"]
        if not text and self.before is not None and self.cleaned_data.get("models_again"):
            text, name = self.before.models, self.before.models_name
        return Request(
            asked=self.asked(),
            book=self.book_id(),
            about="hosts",
            models=text,
            models_name=name,
            keep_hosts=self.cleaned_data["keep_hosts"],
        )


class VariantsForm(CostForm):
    """Variants to compare, on one platform, under the same assumptions."""

    variants = forms.ModelMultipleChoiceField(
        label=_("Variants"), queryset=Variant.objects.none(), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, estate_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["variants"].queryset = Variant.objects.filter(estate_id=estate_id)
        self.fields["platforms"] = forms.ChoiceField(label=_("Platform"), choices=PLATFORM_CHOICES)

    def clean_platforms(self) -> list[str]:
        return [self.cleaned_data["platforms"]]

    def clean_variants(self) -> Any:
        chosen = self.cleaned_data["variants"]
        if len(chosen) > COMPARED_MAX:
            raise forms.ValidationError(_("Too many variants to stand side by side."))
        return chosen

    def request(self) -> Request:
        chosen = tuple(self.cleaned_data["variants"].values_list("pk", flat=True))
        return Request(asked=self.asked(), book=self.book_id(), about="variants", variants=chosen)


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

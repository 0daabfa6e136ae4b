"""What people type: a file, and the parameters of a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Final, Self, cast

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.utils.translation import gettext_lazy as _

from cluster import labels
from cluster.labels import LOST_AT_ONCE, lost_by
from cluster.models import Estate, Project, Wish
from cluster.models.inventory import Priority
from cluster.outlook import Outlook
from cluster.projects import HISTORY_BYTES_MAX
from cluster.question import Asking, Question
from cluster.reach import visible_to
from cluster.roles import Action, Extent, Rights, Role
from cluster.tokens import DAYS_MAX, NEVER
from cluster.visible import visible
from planner.parameters import (
    CORES_MAX,
    FAILURES_MAX,
    MEMORY_GIB_MAX,
    PRICE_MAX,
    RATIO_MAX,
    SOCKETS_MAX,
    Parameters,
)
from planner.resilience.balance import LEAST_GAIN
from planner.resilience.verbs import NUMBER_MAX

MIB_PER_GIB: Final = 1024
HELD_MAX: Final = 100_000  # characters: some thousand names
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


class OwnPasswordForm(PasswordChangeForm):
    """A password of one's own, and another one than before."""

    def clean_new_password1(self) -> str:
        chosen: str = self.cleaned_data["new_password1"]
        if self.user.check_password(chosen):
            raise forms.ValidationError(_("This is the password you have. Choose another one."))
        return chosen


class CodeInput(forms.PasswordInput):
    """Shows what is typed, and never what was sent."""

    input_type = "text"


class CodeForm(Plain):
    """Digits of an app, or a recovery code; `alone` on its page."""

    code = forms.CharField(
        label=_("Code"),
        max_length=60,
        widget=CodeInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, alone: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["autofocus"] = alone


class StudyForm(Plain):
    """What a study of one cluster is asked for; each kind adds its own fields."""

    kind: ClassVar[Asking]
    vcpu_per_core = forms.FloatField(
        label=_("vCPUs per core, at most"),
        min_value=0.1,
        max_value=RATIO_MAX,
        initial=4.0,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )

    def __init__(self, *args: Any, tags: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tags = tags

    @classmethod
    def of(cls, question: Question | None, tags: Sequence[str] = ()) -> Self:
        """The form that shows what was asked."""
        if question is None:
            return cls(tags=tags)
        return cls(initial={name: getattr(question, name) for name in cls.base_fields}, tags=tags)

    def question(self, cluster: str) -> Question:
        """What a valid form asks of a cluster."""
        return Question(kind=self.kind, cluster=cluster, **self.cleaned_data)


class LossForm(StudyForm):
    """A study in which something is lost at once; the tags of the hosts are offered too."""

    by = forms.ChoiceField(
        label=_("What is lost at once"),
        choices=list(LOST_AT_ONCE.items()),
    )

    def __init__(self, *args: Any, tags: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, tags=tags, **kwargs)
        field = cast("forms.ChoiceField", self.fields["by"])
        field.choices = [*field.choices, *((tag, lost_by(tag)) for tag in tags)]


class FailuresForm(LossForm):
    kind = "failures"
    double = forms.BooleanField(label=_("Two at once as well"), required=False, initial=True)


class BalanceForm(StudyForm):
    kind = "balance"
    failures = forms.TypedChoiceField(
        label=_("Keep what hosts may fail"),
        coerce=int,
        choices=[(0, _("do not look")), (1, _("one host")), (2, _("two hosts"))],
        initial=1,
    )
    max_moves = forms.IntegerField(label=_("Moves, at most"), min_value=0, max_value=10_000, initial=1000)
    min_gain = forms.FloatField(
        label=_("A move must bring, points x hosts"),
        min_value=0,
        max_value=NUMBER_MAX,
        initial=LEAST_GAIN,
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )
    hold = forms.CharField(
        label=_("VMs that stay, one a line"),
        max_length=HELD_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    continuous = forms.BooleanField(label=_("VMs kept together stay together on the way"), required=False)
    power_saving = forms.BooleanField(label=_("Empty hosts so that they can sleep"), required=False)

    def clean_min_gain(self) -> float:
        """What is left empty is what it is at first."""
        value = self.cleaned_data["min_gain"]
        return LEAST_GAIN if value is None else float(value)


class PlacementForm(LossForm):
    kind = "placement"
    failures = forms.IntegerField(
        label=_("Losses to survive"), min_value=0, max_value=FAILURES_MAX, initial=1
    )


STUDY_FORMS: Final[dict[str, type[StudyForm]]] = {
    form.kind: form for form in (FailuresForm, BalanceForm, PlacementForm)
}


class ProjectForm(Plain):
    """A planned project: from a day on, so much more of one thing that is measured."""

    title = forms.CharField(label=_("Project"), max_length=255)
    subject = forms.ChoiceField(label=_("Of what"))
    amount = forms.FloatField(
        label=_("How much more"),
        min_value=-1e9,
        max_value=1e9,
        help_text=_("In the unit shown; negative where something goes."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, found: Outlook | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines = [one for one in found.lines if one.resource in Project.Resource.values] if found else []
        self.fields["subject"].choices = [
            (
                str(place),
                f"{visible(one.name)} · {labels.measured_of(one.resource)} ({labels.unit_of(one.unit)})",
            )
            for place, one in enumerate(self._lines)
        ]

    def fields_of_project(self) -> dict[str, Any]:
        """What a valid form says, as the row has it."""
        line = self._lines[int(self.cleaned_data["subject"])]
        kept = ("title", "amount", "starts_on")
        return {
            "subject_name": line.name,
            "resource": line.resource,
            **{name: self.cleaned_data[name] for name in kept},
        }


class HistoryForm(Plain):
    """Measurements of earlier dates, written down by another tool."""

    history = forms.FileField(
        label=_("CSV file"),
        help_text=_("Columns: date, name, resource, value."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv"}),
    )

    def clean_history(self) -> Any:
        file = self.cleaned_data["history"]
        if file.size > HISTORY_BYTES_MAX:
            raise forms.ValidationError(_("The file is larger than 20 MiB."))
        return file


class WishForm(Plain):
    """What a system administrator asks for one VM."""

    estate = forms.ModelChoiceField(label=_("Estate"), queryset=Estate.objects.none())
    kind = forms.ChoiceField(label=_("Asked for"), choices=Wish.Kind.choices)
    vm = forms.CharField(label=_("VM"), max_length=255)
    vcpus = forms.IntegerField(label=_("vCPU"), min_value=1, max_value=CORES_MAX, required=False)
    memory_gib = forms.FloatField(
        label=_("Memory, GiB"), min_value=0.1, max_value=MEMORY_GIB_MAX, required=False
    )
    disk_gib = forms.FloatField(label=_("Disk, GiB"), min_value=0.1, max_value=1e9, required=False)
    priority = forms.ChoiceField(
        label=_("Restart priority"), choices=[("", "–"), *Priority.choices], required=False
    )
    after = forms.CharField(label=_("Start after"), max_length=255, required=False)
    reason = forms.CharField(label=_("Why"), max_length=500, required=False)

    def __init__(self, *args: Any, reader: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["estate"].queryset = visible_to(reader, Estate)

    def wish(self) -> Wish:
        """The request that a valid form asks for; what its kind does not need is left out."""
        given = self.cleaned_data
        sized = given["kind"] in (Wish.Kind.NEW, Wish.Kind.RESIZE)
        return Wish(
            estate=given["estate"],
            kind=given["kind"],
            vm=given["vm"],
            vcpus=given["vcpus"] if sized else None,
            memory_mib=_mib(given["memory_gib"]) if sized else None,
            disk_mib=_mib(given["disk_gib"]) if sized else None,
            priority=given["priority"] if given["kind"] == Wish.Kind.PRIORITY else "",
            after=given["after"] if given["kind"] == Wish.Kind.DEPENDENCY else "",
            reason=given["reason"],
        )


def _mib(gib: float | None) -> int | None:
    return None if gib is None else round(gib * MIB_PER_GIB)


class TokenForm(Plain):
    """A token to be made, of what its owner may do."""

    name = forms.CharField(label=_("What it is for"), max_length=80)
    actions = forms.MultipleChoiceField(
        label=_("It may"), choices=[], widget=forms.CheckboxSelectMultiple, initial=[Action.READ.value]
    )
    days = forms.IntegerField(label=_("Days it lasts"), min_value=1, max_value=DAYS_MAX, initial=90)
    networks = forms.CharField(
        label=_("Only from these networks"), max_length=500, required=False,
        help_text=_("Such as 10.1.0.0/16; left empty, from anywhere."),
    )  # fmt: skip

    def __init__(self, *args: Any, rights: Rights, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["actions"].choices = [
            (action.value, _(action.value))
            for action in Action
            if rights.opens(action) and action not in NEVER
        ]


class ScopeForm(Plain):
    """A part of the site that a role is held to."""

    role = forms.ChoiceField(label=_("Role"), choices=_roles)
    estate = forms.ModelChoiceField(
        label=_("Estate"), queryset=Estate.objects.all(), required=False, empty_label=_("all")
    )
    cluster = forms.CharField(label=_("Cluster"), max_length=255, required=False)
    site = forms.CharField(label=_("Site"), max_length=255, required=False)
    owner = forms.CharField(label=_("Owner of VMs"), max_length=255, required=False)

    def __init__(self, *args: Any, held: Collection[Role] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if held is not None:
            narrow = [role for role in held if role is not Role.SITE_ADMINISTRATOR]
            self.fields["role"].choices = [(role.value, _(role.value)) for role in narrow]

    def extent(self) -> Extent:
        """The part that a valid form names."""
        given = self.cleaned_data
        estate = given["estate"]
        return Extent(
            estate=estate.pk if estate else None,
            cluster=given["cluster"],
            site=given["site"],
            owner=given["owner"],
        )

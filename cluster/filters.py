"""One filter for page, CSV and address: what is asked stands in the query and can be sent to a colleague."""

from __future__ import annotations

from typing import Any

import django_filters as df
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cluster import selectors
from cluster.audit import Deed
from cluster.models import AuditEntry, Estate, Event, Host, VirtualMachine
from cluster.models.inventory import Power
from planner.units import MIB_PER_GIB

_SEARCH = forms.TextInput(attrs={"type": "search", "autocomplete": "off"})


class InEstate(df.FilterSet):
    """A filter of rows of one estate, by its clusters among others."""

    cluster = df.ChoiceFilter(label=_("Cluster"), empty_label=_("all"), method="of_cluster")

    def __init__(self, *args: Any, estate: Estate, is_whole: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.estate = estate
        if is_whole:
            names = [cluster.name for cluster in selectors.clusters_of(estate)]
        else:  # whoever sees some rows is told the clusters of these
            own = self.queryset.order_by().values_list("cluster_name", flat=True).distinct()
            names = sorted(name for name in own if name)
        asked = self.data.get("cluster")
        if asked and asked not in names and "\0" not in asked:
            names.append(asked)  # a name that only VMs bear: an answer of no rows beats all rows
        self.filters["cluster"].extra["choices"] = [(name, name) for name in names]

    def of_cluster(self, rows: QuerySet[Any], _field: str, name: str) -> QuerySet[Any]:
        raise NotImplementedError


class VmFilter(InEstate):
    name = df.CharFilter(label=_("Name"), lookup_expr="icontains", widget=_SEARCH)
    host = df.CharFilter(label=_("Host"), field_name="host_name", lookup_expr="icontains", widget=_SEARCH)
    power = df.ChoiceFilter(label=_("Power"), choices=Power.choices, empty_label=_("any"))
    template = df.ChoiceFilter(
        label=_("Template"),
        choices=[("true", _("only")), ("false", _("none"))],
        empty_label=_("any"),
        method="of_templates",
    )
    vcpus_min = df.NumberFilter(label=_("vCPU, from"), field_name="vcpus", lookup_expr="gte")
    vcpus_max = df.NumberFilter(label=_("vCPU, to"), field_name="vcpus", lookup_expr="lte")
    memory_min = df.NumberFilter(label=_("Memory, from GiB"), method="memory_from")
    memory_max = df.NumberFilter(label=_("Memory, to GiB"), method="memory_to")
    os = df.CharFilter(label=_("Guest OS"), field_name="guest_os", lookup_expr="icontains", widget=_SEARCH)

    class Meta:
        model = VirtualMachine
        fields: list[str] = []

    def of_cluster(self, rows: QuerySet[VirtualMachine], _field: str, name: str) -> QuerySet[VirtualMachine]:
        return rows & selectors.vms_of_cluster(self.estate, name)

    def of_templates(
        self, rows: QuerySet[VirtualMachine], _field: str, word: str
    ) -> QuerySet[VirtualMachine]:
        return rows.filter(template=word == "true")

    def memory_from(self, rows: QuerySet[VirtualMachine], _field: str, gib: Any) -> QuerySet[VirtualMachine]:
        return rows.filter(memory_mib__gte=gib * MIB_PER_GIB)

    def memory_to(self, rows: QuerySet[VirtualMachine], _field: str, gib: Any) -> QuerySet[VirtualMachine]:
        return rows.filter(memory_mib__lte=gib * MIB_PER_GIB)


class HostFilter(InEstate):
    name = df.CharFilter(label=_("Name"), lookup_expr="icontains", widget=_SEARCH)

    class Meta:
        model = Host
        fields: list[str] = []

    def of_cluster(self, rows: QuerySet[Host], _field: str, name: str) -> QuerySet[Host]:
        return rows.filter(pk__in=selectors.hosts_of_cluster(self.estate, name))


def _estates_of_reader(request: HttpRequest | None) -> QuerySet[Estate]:
    return selectors.visible_estates(request.user) if request else Estate.objects.none()


class EventFilter(df.FilterSet):
    text = df.CharFilter(label=_("Subject or kind"), method="with_text", widget=_SEARCH)
    level = df.ChoiceFilter(label=_("Level"), choices=Event.Level.choices, empty_label=_("any"))
    estate = df.ModelChoiceFilter(
        label=_("Estate"),
        queryset=_estates_of_reader,
        empty_label=_("all"),
    )

    class Meta:
        model = Event
        fields: list[str] = []

    def with_text(self, rows: QuerySet[Event], _field: str, text: str) -> QuerySet[Event]:
        return rows.filter(Q(subject__icontains=text) | Q(kind__icontains=text))


class AuditFilter(df.FilterSet):
    actor = df.CharFilter(label=_("Person"), lookup_expr="icontains", widget=_SEARCH)
    deed = df.ChoiceFilter(
        label=_("Deed"), choices=lambda: [(deed.value, _(deed.value)) for deed in Deed], empty_label=_("any")
    )
    subject = df.CharFilter(label=_("Subject"), lookup_expr="icontains", widget=_SEARCH)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

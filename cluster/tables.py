"""The tables: which columns, how they sort, how a cell is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import django_tables2 as tables
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from cluster.models import Datastore, Host, PortGroup, VirtualMachine
from cluster.templatetags.parts import icon, known, meter, number, percent, size
from cluster.visible import visible

ROWS: Final = 50
ROWS_MOST: Final = 500
_NUMBER: Final = {"td": {"class": "num"}, "th": {"class": "num"}}
_NAME: Final = {"td": {"class": "name"}, "th": {"class": "name"}}


class Headed(tables.Table):
    """Every table of ours: our template, a sort that ties are broken in by name."""

    class Meta:
        template_name = "parts/table.html"
        empty_text = _("No row answers this filter.")

    def paged(self, request: HttpRequest) -> Headed:
        """The table with the page and the order that the address asks for; nonsense there is ignored."""
        wanted = request.GET.get(self.prefixed_order_by_field)
        if wanted:
            self.order_by = wanted.split(",")
        rows = _whole(request.GET.get("rows"), ROWS)
        page = _whole(request.GET.get(self.prefixed_page_field), 1)
        self.paginate(page=1, per_page=min(max(rows, 10), ROWS_MOST))
        self.page = self.paginator.get_page(page)
        return self


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else otherwise


class Named(tables.Column):
    """A name that leads to its page; bdi keeps a name from turning the text around it."""

    def __init__(self, to: str, **kwargs: Any) -> None:
        super().__init__(attrs=_NAME, **kwargs)
        self.to = to

    def render(self, value: str, record: Any) -> str:
        return format_html(
            '<a href="{}"><bdi>{}</bdi></a>', reverse(self.to, args=[record.pk]), visible(value)
        )


class Ticked(Named):
    """A name with a box before it, for what is done with several rows at once."""

    def render(self, value: str, record: Any) -> str:
        return format_html(
            '<span class="ticked"><input type="checkbox" form="chosen" name="vm" value="{}"'
            ' aria-label="{}">{}</span>',
            record.pk,
            gettext("Choose {name}").format(name=visible(value)),
            super().render(value, record),
        )


class Text(tables.Column):
    """A recorded text, maybe none."""

    def render(self, value: Any) -> str:
        return format_html("<bdi>{}</bdi>", visible(known(value)))


class Number(tables.Column):
    """A number; `shown` turns it into words."""

    def __init__(self, shown: Any = number, **kwargs: Any) -> None:
        super().__init__(attrs=_NUMBER, **kwargs)
        self.shown = shown

    def render(self, value: Any) -> str:
        return self.shown(value)


class VmTable(Headed):
    name = Ticked("vm", verbose_name=_("VM"))
    cluster_name = Text(verbose_name=_("Cluster"), order_by=("cluster_name", "name"))
    host_name = Text(verbose_name=_("Host"), order_by=("host_name", "name"))
    power = tables.Column(verbose_name=_("Power"), order_by=("power", "name"))
    vcpus = Number(verbose_name=_("vCPU"), order_by=("vcpus", "name"))
    memory_mib = Number(size, verbose_name=_("Memory"), order_by=("memory_mib", "name"))
    disk_mib = Number(size, verbose_name=_("Disks"), order_by=("disk_mib", "name"))
    disk_used_mib = Number(size, verbose_name=_("Used"), order_by=("disk_used_mib", "name"))
    guest_os = Text(verbose_name=_("Guest OS"), order_by=("guest_os", "name"))
    cpu_demand_mhz = Number(verbose_name=_("CPU demand, MHz"), order_by=("cpu_demand_mhz", "name"))
    memory_demand_mib = Number(size, verbose_name=_("Memory demand"), order_by=("memory_demand_mib", "name"))
    iops_demand = Number(verbose_name=_("Disk operations a second"), order_by=("iops_demand", "name"))
    network_demand_mbit = Number(
        verbose_name=_("Network demand, Mbit/s"), order_by=("network_demand_mbit", "name")
    )
    cpu_reservation_mhz = Number(
        verbose_name=_("CPU reserved, MHz"), order_by=("cpu_reservation_mhz", "name")
    )
    memory_reservation_mib = Number(
        size, verbose_name=_("Memory reserved"), order_by=("memory_reservation_mib", "name")
    )
    folder = Text(verbose_name=_("Folder"), order_by=("folder", "name"))
    owner = Text(verbose_name=_("Owner"), order_by=("owner", "name"))

    class Meta(Headed.Meta):
        model = VirtualMachine
        fields = ()

    def render_power(self, record: VirtualMachine) -> str:
        if record.template:
            return format_html('<span class="power">{} {}</span>', icon("template"), _("template"))
        sign = icon(f"power-{record.power}")
        return format_html(
            '<span class="power power-{}">{} {}</span>', record.power, sign, record.get_power_display()
        )

    links_hosts = True  # False for a reader who sees VMs alone

    def render_host_name(self, value: str, record: VirtualMachine) -> str:
        if record.host_id is None or not self.links_hosts:
            return format_html("<bdi>{}</bdi>", visible(value))
        url = reverse("host", args=[record.host_id])
        return format_html('<a href="{}"><bdi>{}</bdi></a>', url, visible(value))


class HostTable(Headed):
    name = Named("host", verbose_name=_("Host"))
    cluster_name = Text(verbose_name=_("Cluster"), order_by=("cluster_name", "name"))
    model = Text(attrs={"td": {"class": "model"}}, verbose_name=_("Model"), order_by=("model", "name"))
    sockets = Number(verbose_name=_("Sockets"), order_by=("sockets", "name"))
    cores = Number(verbose_name=_("Cores"), order_by=("cores", "name"))
    memory_mib = Number(size, verbose_name=_("Memory"), order_by=("memory_mib", "name"))
    vms_on = Number(verbose_name=_("VMs on"), order_by=("vms_on", "name"))
    vcpus_on = Number(verbose_name=_("vCPU on"), order_by=("vcpus_on", "name"))
    memory_on_mib = Number(size, verbose_name=_("VM memory"), order_by=("memory_on_mib", "name"))
    cpu_usage_percent = Number(percent, verbose_name=_("CPU use"), order_by=("cpu_usage_percent", "name"))
    memory_usage_percent = Number(
        percent, verbose_name=_("Memory use"), order_by=("memory_usage_percent", "name")
    )

    class Meta(Headed.Meta):
        model = Host
        fields = ()


class DatastoreTable(Headed):
    name = Text(verbose_name=_("Datastore"), attrs=_NAME)
    kind = Text(verbose_name=_("Kind"), order_by=("kind", "name"))
    shared = tables.Column(verbose_name=_("Shared"), order_by=("shared", "name"))
    hosts = Number(verbose_name=_("Hosts"), order_by=("hosts", "name"))
    capacity_mib = Number(size, verbose_name=_("Capacity"), order_by=("capacity_mib", "name"))
    used_mib = Number(size, verbose_name=_("Used"), order_by=("used_mib", "name"))
    provisioned_mib = Number(size, verbose_name=_("Provisioned"), order_by=("provisioned_mib", "name"))
    room = tables.Column(
        verbose_name=_("Used and free"), empty_values=(), orderable=False, accessor="capacity_mib"
    )

    class Meta(Headed.Meta):
        model = Datastore
        fields = ()

    def render_shared(self, value: bool) -> str:
        return number(value)

    def render_room(self, record: Datastore) -> str:
        gib = 1024
        return meter(record.used_mib / gib, 0, record.capacity_mib / gib, "GiB")


class Several(tables.Column):
    """Names or words in the order recorded."""

    def render(self, value: Sequence[str]) -> str:
        return format_html("<bdi>{}</bdi>", ", ".join(visible(each) for each in value))


class PortGroupTable(Headed):
    name = Text(verbose_name=_("Port group"), attrs=_NAME)
    switch = Text(verbose_name=_("Switch"), order_by=("switch", "name"))
    vlan = Text(verbose_name=_("VLAN"), order_by=("vlan", "name"))
    roles = Several(verbose_name=_("Roles"), orderable=False)
    active = Several(verbose_name=_("Active uplinks"), orderable=False)
    standby = Several(verbose_name=_("Standby uplinks"), orderable=False)
    teaming = Text(verbose_name=_("Teaming"), order_by=("teaming", "name"))
    hosts = Number(verbose_name=_("Hosts"), orderable=False, accessor="host_names")

    class Meta(Headed.Meta):
        model = PortGroup
        fields = ()
        empty_text = _("No port group is recorded.")

    def render_hosts(self, value: Sequence[str]) -> str:
        return number(len(value))


class Choice(Struct, frozen=True):
    """A column that the reader may show or hide."""

    name: str
    label: str
    shown: bool
    usual: bool


class Columns(Struct, frozen=True):
    choices: Sequence[Choice]
    left_out: Sequence[str]


HIDDEN_AT_FIRST: Final = frozenset(
    {
        *("cpu_demand_mhz", "memory_demand_mib", "cpu_reservation_mhz", "memory_reservation_mib"),
        *("iops_demand", "network_demand_mbit", "folder", "owner"),
    }
)


def chosen_columns(wanted: Sequence[str]) -> Columns:
    """The columns of the VM table that the address names; without a word, the usual ones."""
    optional = {name: column for name, column in VmTable.base_columns.items() if name != "name"}
    asked = [name for name in wanted if name in optional]
    shown = set(asked) if asked else optional.keys() - HIDDEN_AT_FIRST
    return Columns(
        choices=[
            Choice(name, column.header, name in shown, name not in HIDDEN_AT_FIRST)
            for name, column in optional.items()
        ],
        left_out=[name for name in optional if name not in shown],
    )

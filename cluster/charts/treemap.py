"""Hosts and the VMs on them as areas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

import plotly.graph_objects as go
from django.utils.translation import gettext
from msgspec import Struct

from cluster import labels
from cluster.charts.layout import Numbers, layout
from cluster.charts.loads import VmBox
from cluster.models.inventory import Power
from cluster.templatetags.parts import number, size
from cluster.visible import visible

LEAVES_MOST: Final = 1200  # boxes that a browser still draws and moves without a wait
HOSTS_MOST: Final = 300  # of which the others are one box


class _Box(Struct, frozen=True, kw_only=True):
    """One area; `parent` is the id of the box around it, empty for a host."""

    id: str
    label: str
    parent: str = ""
    value: float
    colour: str
    text: str


def vm_treemap(vms: Sequence[VmBox], area: str) -> go.Figure:
    """Hosts and their VMs as areas of memory or vCPUs; the small ones of a host become one box."""
    by_host: dict[str, list[VmBox]] = defaultdict(list)
    for vm in vms:
        by_host[vm.host].append(vm)
    boxes = list(_boxes(by_host, area))
    return go.Figure(
        go.Treemap(
            ids=[box.id for box in boxes],
            labels=[box.label for box in boxes],
            parents=[box.parent for box in boxes],
            values=[box.value for box in boxes],
            text=[box.text for box in boxes],
            branchvalues="total",
            marker={
                "colors": [box.colour for box in boxes],
                "line": {"width": 1, "color": "var(--paper)"},
                "pad": {"t": 18, "l": 2, "r": 2, "b": 2},
            },
            texttemplate="%{label}",
            hovertemplate="<b>%{label}</b><br>%{text}<extra></extra>",
            textfont={"size": 11, "color": "var(--ink)"},
            tiling={"pad": 1},
            pathbar={"visible": False},
            maxdepth=2,
        ),
        layout(
            520,
            _hosts_as_rows(by_host),
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            uniformtext={"minsize": 9, "mode": "hide"},
        ),
    )


def _boxes(by_host: Mapping[str, Sequence[VmBox]], area: str) -> Iterator[_Box]:
    """The hosts that hold most, each with its VMs; ids are numbers, for names may hold any separator."""
    largest = sorted(by_host, key=lambda host: (-_whole(by_host[host], area), host))
    shown = sorted(largest[:HOSTS_MOST])
    each = max(LEAVES_MOST // max(len(shown), 1), 1)
    for place, host in enumerate(shown):
        on_host = by_host[host]
        yield _Box(
            id=str(place),
            label=escape(visible(host)) or gettext("on no host"),
            value=_whole(on_host, area),
            colour="var(--chart-host)",
            text=_sum(on_host),
        )
        yield from _on_host(str(place), on_host, area, each)
    others = [vm for host in largest[HOSTS_MOST:] for vm in by_host[host]]
    if others:
        name = gettext("{count} smaller hosts").format(count=number(len(largest) - HOSTS_MOST))
        yield _rest("others", name, "", others, area)


def _on_host(parent: str, on_host: Sequence[VmBox], area: str, most: int) -> Iterator[_Box]:
    ordered = sorted(on_host, key=lambda vm: (-getattr(vm, area), vm.name))
    kept = len(ordered) if len(ordered) <= most else most - 1
    for place, vm in enumerate(ordered[:kept]):
        yield _Box(
            id=f"{parent}/{place}",
            label=escape(visible(vm.name)),
            parent=parent,
            value=getattr(vm, area),
            colour="var(--chart-on)" if vm.power == Power.ON else "var(--chart-off)",
            text=_sum([vm]),
        )
    small = ordered[kept:]
    if small:
        name = gettext("{count} smaller VMs").format(count=number(len(small)))
        yield _rest(f"{parent}/rest", name, parent, small, area)


def _rest(id_: str, name: str, parent: str, vms: Sequence[VmBox], area: str) -> _Box:
    return _Box(
        id=id_,
        label=name,
        parent=parent,
        value=_whole(vms, area),
        colour="var(--chart-rest)",
        text=_sum(vms),
    )


def _whole(vms: Sequence[VmBox], area: str) -> float:
    return float(sum(getattr(vm, area) for vm in vms))


def _hosts_as_rows(by_host: Mapping[str, Sequence[VmBox]]) -> Numbers:
    """The boxes of the first level: hosts, for the VMs have a table of their own."""
    head = [gettext("Host"), gettext("VMs"), gettext("vCPU"), gettext("Memory")]
    rows = [
        [
            visible(host) or gettext("on no host"),
            number(len(vms)),
            number(sum(vm.vcpus for vm in vms)),
            size(sum(vm.memory_mib for vm in vms)),
        ]
        for host, vms in sorted(by_host.items())
    ]
    return Numbers(head, rows)


def _sum(vms: Sequence[VmBox]) -> str:
    vcpus, memory_mib = sum(vm.vcpus for vm in vms), sum(vm.memory_mib for vm in vms)
    words = f"{number(vcpus)} {labels.unit_of('vCPU')}, {size(memory_mib)}"
    if len(vms) > 1:
        return f"{number(len(vms))} {labels.unit_of('VMs')}, {words}"
    return f"{words}, {Power(vms[0].power).label}"

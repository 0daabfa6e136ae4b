"""Plotly figures of a cluster: how its hosts are loaded, what runs where, what it has against what it needs.

A colour is written as the name of a token of the style sheet, `var(--used)`: the browser puts in that
theme's colour when it draws.  Names are escaped, for Plotly reads tags in labels.
"""

from __future__ import annotations

from cluster.charts.capacity import capacity_against_need
from cluster.charts.heatmap import host_heatmap
from cluster.charts.loads import HostLoad, VmBox, host_loads, host_vms
from cluster.charts.runway import runway_figure
from cluster.charts.treemap import LEAVES_MOST, vm_treemap

__all__ = [
    "LEAVES_MOST",
    "HostLoad",
    "VmBox",
    "capacity_against_need",
    "host_heatmap",
    "host_loads",
    "host_vms",
    "runway_figure",
    "vm_treemap",
]

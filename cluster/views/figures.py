"""The figures of a plan in the order in which they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from planner.figure import Figure

_GROUPS: Final[Sequence[tuple[Promise, frozenset[str]]]] = (
    (
        _("Hosts"),
        frozenset(
            {
                *("hosts_for_load", "hosts_needed", "failures_tolerated_today", "free_vms", "lower_bound"),
                *("hosts_by_cpu", "hosts_by_memory", "hosts_by_storage"),
            }
        ),
    ),
    (
        _("Consolidation"),
        frozenset(
            {
                *("vcpu_per_core", "vcpu_per_core_n1", "vms_per_host", "memory_ratio"),
                *("vcpu_per_core_planned", "vms_per_host_planned"),
            }
        ),
    ),
    (
        _("Admission control of vSphere HA"),
        frozenset(
            {
                *("admission_slot_failures", "admission_cpu_free_percent"),
                *("admission_memory_free_percent", "admission_dedicated"),
            }
        ),
    ),
    (
        _("Storage"),
        frozenset(
            {"storage_used_tib", "guest_used_tib", "storage_free_tib", "storage_provisioned_ratio"},
        ),
    ),
)
_REST: Final = _("As measured")


def figure_groups(figures: Sequence[Figure]) -> list[tuple[str | Promise, list[Figure]]]:
    """The figures by what they are about; those that no group names come last, none is lost."""
    groups: list[tuple[str | Promise, list[Figure]]] = [
        (name, [figure for figure in figures if figure.id in ids]) for name, ids in _GROUPS
    ]
    named = frozenset().union(*(ids for _name, ids in _GROUPS))
    groups.append((_REST, [figure for figure in figures if figure.id not in named]))
    return [(name, members) for name, members in groups if members]

"""The sentence at the head of a cluster's page: what the load needs, and what is there."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from cluster.shown import number
from cluster.templatetags.parts import runs_out_first
from cluster.verdict import losses_of
from planner.report import ClusterPlan


def headline_of(plan: ClusterPlan) -> str:
    """`8 hosts carry this load; 10 are needed with 2 hosts lost. You have 22.`"""
    if plan.hosts_for_load is None or plan.hosts_needed is None:
        return gettext("How many hosts are needed is not known: describe a host.")
    carry = ngettext(
        "{hosts} host carries this load;", "{hosts} hosts carry this load;", plan.hosts_for_load
    ).format(hosts=number(plan.hosts_for_load))
    return f"{carry} {_needed(plan.hosts_needed, plan.failures_asked)} {_today(plan.hosts_today)}"


def binding_words(plan: ClusterPlan) -> str:
    """What runs out first, as a sentence; empty where it is not known."""
    return runs_out_first(plan.binding) if plan.binding else ""


def _needed(hosts: int, failures: int) -> str:
    if not failures:
        return ngettext("{hosts} is needed.", "{hosts} are needed.", hosts).format(hosts=number(hosts))
    return ngettext("{hosts} is needed with {losses}.", "{hosts} are needed with {losses}.", hosts).format(
        hosts=number(hosts), losses=losses_of(failures)
    )


def _today(hosts: int) -> str:
    return ngettext("You have {hosts}.", "You have {hosts}.", hosts).format(hosts=number(hosts))

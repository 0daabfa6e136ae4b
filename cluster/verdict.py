"""The answer before any number: one sentence a cluster, and whether it is good news."""

from __future__ import annotations

from typing import Final, Literal

from django.utils.translation import gettext, ngettext
from msgspec import Struct

from cluster.labels import name_of, resource_of
from cluster.shown import HEADLINE_DECIMALS, number, quantity
from planner.report import ClusterPlan, PlanReport, Template
from planner.units import MIB_PER_GIB

State = Literal["ok", "bad", "unknown"]

NAMES_IN_A_SENTENCE: Final = 4


class Verdict(Struct, frozen=True, kw_only=True):
    """`state` is colour and sign, `word` what it is called, `sentence` what a person would say."""

    state: State
    word: str
    sentence: str


def of_cluster(plan: ClusterPlan) -> Verdict:
    """Whether the cluster carries its load with the failures asked for."""
    match plan.fits:
        case True:
            return Verdict(state="ok", word=gettext("Fits"), sentence=_carries(plan))
        case False:
            return Verdict(state="bad", word=gettext("Does not fit"), sentence=_lacks(plan))
    return Verdict(state="unknown", word=gettext("Not known"), sentence=_unknown(plan))


def of_estate(report: PlanReport) -> Verdict:
    """Whether every cluster carries its load with the failures asked for."""
    judged = [cluster for cluster in report.clusters if cluster.fits is not None]
    failing = [cluster.name for cluster in judged if not cluster.fits]
    losses = losses_of(report.parameters.failures)
    if not judged:
        sentence = gettext("No cluster could be judged.")
        return Verdict(state="unknown", word=gettext("Not known"), sentence=sentence)
    if failing:
        sentence = ngettext(
            "{count} of {all} clusters does not carry its load with {losses}: {names}.",
            "{count} of {all} clusters do not carry their load with {losses}: {names}.",
            len(failing),
        ).format(count=number(len(failing)), all=number(len(judged)), losses=losses, names=_some(failing))
        return Verdict(state="bad", word=gettext("Does not fit"), sentence=sentence)
    sentence = ngettext(
        "The cluster carries its load with {losses}.",
        "All {count} clusters carry their load with {losses}.",
        len(judged),
    ).format(count=number(len(judged)), losses=losses)
    return Verdict(state="ok", word=gettext("Fits"), sentence=sentence)


def losses_of(failures: int) -> str:
    """What is lost, to be set into a sentence: with no host lost, with 2 hosts lost."""
    if not failures:
        return gettext("no host lost")
    return ngettext("{count} host lost", "{count} hosts lost", failures).format(count=number(failures))


def _carries(plan: ClusterPlan) -> str:
    sentence = gettext("The load runs on with {losses}.").format(losses=losses_of(plan.failures_asked))
    return f"{sentence} {_room(plan.free_vms, plan.template)}".strip()


def _room(free_vms: int | None, template: Template | None) -> str:
    """Say how many more VMs fit, the size of each told."""
    if free_vms is None or template is None:
        return ""
    memory = quantity(template.memory_mib / MIB_PER_GIB, "GiB", HEADLINE_DECIMALS)
    size = gettext("{name}: {vcpus}, {memory}").format(
        name=name_of(template.name), vcpus=quantity(template.vcpus, "vCPU"), memory=memory
    )
    if not free_vms:
        return gettext("There is no room for one more VM ({size}).").format(size=size)
    return ngettext(
        "There is room for {count} more VM ({size}).",
        "There is room for {count} more VMs ({size}).",
        free_vms,
    ).format(count=number(free_vms), size=size)


def _lacks(plan: ClusterPlan) -> str:
    """Say what is missing: hosts by number where there are too few of them, the reasons else."""
    losses = losses_of(plan.failures_asked)
    missing = (plan.hosts_needed or 0) - plan.hosts_today
    if missing <= 0:
        return gettext("The hosts of today do not carry the load with {losses}.").format(losses=losses)
    sentence = ngettext(
        "{count} host is missing: {needed} are needed to carry the load with {losses}, {today} are there.",
        "{count} hosts are missing: {needed} are needed to carry the load with {losses}, {today} are there.",
        missing,
    ).format(
        count=number(missing),
        needed=number(plan.hosts_needed or 0),
        today=number(plan.hosts_today),
        losses=losses,
    )
    if plan.binding is None:
        return sentence
    binding = gettext("{resource} runs out first.").format(resource=resource_of(plan.binding))
    return f"{sentence} {binding}"


def _unknown(plan: ClusterPlan) -> str:
    if plan.hosts_needed is None:
        return gettext(
            "No host of this cluster is known: describe one, and the plan says how many are needed."
        )
    return gettext(
        "No host of this cluster is known; {needed} would be needed to carry the load with {losses}."
    ).format(needed=number(plan.hosts_needed), losses=losses_of(plan.failures_asked))


def _some(names: list[str]) -> str:
    if len(names) <= NAMES_IN_A_SENTENCE:
        return ", ".join(names)
    return gettext("{names} and {count} more").format(
        names=", ".join(names[:NAMES_IN_A_SENTENCE]), count=number(len(names) - NAMES_IN_A_SENTENCE)
    )

"""PlanReport: everything a plan says, each number with its formula and its inputs; no rendering.

The types here, and those of the rooms below that are named again here, are the contract between the
planner and every screen, export and command line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from planner.checker import Violation, check
from planner.consolidation import (
    NO_CLUSTER,
    ClusterSummary,
    Members,
    Totals,
    assumptions,
    figures,
    members,
    summarize,
    totals,
)
from planner.cost.first import Fleet, Money, Prices, fleets_of, price, together
from planner.demand import Capacity
from planner.estate import Estate, Rule
from planner.explain import admission_figures, sizing_figures, storage_figures, usage_figures
from planner.figure import Figure
from planner.parameters import ParameterError, Parameters, check_parameters, prices_of, wish_of
from planner.quality import Quality, Reading
from planner.remarks import refusals_of, remarks_of
from planner.sentence import Sentence
from planner.sizing import (
    HostModel,
    Need,
    Resource,
    Sizing,
    Template,
    Wish,
    average_vm,
    free_room,
    give_of_model,
    size,
    template_of,
)
from planner.storage import Storage, storage_of

__all__ = [
    "ClusterPlan",
    "ClusterSummary",
    "HostModel",
    "Money",
    "Need",
    "ParameterError",
    "Parameters",
    "PlanReport",
    "Ratios",
    "Resource",
    "Template",
    "Totals",
    "plan",
]

HOST_RULES: Final = ("must-run-on", "must-not-run-on")


OnCluster: TypeAlias = Callable[[str, int, int], None]


class JudgeError(RuntimeError):
    """The placement broke a capacity or a rule: a fault of ours, so nothing is printed."""


class Ratios(Struct, frozen=True, kw_only=True):
    """Consolidation today and, planned, on the hosts that carry the load; None where no host is known."""

    vcpu_per_core: float | None
    vcpu_per_core_n1: float | None
    vms_per_host: float | None
    memory: float | None
    vcpu_per_core_planned: float | None
    vms_per_host_planned: float | None


class ClusterPlan(Struct, frozen=True, kw_only=True):
    """What one cluster has, needs, tolerates and costs.

    `hosts_for_load` carry the load; `hosts_needed` = for load + failures.  `lower_bound` is what no plan
    can beat for the load.  None where the cluster has no host to count in and none was given.
    """

    name: str
    summary: ClusterSummary
    hosts_today: int
    hosts_for_load: int | None
    hosts_needed: int | None
    lower_bound: int | None
    binding: Resource | None
    fits: bool | None
    failures_asked: int
    failures_tolerated_today: int | None
    free_vms: int | None
    template: Template | None
    host_model: HostModel | None
    needs: tuple[Need, ...]
    figures: tuple[Figure, ...]
    assumptions: tuple[Sentence, ...]
    refusals: tuple[Sentence, ...]
    cost: tuple[Money, ...]
    ratios: Ratios


class PlanReport(Struct, frozen=True, kw_only=True):
    """The whole answer.  `cost` prices all clusters as one order."""

    quality: Quality
    parameters: Parameters
    totals: Totals
    clusters: tuple[ClusterPlan, ...]
    assumptions: tuple[Sentence, ...] = ()
    cost: tuple[Money, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether every cluster that could be judged carries its load with the failures asked for."""
        return all(cluster.fits is not False for cluster in self.clusters)


def _unfollowed(_name: str, _place: int, _count: int) -> None:
    """Nobody asked to be told."""


def plan(reading: Reading, parameters: Parameters, on_cluster: OnCluster = _unfollowed) -> PlanReport:
    """Plan every cluster of an estate, or the one asked for.

    Args:
        reading: the estate, and how well it could be read.
        parameters: what is asked for.
        on_cluster: is told each cluster as it begins: its name, its place (from 1) and how many there are.

    Raises:
        ParameterError: a parameter out of range, or a cluster or template that is not there.  A
            cluster that does not fit is not an error.
    """
    check_parameters(parameters)
    estate = reading.estate
    clusters = members(estate)
    chosen = _chosen(clusters, parameters.cluster)
    template = _template(estate, parameters.template)
    rules = _rules_by_cluster(estate, clusters)
    prices = prices_of(parameters)
    plans, fleets = [], []
    for place, cluster in enumerate(chosen, start=1):
        on_cluster(cluster.name, place, len(chosen))
        storage = storage_of(cluster, estate.datastores, alone=len(clusters) == 1)
        one, priced = _plan_cluster(
            cluster, storage, rules.get(cluster.name, []), parameters, prices, template
        )
        plans.append(one)
        fleets.extend(priced)
    counted = totals(estate)
    return PlanReport(
        quality=reading.quality,
        parameters=parameters,
        totals=counted,
        clusters=tuple(plans),
        assumptions=(*_estate_remarks(clusters, counted), *_rows_lost(reading.quality)),
        cost=tuple(line for fleet in together(fleets) for line in price(fleet, prices)),
    )


def failures_tolerated(reading: Reading, parameters: Parameters) -> dict[str, int]:
    """Give the host failures that each cluster tolerates today, by name: those of `plan`, without the rest.

    A cluster without hosts tolerates none.

    Raises:
        ParameterError: a parameter out of range, or a cluster that is not there.
    """
    check_parameters(parameters)
    estate, wish = reading.estate, wish_of(parameters)
    clusters = members(estate)
    rules = _rules_by_cluster(estate, clusters)
    found = {}
    for cluster in _chosen(clusters, parameters.cluster):
        storage = storage_of(cluster, estate.datastores, alone=len(clusters) == 1)
        sizing = _sized(cluster, storage, rules.get(cluster.name, []), wish)
        found[cluster.name] = sizing.failures_tolerated_today or 0
    return found


def _plan_cluster(
    cluster: Members,
    storage: Storage,
    rules: Sequence[Rule],
    parameters: Parameters,
    prices: Prices,
    template: Template | None,
) -> tuple[ClusterPlan, list[Fleet]]:
    wish = wish_of(parameters)
    sizing = _sized(cluster, storage, rules, wish)
    template = template or average_vm(cluster.vms)
    free_vms = free_room(sizing, storage, template, rules, wish.failures) if template else None
    summary = summarize(cluster)
    opened = (
        *figures(summary),
        *sizing_figures(sizing, wish, template, free_vms),
        *storage_figures(storage),
        *admission_figures(cluster, wish.failures),
        *usage_figures(cluster.hosts),
    )
    fleets = fleets_of(cluster, sizing, wish)
    needed = None if sizing.hosts_for_load is None else sizing.hosts_for_load + wish.failures
    one = ClusterPlan(
        name=cluster.name,
        summary=summary,
        hosts_today=len(cluster.hosts),
        hosts_for_load=sizing.hosts_for_load,
        hosts_needed=needed,
        lower_bound=sizing.lower_bound,
        binding=sizing.binding,
        fits=_fits(sizing, storage, wish),
        failures_asked=wish.failures,
        failures_tolerated_today=sizing.failures_tolerated_today,
        free_vms=free_vms,
        template=template,
        host_model=sizing.host_model,
        needs=sizing.needs,
        figures=opened,
        assumptions=(*assumptions(cluster.vms), *remarks_of(cluster, sizing, storage, rules, wish)),
        refusals=refusals_of(sizing, storage, rules, wish),
        cost=tuple(line for fleet in fleets for line in price(fleet, prices)),
        ratios=_ratios(opened),
    )
    return one, fleets


def _fits(sizing: Sizing, storage: Storage, wish: Wish) -> bool | None:
    """Judge the real hosts; a described host that cannot hold a VM does not fit either.  None: no host."""
    impossible = sizing.packing is not None and not sizing.packing.complete
    if storage.fits is False or (impossible and (wish.names_host or sizing.tolerance is None)):
        return False
    return sizing.tolerance.carried if sizing.tolerance is not None else None


def _sized(cluster: Members, storage: Storage, rules: Sequence[Rule], wish: Wish) -> Sizing:
    """Size a cluster, and have what that stands on counted again."""
    sizing = size(cluster, storage, rules, wish)
    _judge(sizing, rules, wish)
    return sizing


def _judge(sizing: Sizing, rules: Sequence[Rule], wish: Wish) -> None:
    """Have every placement that the report stands on counted again by the checker."""
    nameless = [rule for rule in rules if rule.kind not in HOST_RULES]
    wrong: list[Violation] = []
    if sizing.packing is not None and sizing.host_model is not None:
        gives = [give_of_model(sizing.host_model, wish.vcpu_per_core)] * len(sizing.packing.hosts)
        offered = Capacity.of(sizing.packing.hosts, gives)
        refused = [refusal.vm for refusal in sizing.packing.refusals]
        wrong += check(sizing.packing.placed, sizing.load, offered, nameless, refused)
    if sizing.tolerance is not None:
        binding = nameless if sizing.tolerance.worst_case == "identical" else rules
        for offered, placement in sizing.tolerance.placements:
            refused = [refusal.vm for refusal in placement.refusals]
            wrong += check(placement.placed, sizing.load, offered, binding, refused)
    if wrong:
        raise JudgeError(f"{len(wrong)} violations, the first: {wrong[0].message}")


def _ratios(opened: Sequence[Figure]) -> Ratios:
    values = {figure.id: figure.value for figure in opened}

    def number(figure: str) -> float | None:
        value = values[figure]
        return float(value) if isinstance(value, (int, float)) else None

    return Ratios(
        vcpu_per_core=number("vcpu_per_core"),
        vcpu_per_core_n1=number("vcpu_per_core_n1"),
        vms_per_host=number("vms_per_host"),
        memory=number("memory_ratio"),
        vcpu_per_core_planned=number("vcpu_per_core_planned"),
        vms_per_host_planned=number("vms_per_host_planned"),
    )


def _chosen(clusters: Sequence[Members], name: str | None) -> Sequence[Members]:
    if name is None:
        return clusters
    chosen = [cluster for cluster in clusters if cluster.name == name]
    if not chosen:
        known = ", ".join(cluster.name for cluster in clusters)
        raise ParameterError(
            Sentence("there is no cluster {name}; there are: {known}", {"name": name, "known": known})
        )
    return chosen


def _template(estate: Estate, name: str | None) -> Template | None:
    if name is None:
        return None
    for vm in estate.vms:
        if vm.name == name:
            return template_of(vm)
    raise ParameterError(Sentence("there is no VM or template {name}", {"name": name}))


def _rules_by_cluster(estate: Estate, clusters: Sequence[Members]) -> Mapping[str, list[Rule]]:
    """Give each cluster the rules that name one of its VMs."""
    cluster_of = {vm.name: cluster.name for cluster in clusters for vm in cluster.vms}
    found: dict[str, list[Rule]] = {}
    for rule in estate.rules:
        for name in sorted({cluster_of[vm] for vm in rule.vms if vm in cluster_of}):
            found.setdefault(name, []).append(rule)
    return found


def _estate_remarks(clusters: Sequence[Members], counted: Totals) -> tuple[Sentence, ...]:
    """Say what of the estate is in no plan, or in one that we made up."""
    if [cluster.name for cluster in clusters] == [NO_CLUSTER]:
        return (Sentence("The estate names no cluster: all its hosts and VMs are planned as one"),)
    vms, hosts = counted.vms_without_cluster, counted.hosts_without_cluster
    if not vms and not hosts:
        return ()
    return (
        Sentence(
            "VMs ({vms}) and hosts ({hosts}) of no cluster are in no plan",
            {"vms": vms, "hosts": hosts},
        ),
    )


def _rows_lost(quality: Quality) -> tuple[Sentence, ...]:
    """Say that the plan knows nothing of the VMs whose rows could not be used."""
    lost = sum(sheet.vms_lost for sheet in quality.sheets)
    if not lost:
        return ()
    return (
        Sentence(
            "Rows of vInfo that could not be used ({count}): what their VMs need is in no plan",
            {"count": lost},
        ),
    )

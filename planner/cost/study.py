"""An estate priced several ways under the same assumptions: as it stands, and planned on each platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from planner.admission import tolerates
from planner.consolidation import Members, members
from planner.cost.assumptions import Assumptions, check_assumptions
from planner.cost.beside import fleet_beside
from planner.cost.bill import Bill, bill
from planner.cost.book import BookError, Prices
from planner.cost.design import Design
from planner.cost.features import Feature, Use, uses
from planner.cost.fleets import Fleet, demands_of, fleet_of, fleet_today, joined
from planner.cost.guests import guest_of
from planner.cost.machine import Machine
from planner.cost.platforms import PLATFORMS, Choice, Platform, choose
from planner.demand import capacity_of, load_of
from planner.estate import Estate, Rule
from planner.sentence import Sentence, Value
from planner.sizing import Wish, host_model

TODAY: Final = "today"


class Question(Struct, frozen=True, kw_only=True):
    """What to price: on which platforms, on which hosts, coming from where.

    `machine` None: hosts of today's kind, as many as are needed.  `editions` names the edition to order
    on a platform; without, the features in use decide.  `cluster` None: all of them as one order.
    `bought_hosts` are those of the estate that still have to be paid.  `complete`: where today's hosts do
    not carry the load, its growth and the failures, the missing ones are bought beside them.
    """

    platforms: tuple[str, ...] = ("vmware",)
    platform_today: str = "vmware"
    editions: Mapping[str, str] = {}
    machine: Machine | None = None
    cluster: str | None = None
    bought_hosts: frozenset[str] = frozenset()
    complete: bool = False


class Study(Struct, frozen=True, kw_only=True):
    """The bills, today's first where there are hosts, then one for each platform; what to know of them."""

    assumptions: Assumptions
    bills: tuple[Bill, ...]
    remarks: tuple[Sentence, ...]

    def bill(self, key: str) -> Bill | None:
        """The bill of that design."""
        return next((one for one in self.bills if one.design.key == key), None)


def study(estate: Estate, question: Question, assumptions: Assumptions, prices: Prices) -> Study:
    """Price an estate as it stands and on each platform asked for.

    The hosts of all platforms come from the same placement, so that none is favoured by a rule of thumb.

    Raises:
        BookError: an unknown cluster, platform or edition, or assumptions out of range.
    """
    check_assumptions(assumptions)
    check_question(question)
    clusters = chosen_clusters(estate, question.cluster)
    needed = features_in_use(estate, clusters)
    bills: list[Bill] = []
    remarks = _gaps(estate, clusters)
    fleets = planned_fleets(estate, clusters, question.machine, assumptions)
    standing = [
        standing_fleet(estate, cluster, fleet, question, assumptions)
        for cluster, fleet in zip(clusters, fleets, strict=True)
        if cluster.hosts
    ]
    if standing:
        design = _design_today(standing, needed, question, assumptions, prices)
        bills.append(bill(design, assumptions, prices))
        remarks += design.choice.why
    stuck = [fleet for fleet in fleets if fleet.refused]
    remarks += [_no_room(fleet) for fleet in stuck]
    planned = bool(fleets) and not stuck
    for key in dict.fromkeys(question.platforms) if planned else ():
        design_or_why = _design_planned(PLATFORMS[key], fleets, needed, question, assumptions, prices)
        if isinstance(design_or_why, Design):
            bills.append(bill(design_or_why, assumptions, prices))
            remarks += design_or_why.choice.why
        else:
            remarks += design_or_why.why
    return Study(assumptions=assumptions, bills=tuple(bills), remarks=_once(remarks))


def _once(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    return tuple({str(sentence): sentence for sentence in sentences}.values())


def chosen_clusters(estate: Estate, name: str | None) -> tuple[Members, ...]:
    """All clusters that have VMs or hosts, or the one asked for."""
    found = members(estate)
    if name is None:
        return found
    chosen = tuple(cluster for cluster in found if cluster.name == name)
    if not chosen:
        known = ", ".join(cluster.name for cluster in found)
        raise BookError(
            Sentence("there is no cluster {name}; there are: {known}", {"name": name, "known": known})
        )
    return chosen


def planned_fleets(
    estate: Estate, clusters: Sequence[Members], machine: Machine | None, assumptions: Assumptions
) -> list[Fleet]:
    """Count the hosts of each cluster, of the kind asked for or of its own."""
    fleets = []
    for cluster in clusters:
        kind = machine or own_kind(cluster, assumptions)
        if kind is None:
            fleets.append(Fleet(cluster=cluster.name, years=(), refused=tuple(vm.name for vm in cluster.vms)))
            continue
        owned = 0 if machine is not None else len(cluster.hosts)
        rules = rules_of(estate, cluster)
        demands = demands_of(cluster, assumptions, rules)
        fleets.append(fleet_of(cluster.name, demands, rules, kind, assumptions, owned))
    return fleets


def standing_fleet(
    estate: Estate, cluster: Members, planned: Fleet, question: Question, assumptions: Assumptions
) -> Fleet:
    """Take today's hosts as they stand, and those that are missing beside them where that is asked for.

    The kind of a missing host is that of `planned`; where no host of it carries a VM, none is added.
    """
    rules = rules_of(estate, cluster)
    if not question.complete or not planned.years:
        return fleet_today(cluster, assumptions, question.bought_hosts, rules)
    whole = fleet_beside(
        cluster,
        demands_of(cluster, assumptions, rules),
        rules,
        planned.years[0].batches[0].machine,
        assumptions,
        planned.years[-1].hosts,
        question.bought_hosts,
    )
    return whole if whole.years else fleet_today(cluster, assumptions, question.bought_hosts, rules)


def falling_short(
    estate: Estate, clusters: Sequence[Members], assumptions: Assumptions
) -> tuple[tuple[str, int], ...]:
    """Name the clusters whose hosts do not carry the load and the failures, and the first such year.

    Years count from 1; the load is that of the plan's growth.  Where a quick placement fails, one with all
    effort is asked before anything is said.
    """
    found = []
    for cluster in clusters:
        if not cluster.hosts:
            continue
        rules = rules_of(estate, cluster)
        capacity = capacity_of(cluster.hosts, assumptions.vcpu_per_core)
        for year, demand in enumerate(demands_of(cluster, assumptions, rules), start=1):
            if not any(
                tolerates(demand.load, capacity, rules, assumptions.failures, quick=quick).carried
                for quick in (True, False)
            ):
                found.append((cluster.name, year))
                break
    return tuple(found)


def own_kind(cluster: Members, assumptions: Assumptions) -> Machine | None:
    """The cluster's most common kind of host that holds every VM, as the plan counts in."""
    wish = Wish(failures=assumptions.failures, vcpu_per_core=assumptions.vcpu_per_core)
    model = host_model(cluster.hosts, load_of(cluster.vms), wish)
    if model is None:
        return None
    return Machine(
        name=model.name,
        sockets=model.sockets,
        cores=model.cores,
        memory_mib=model.memory_mib,
        cpu_mhz=model.cpu_mhz or 0.0,
    )


def rules_of(estate: Estate, cluster: Members) -> list[Rule]:
    """The rules that name a VM of the cluster."""
    names = {vm.name for vm in cluster.vms}
    return [rule for rule in estate.rules if names & set(rule.vms)]


def check_question(question: Question) -> None:
    """Refuse platforms and editions that are not known."""
    for key in (*question.platforms, question.platform_today, *question.editions):
        if key not in PLATFORMS:
            said: dict[str, Value] = {"name": key, "known": ", ".join(PLATFORMS)}
            raise BookError(Sentence("there is no platform {name}; there are: {known}", said))
    for key, edition in question.editions.items():
        known = [one.key for one in PLATFORMS[key].editions]
        if edition not in known:
            raise BookError(
                Sentence(
                    "there is no edition {name}; there are: {known}",
                    {"name": edition, "known": ", ".join(known)},
                )
            )


def features_in_use(estate: Estate, clusters: Sequence[Members]) -> tuple[Use, ...]:
    """What any of the clusters uses, each feature once; one edition serves them all."""
    found: dict[Feature, Use] = {}
    for cluster in clusters:
        for use in uses(estate, cluster):
            found.setdefault(use.feature, use)
    return tuple(found.values())


def _choice(
    platform: Platform, needed: Sequence[Use], question: Question, assumptions: Assumptions, prices: Prices
) -> Choice:
    wanted = question.editions.get(platform.key)
    return choose(platform, needed, prices, assumptions.prices_day, wanted)


def _design_today(
    fleets: Sequence[Fleet],
    needed: Sequence[Use],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
) -> Design:
    choice = _choice(PLATFORMS[question.platform_today], needed, question, assumptions, prices)
    return Design(key=TODAY, name=TODAY, choice=choice, years=joined(fleets), uses=tuple(needed))


def _design_planned(
    platform: Platform,
    fleets: Sequence[Fleet],
    needed: Sequence[Use],
    question: Question,
    assumptions: Assumptions,
    prices: Prices,
) -> Design | Choice:
    choice = _choice(platform, needed, question, assumptions, prices)
    if choice.edition is None:
        return choice
    years = joined(fleets)
    new = platform.key != question.platform_today
    vms = years[0].vms if years else 0
    return Design(
        key=platform.key,
        name=platform.name,
        choice=choice,
        years=years,
        uses=tuple(needed),
        moved_vms=vms if new else 0,
        new_platform=new,
    )


def _no_room(fleet: Fleet) -> Sentence:
    said: dict[str, Value] = {"cluster": fleet.cluster, "vms": len(fleet.refused), "first": fleet.refused[0]}
    return Sentence("{cluster}: no host of this kind carries {vms} VMs, the first is {first}", said)


def _gaps(estate: Estate, clusters: Sequence[Members]) -> list[Sentence]:
    """What the export leaves open, and what was taken instead."""
    load = [vm for cluster in clusters for vm in cluster.vms if vm.is_load]
    hosts = {host.name for cluster in clusters for host in cluster.hosts}
    silent = sum(guest_of(vm) == "unknown" for vm in load)
    homeless = sum(vm.host not in hosts for vm in load) if hosts else 0
    told = {row.name for row in estate.clusters if row.drs_enabled is not None}
    open_drs = ", ".join(cluster.name for cluster in clusters if cluster.name not in told)
    said: list[tuple[int, Sentence]] = [
        (
            silent,
            Sentence("Running VMs without an operating system in the export ({count}): no guest licence"),
        ),
        (
            homeless,
            Sentence("Running VMs whose host is not told ({count}) are dealt out evenly for guest licences"),
        ),
    ]
    remarks = [Sentence(one.template, {"count": count}) for count, one in said if count]
    if open_drs:
        names: dict[str, Value] = {"clusters": open_drs}
        remarks.append(
            Sentence("Whether DRS is on is not told for {clusters}; it is taken to be in use", names)
        )
    return remarks

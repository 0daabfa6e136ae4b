"""The answer to "place this": who runs where on the fewest hosts, the proof, the refusals, the reserve.

Each cluster is placed for itself, for VMs do not leave their cluster.  VMs of no cluster belong to the
only one there is; where there are several they are placed on the hosts of no cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from msgspec import Struct

from planner.checker import Violation, check, check_reach
from planner.consolidation import NO_CLUSTER, Members, members
from planner.contradictions import contradictions
from planner.demand import Capacity, Load, capacity_of, load_of
from planner.disks import without_room
from planner.estate import Estate, Rule
from planner.lost_together import ALONE, host_groups
from planner.parameters import ParameterError, Parameters, check_known, check_parameters, wish_of
from planner.placement import Placement, consolidate, pack
from planner.preferences import Unmet, settle, wishes_of
from planner.rates import rates_told
from planner.reach import Reach, reach_of
from planner.refusal import Reason, ReasonCount, Refusal
from planner.reserve import Question, Reserve, reserve
from planner.sentence import Sentence
from planner.sizing import give_of_model, host_model
from planner.tables import tabulate


class JudgeError(RuntimeError):
    """The placement broke a capacity or a rule: a fault of ours, so nothing is printed."""


class Placed(Struct, frozen=True, kw_only=True, eq=False):
    """One cluster: the placement, what contradicted before it, what it would rather have, its reserve.

    `hosts_needed` is hosts used + those kept for failures; None where not even all hosts carry them.
    `new_hosts`: the hosts are still to be bought.  `notes` say what was not judged for want of figures.
    """

    name: str
    hosts_offered: int
    placement: Placement
    contradictions: tuple[Sentence, ...]
    unmet: Unmet
    failures: int
    group: str
    hosts_needed: int | None
    reserve: Reserve | None
    new_hosts: bool
    notes: tuple[Sentence, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether everybody has a host, also after the failures asked for."""
        return self.placement.complete and self.hosts_needed is not None


class PlacingReport(Struct, frozen=True, kw_only=True, eq=False):
    """All clusters, and their sums: no placement beats the sum of their bounds, for none shares a host."""

    clusters: tuple[Placed, ...]

    @property
    def fits(self) -> bool:
        """Whether every cluster fits."""
        return all(cluster.fits for cluster in self.clusters)

    @property
    def hosts_used(self) -> int:
        """Hosts that hold a VM."""
        return sum(cluster.placement.hosts_used for cluster in self.clusters)

    @property
    def lower_bound(self) -> int:
        """Hosts that no placement of the placed VMs can do without."""
        return sum(cluster.placement.lower_bound for cluster in self.clusters)

    @property
    def bound_method(self) -> str:
        """What proves the bound, each method once."""
        return ", ".join(dict.fromkeys(cluster.placement.bound_method for cluster in self.clusters))

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every VM without a host."""
        return tuple(refusal for cluster in self.clusters for refusal in cluster.placement.refusals)

    @property
    def placed(self) -> dict[str, str]:
        """VM -> host, of all clusters."""
        return {vm: host for cluster in self.clusters for vm, host in cluster.placement.placed.items()}


def place_estate(
    estate: Estate, parameters: Parameters, group: str = ALONE, new_hosts: bool = False
) -> PlacingReport:
    """Place every running VM of an estate anew, on the fewest hosts that are there or on new ones.

    Args:
        estate: hosts, VMs, rules, datastores, networks.
        parameters: failures to carry, vCPUs a core, the cluster asked for, the host to buy.
        group: what fails at once: "host", or what hosts share; see `planner.lost_together`.
        new_hosts: pack on identical new hosts instead of those that are there.

    Raises:
        ParameterError: a parameter out of range, a cluster that is not there, or no host described
            where new ones are asked for.  A VM that finds no host is not an error.
    """
    check_parameters(parameters)
    if new_hosts and group != ALONE:
        raise ParameterError(Sentence("new hosts stand in no rack and no site yet"))
    check_known(estate.hosts, group)
    clusters = _clusters(estate)
    chosen = [one for one in clusters if parameters.cluster in (None, one.name)]
    if parameters.cluster is not None and not chosen:
        known = ", ".join(cluster.name for cluster in clusters)
        raise ParameterError(
            Sentence(
                "there is no cluster {name}; there are: {known}", {"name": parameters.cluster, "known": known}
            )
        )
    if new_hosts:
        return PlacingReport(clusters=tuple(_packed(estate, one, parameters, len(chosen)) for one in chosen))
    return PlacingReport(clusters=tuple(_placed(estate, one, parameters, group) for one in chosen))


def _clusters(estate: Estate) -> list[Members]:
    """Give the clusters; what belongs to none joins the only one, or is one of its own."""
    clusters = list(members(estate))
    hosts = {host.name for cluster in clusters for host in cluster.hosts}
    vms = {vm.name for cluster in clusters for vm in cluster.vms}
    rest = Members(
        name=NO_CLUSTER,
        hosts=tuple(host for host in estate.hosts if host.name not in hosts),
        vms=tuple(vm for vm in estate.vms if vm.name not in vms),
    )
    if len(clusters) == 1 and not rest.hosts:
        return [msgspec.structs.replace(clusters[0], vms=(*clusters[0].vms, *rest.vms))]
    return [*clusters, rest] if rest.hosts or rest.vms else clusters


def _packed(estate: Estate, cluster: Members, parameters: Parameters, clusters: int) -> Placed:
    """Pack one cluster on identical new hosts; as many again as may fail are kept empty.

    They are all alike, so that losing any k of them leaves as many as the packing needs: the packing is
    itself the re-placement.
    """
    wish = wish_of(parameters)
    load = load_of(cluster.vms)
    model = host_model(cluster.hosts, load, wish)
    if model is None:
        raise ParameterError(
            Sentence("{cluster}: describe the new host by its cores and memory", {"cluster": cluster.name})
        )
    give = give_of_model(model, wish.vcpu_per_core)
    placement = pack(load, give, estate.rules)
    offered = Capacity.of(placement.hosts, [give] * len(placement.hosts))
    nameless = [rule for rule in estate.rules if rule.kind not in ("must-run-on", "must-not-run-on")]
    _judge(placement, load, offered, nameless)
    if clusters > 1:
        placement = _prefixed(placement, cluster.name)
    return Placed(
        name=cluster.name,
        hosts_offered=len(placement.hosts),
        placement=placement,
        contradictions=_nameless_contradictions(load, placement, nameless),
        unmet=Unmet(),
        failures=wish.failures,
        group=ALONE,
        hosts_needed=placement.hosts_used + wish.failures if placement.complete else None,
        reserve=None,
        new_hosts=True,
        notes=rates_told((), cluster.vms),
    )


def _nameless_contradictions(load: Load, placement: Placement, rules: Sequence[Rule]) -> tuple[Sentence, ...]:
    """Find contradictions that as many hosts as there are copies would not mend."""
    if placement.complete:
        return ()
    size = load.needs.sum(axis=0)
    names = [f"\0{number}" for number in range(len(load.names))]
    return contradictions(load, Capacity(names=tuple(names), gives=np.tile(size, (len(names), 1))), rules)


def _prefixed(placement: Placement, cluster: str) -> Placement:
    """Tell the new hosts of several clusters apart."""
    return msgspec.structs.replace(
        placement,
        hosts=tuple(f"{cluster}/{host}" for host in placement.hosts),
        placed={vm: f"{cluster}/{host}" for vm, host in placement.placed.items()},
    )


def _placed(estate: Estate, cluster: Members, parameters: Parameters, group: str) -> Placed:
    """Consolidate one cluster on its hosts, then find the hosts that must stay for failures."""
    rules = _naming(estate.rules, cluster)
    reach = reach_of(estate, cluster.hosts, (vm for vm in cluster.vms if vm.is_load))
    load, capacity = load_of(cluster.vms), capacity_of(cluster.hosts, parameters.vcpu_per_core)
    said = contradictions(load, capacity, rules, reach)
    found = consolidate(load, capacity, rules, reach=reach)
    found, unmet = _settled(found, load, capacity, cluster, rules, reach)
    found = _with_disks(found, cluster, estate)
    found = _with_closed(found, len(cluster.hosts) - len(capacity.names))
    _judge(found, load, capacity, rules, estate)
    question = Question(
        load=load,
        rules=rules,
        reach=reach,
        groups=host_groups(cluster.hosts, group),
        failures=parameters.failures,
        placed=found.placed,
    )
    kept = _kept(question, capacity, found, estate)
    carried = found.complete and (kept is None or kept.carried)
    return Placed(
        name=cluster.name,
        hosts_offered=len(capacity.names),
        placement=found,
        contradictions=said,
        unmet=unmet,
        failures=parameters.failures,
        group=group,
        hosts_needed=(found.hosts_used if kept is None else len(kept.hosts)) if carried else None,
        reserve=kept,
        new_hosts=False,
        notes=rates_told(cluster.hosts, cluster.vms),
    )


def _naming(rules: Sequence[Rule], cluster: Members) -> list[Rule]:
    names = {vm.name for vm in cluster.vms}
    return [rule for rule in rules if not names.isdisjoint(rule.vms)]


def _settled(
    found: Placement, load: Load, capacity: Capacity, cluster: Members, rules: Sequence[Rule], reach: Reach
) -> tuple[Placement, Unmet]:
    """Give VMs the hosts that they would rather have, where that costs nothing."""
    ready = set(capacity.names)
    hosts = [host for host in cluster.hosts if host.name in ready]
    should, numa = wishes_of(hosts, cluster.vms, rules)
    if not should and not numa:
        return found, Unmet()
    rows = {name: row for row, name in enumerate(capacity.names)}
    tables = tabulate(load, capacity, rules, reach)
    names = [tables.name(row) for row in range(len(tables.units))]
    where = np.array([rows.get(found.placed.get(name, ""), -1) for name in names], np.int64)
    where, unmet = settle(tables, where, should, numa)
    placed = tables.placed(where)
    return msgspec.structs.replace(found, placed=placed, hosts_used=len({*placed.values()})), unmet


def _with_disks(found: Placement, cluster: Members, estate: Estate) -> Placement:
    """Refuse the new VMs whose disks find no room."""
    over = without_room(found.placed, cluster.vms, estate.datastores)
    if not over:
        return found
    placed = {vm: host for vm, host in found.placed.items() if vm not in set(over)}
    full = ReasonCount(reason=Reason.DATASTORE_FULL, hosts=len(found.hosts))
    return msgspec.structs.replace(
        found,
        placed=placed,
        refusals=(*found.refusals, *(Refusal(vm=vm, reasons=(full,)) for vm in over)),
        hosts_used=len({*placed.values()}),
        lower_bound=min(found.lower_bound, 1 if placed else 0),  # it spoke of those refused too
    )


def _with_closed(found: Placement, closed: int) -> Placement:
    """Count the hosts that take nobody among the reasons of each refusal."""
    if not closed:
        return found
    count = ReasonCount(reason=Reason.MAINTENANCE, hosts=closed)
    refusals = tuple(Refusal(vm=refusal.vm, reasons=(*refusal.reasons, count)) for refusal in found.refusals)
    return msgspec.structs.replace(found, refusals=refusals)


def _kept(question: Question, capacity: Capacity, found: Placement, estate: Estate) -> Reserve | None:
    """Find the reserve of a placement that is complete; each re-placement is judged too."""
    if not question.failures or not found.complete or not question.load.names:
        return None
    kept = reserve(question, capacity, sorted({*found.placed.values()}))
    for loss in kept.losses:
        _judge(loss.placement, question.load, loss.left, question.rules, estate)
    return kept


def _judge(
    found: Placement, load: Load, offered: Capacity, rules: Sequence[Rule], estate: Estate | None = None
) -> None:
    """Have a placement counted again by the checker."""
    refused = [refusal.vm for refusal in found.refusals]
    wrong: list[Violation] = check(found.placed, load, offered, rules, refused)
    if estate is not None:
        wrong += check_reach(found.placed, load, estate)
    if wrong:
        raise JudgeError(f"{len(wrong)} violations, the first: {wrong[0].message}")

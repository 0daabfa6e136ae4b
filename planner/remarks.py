"""What a plan assumes and why it does not fit, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from planner.admission import Tolerance
from planner.consolidation import Members
from planner.demand import KHZ, MEMORY, VCPU, Capacity, give_of
from planner.estate import Rule
from planner.placement import place
from planner.rates import rates_told
from planner.refusal import Refusal
from planner.sentence import Sentence, Value
from planner.sizing import KIB_PER_GIB, Sizing, Wish
from planner.storage import Storage
from planner.storage import refusals as storage_refusals

NAMED_MAX: Final = 20  # refused VMs that are told by name
THREADS_PER_CORE: Final = 2  # hyper-threading as Intel and AMD build it


def remarks_of(
    cluster: Members, sizing: Sizing, storage: Storage, rules: Sequence[Rule], wish: Wish
) -> tuple[Sentence, ...]:
    """Say what the plan of a cluster assumes, most weighty first; counting rules come from elsewhere."""
    if sizing.host_model is None:
        return (_NO_HOST, *storage.assumptions)
    return (
        Sentence(
            "{ratio} vCPUs share a core: a choice, for VMware publishes no universal ratio",
            {"ratio": wish.vcpu_per_core},
        ),
        _MEMORY,
        *_about_hosts(cluster, sizing, wish),
        *_about_vms(cluster, sizing),
        *_about_rules(sizing, rules),
        *_about_failures(sizing),
        *storage.assumptions,
    )


_NO_HOST: Final = Sentence("The cluster has no host: describe one by its cores and memory to size it")
_MEMORY: Final = Sentence(
    "Memory is not overcommitted: configured size and overhead of each running VM, less what a host keeps"
)
_MODEL: Final = Sentence("Hosts are counted in {model}: {cores} cores, {memory} GiB")
_DIFFER: Final = Sentence(
    "The hosts differ: hosts needed are counted in one model, whether it fits is judged on the real ones"
)


def _about_hosts(cluster: Members, sizing: Sizing, wish: Wish) -> list[Sentence]:
    model = sizing.host_model
    said = []
    if model is not None:
        values: dict[str, Value] = {
            "model": model.name,
            "cores": model.cores,
            "memory": round(model.memory_mib / 1024, 1),
        }
        said.append(Sentence(_MODEL.template, values))
    if len({(host.cores, host.memory_mib) for host in cluster.hosts}) > 1 and not wish.names_host:
        said.append(_DIFFER)
    out = len(cluster.hosts) - len(sizing.capacity.names)
    if out:
        said.append(Sentence("Hosts in maintenance or disconnected ({count}) carry nothing", {"count": out}))
    if sizing.load.total(KHZ) and any(not host.cpu_mhz for host in cluster.hosts):
        said.append(Sentence("Hosts tell no core speed: CPU reserved or measured is not held against it"))
    return said


def _about_vms(cluster: Members, sizing: Sizing) -> list[Sentence]:
    said = []
    shadows = len(sizing.load.names) - len(set(sizing.load.vms))
    if shadows:
        said.append(
            Sentence("FT VMs whose secondary is not listed ({count}) count twice", {"count": shadows})
        )
    said.extend((*_about_measured(cluster), *rates_told(cluster.hosts, cluster.vms)))
    model = sizing.host_model
    threads = THREADS_PER_CORE * model.cores if model is not None else 0
    wide = [vm for vm in cluster.vms if vm.is_load and vm.vcpus > threads]
    if model is not None and wide:
        widest = max(wide, key=lambda vm: (vm.vcpus, vm.name))
        values: dict[str, Value] = {
            "vm": widest.name,
            "vcpus": widest.vcpus,
            "threads": threads,
            "count": len(wide),
        }
        said.append(
            Sentence(
                "{vm} has {vcpus} vCPUs, a host at most {threads} threads: such VMs ({count}) do not start",
                values,
            )
        )
    return said


def _about_measured(cluster: Members) -> list[Sentence]:
    """Say what measured demand does: CPU counts beside the vCPUs, memory is planned as configured."""
    running = [vm for vm in cluster.vms if vm.is_load]
    cpu = sum(vm.cpu_demand_mhz is not None for vm in running)
    memory = sum(vm.memory_demand_mib is not None for vm in running)
    said = (
        (
            cpu,
            Sentence(
                "Running VMs with measured CPU ({count} of {vms}): it is held against cores x MHz of the "
                "hosts, without a margin, beside the vCPUs",
                {"count": cpu, "vms": len(running)},
            ),
        ),
        (
            memory,
            Sentence(
                "Running VMs with measured memory ({count} of {vms}): memory is planned as configured "
                "all the same",
                {"count": memory, "vms": len(running)},
            ),
        ),
    )
    return [sentence for count, sentence in said if count]


def _about_rules(sizing: Sizing, rules: Sequence[Rule]) -> list[Sentence]:
    soft = sum(rule.kind in ("should-run-on", "should-not-run-on") for rule in rules)
    tied = sum(rule.kind in ("must-run-on", "must-not-run-on") for rule in rules)
    said = []
    if soft:
        said.append(Sentence("Rules that are preferences ({count}) bind nothing here", {"count": soft}))
    if tied:
        said.append(
            Sentence(
                "Rules that name hosts ({count}) bind today's hosts, not those still to buy", {"count": tied}
            )
        )
    most = max((need.hosts or 0 for need in sizing.needs), default=0)
    if sizing.hosts_for_load is not None and sizing.hosts_for_load > most:
        said.append(
            Sentence(
                "Hosts beyond what the sums ask for ({count}): VMs are placed whole, and rules are kept",
                {"count": sizing.hosts_for_load - most},
            )
        )
    return said


def _about_failures(sizing: Sizing) -> list[Sentence]:
    if sizing.tolerance is None:
        return []
    said = [
        Sentence("After a failure VMs may be moved to make room, and all rules that must hold still hold")
    ]
    match sizing.tolerance.worst_case:
        case "identical":
            return said
        case "every-loss":
            said.append(
                Sentence("The hosts differ, or rules name some: every loss that could be the worst was tried")
            )
        case "largest-first":
            said.append(
                Sentence("The hosts differ: the largest ones are lost, so the answer holds whichever fail")
            )
        case "untried":
            said.append(
                Sentence("Rules name hosts in too many ways to try every loss: it counts as not carried")
            )
        case "lowered":
            said.append(
                Sentence("The hosts differ in many ways: some count for less than they give, to be safe")
            )
    return said


def refusals_of(sizing: Sizing, storage: Storage, rules: Sequence[Rule], wish: Wish) -> tuple[Sentence, ...]:
    """Say why the cluster does not fit; empty where it does, or where nobody can tell."""
    return (
        *_too_large(sizing, wish),
        *_no_room(sizing, rules),
        *storage_refusals(storage),
    )


def _too_large(sizing: Sizing, wish: Wish) -> list[Sentence]:
    """Name the VMs that no host of the plan holds, with what they need and what a host gives."""
    model, packing = sizing.host_model, sizing.packing
    if model is None or packing is None or packing.complete:
        return []
    give = give_of(
        cores=model.cores,
        cpu_mhz=model.cpu_mhz or 0.0,
        memory_mib=model.memory_mib,
        vcpu_per_core=wish.vcpu_per_core,
    )
    rows = {name: row for row, name in enumerate(sizing.load.names)}
    said = []
    for refusal in packing.refusals[:NAMED_MAX]:
        need = sizing.load.needs[rows[refusal.vm]].tolist()
        if need[MEMORY] > give[MEMORY]:
            values = {
                "vm": refusal.vm,
                "need": round(need[MEMORY] / KIB_PER_GIB, 1),
                "give": round(give[MEMORY] / KIB_PER_GIB, 1),
            }
            said.append(
                Sentence("{vm} needs {need} GiB with overhead; a host of the plan gives {give} GiB", values)
            )
        elif need[VCPU] > give[VCPU]:
            values = {"vm": refusal.vm, "need": need[VCPU] / 1000, "give": give[VCPU] / 1000}
            said.append(Sentence("{vm} needs {need} vCPUs; a host of the plan gives {give}", values))
        else:
            said.extend(refusal.sentences())
    return [*said, *_and_more(len(packing.refusals))]


def _no_room(sizing: Sizing, rules: Sequence[Rule]) -> list[Sentence]:
    """Say what has no place on the real hosts after the loss asked for."""
    tolerance = sizing.tolerance
    if tolerance is None or tolerance.carried:
        return []
    hosts = len(sizing.capacity.names)
    if not hosts:
        return [Sentence("No host of the cluster can run VMs: all are in maintenance or disconnected")]
    values: dict[str, Value] = {"failures": tolerance.failures, "hosts": hosts}
    if tolerance.worst_case == "untried":
        said = Sentence(
            "The loss of {failures} of {hosts} hosts was not tried: too many different ones", values
        )
    elif sizing.carried_today:
        said = Sentence("Not everything finds a place after the loss of {failures} of {hosts} hosts", values)
    else:
        said = Sentence("Not everything finds a place on the {hosts} hosts", values)
    refusals = _refused_after_loss(sizing, tolerance, rules)
    named = [sentence for refusal in refusals[:NAMED_MAX] for sentence in refusal.sentences()]
    return [said, *named, *_and_more(len(refusals))]


def _refused_after_loss(sizing: Sizing, tolerance: Tolerance, rules: Sequence[Rule]) -> Sequence[Refusal]:
    """Name who finds no host: after the loss asked for, or with all hosts where even those are too few."""
    if sizing.carried_today and tolerance.worst_case != "identical":
        return tolerance.placements[-1][1].refusals if tolerance.placements else ()
    lost = tolerance.failures if sizing.carried_today else 0
    left = max(0, len(sizing.capacity.names) - lost)
    kept = Capacity(names=sizing.capacity.names[:left], gives=sizing.capacity.gives[:left])
    return place(sizing.load, kept, rules).refusals if left else ()


def _and_more(refused: int) -> list[Sentence]:
    more = refused - NAMED_MAX
    return [Sentence("Further VMs without a host: {count}", {"count": more})] if more > 0 else []

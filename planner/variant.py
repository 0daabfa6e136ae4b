"""What if: a copy of the estate with changes, on top of another, or kept so that it reserves its room."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeAlias, assert_never

from msgspec import Meta, Struct
from msgspec.structs import replace

from planner.consolidation import Members, members
from planner.cost.assumptions import Assumptions, growing
from planner.cost.book import BookError
from planner.cost.databases import LICENCE
from planner.cost.levels import fault_tolerant
from planner.cost.machine import Machine
from planner.cost.pinning import pin
from planner.cost.study import rules_of
from planner.estate import VM, Estate, Host
from planner.sentence import Sentence, Value
from planner.units import MIB_PER_GIB

NEW_VMS_MAX: Final = 100_000
NAMES_SHOWN: Final = 3
VCPUS_PER_CORE: Final = 4  # as much memory as a full host has stands for as many vCPUs a core
PRODUCT_NAMES: Final = {
    "windows": "Windows Server",
    "sql": "SQL Server Enterprise",
    "oracle": "Oracle Database Enterprise Edition",
}
COMMITTED: Final = "headroom:committed"


class AddVms(Struct, frozen=True, kw_only=True, tag="add-vms"):
    """So many VMs like one of the estate, running in its cluster or another."""

    count: Annotated[int, Meta(ge=1, le=NEW_VMS_MAX)]
    like: str
    cluster: str | None = None


class DropVms(Struct, frozen=True, kw_only=True, tag="drop-vms"):
    """VMs switched off for good."""

    names: tuple[str, ...]


class DropHosts(Struct, frozen=True, kw_only=True, tag="drop-hosts"):
    """Hosts taken away."""

    names: tuple[str, ...]


class RefreshHosts(Struct, frozen=True, kw_only=True, tag="refresh-hosts"):
    """All hosts of a cluster replaced by so many of one model."""

    cluster: str
    machine: Machine
    count: Annotated[int, Meta(ge=1, le=10_000)]


class Protect(Struct, frozen=True, kw_only=True, tag="protect"):
    """FT for these VMs."""

    names: tuple[str, ...]


class Failures(Struct, frozen=True, kw_only=True, tag="failures"):
    """Another number of host failures to carry."""

    count: Annotated[int, Meta(ge=0, le=1000)]


class Growth(Struct, frozen=True, kw_only=True, tag="growth"):
    """More load each year, in percent."""

    percent: Decimal


class License(Struct, frozen=True, kw_only=True, tag="license"):
    """A product licensed by host runs in these VMs; `pinned`: they are kept on as few hosts as carry them."""

    names: tuple[str, ...]
    product: Literal["windows", "sql", "oracle"]
    pinned: bool = True


Change: TypeAlias = AddVms | DropVms | DropHosts | RefreshHosts | Protect | Failures | Growth | License


class Variant(Struct, frozen=True, kw_only=True):
    """Changes under a name, on top of another variant or of the estate itself."""

    name: str
    changes: tuple[Change, ...]
    base: Variant | None = None

    @property
    def stack(self) -> tuple[Change, ...]:
        """All changes, the deepest first."""
        return (*(self.base.stack if self.base else ()), *self.changes)


def applied(
    estate: Estate, assumptions: Assumptions, variant: Variant
) -> tuple[Estate, Assumptions, tuple[Sentence, ...]]:
    """Make the changes of a variant, one after the other, on a copy.

    Raises:
        BookError: a change that names a VM, host or cluster which is not there at that point.
    """
    remarks: tuple[Sentence, ...] = ()
    for number, change in enumerate(variant.stack):
        match change:
            case Failures(count=count):
                assumptions = replace(assumptions, failures=count)
            case Growth(percent=percent):
                assumptions = growing(assumptions, percent)
            case Protect(names=names):
                _all_there("VM", names, {vm.name for vm in estate.vms})
                estate, said = fault_tolerant(estate, frozenset(names))
                remarks += said
            case License():
                estate, said = _licensed(estate, change, assumptions)
                remarks += said
            case _:
                estate = _changed(estate, change, number)
    return estate, assumptions, remarks


def _licensed(
    estate: Estate, change: License, assumptions: Assumptions
) -> tuple[Estate, tuple[Sentence, ...]]:
    """Mark the VMs, and keep them on few hosts by a rule that the placement obeys."""
    _all_there("VM", change.names, {vm.name for vm in estate.vms})
    names = set(change.names)
    if change.product != "windows":
        vms = tuple(
            replace(vm, attributes={**vm.attributes, LICENCE: change.product}) if vm.name in names else vm
            for vm in estate.vms
        )
        estate = replace(estate, vms=vms)
    if not change.pinned:
        return estate, ()
    remarks: tuple[Sentence, ...] = ()
    for cluster in members(estate):
        own = [vm.name for vm in cluster.vms if vm.name in names and vm.is_load]
        if own:
            estate, said = _pinned(estate, cluster, own, change.product, assumptions)
            remarks += (said,)
    return estate, remarks


def _pinned(
    estate: Estate, cluster: Members, names: Sequence[str], product: str, assumptions: Assumptions
) -> tuple[Estate, Sentence]:
    found = pin(cluster, names, rules_of(estate, cluster), assumptions)
    said: dict[str, Value] = {"vms": len(names), "cluster": cluster.name}
    if found is None:
        return estate, Sentence("{cluster}: {vms} licensed VMs cannot be kept on fewer hosts", said)
    counts = {
        "windows": (found.cores, found.cores_everywhere),
        "sql": (found.sql_cores, found.sql_cores_everywhere),
        "oracle": (found.oracle, found.oracle_everywhere),
    }
    said |= {"hosts": ", ".join(found.hosts), "with": counts[product][0], "without": counts[product][1]}
    rules = (*estate.rules, replace(found.rule, name=f"licences {product}"))
    return replace(estate, rules=rules), Sentence(
        "{cluster}: {vms} licensed VMs are kept on {hosts}: {with} licences to count instead of {without}",
        said,
    )


def _changed(estate: Estate, change: Change, number: int) -> Estate:
    match change:
        case AddVms():
            return _with_vms(estate, change, number)
        case DropVms(names=names):
            _all_there("VM", names, {vm.name for vm in estate.vms})
            return _without(estate, vms=frozenset(names))
        case DropHosts(names=names):
            _all_there("host", names, {host.name for host in estate.hosts})
            return _without(estate, hosts=frozenset(names))
        case RefreshHosts():
            return _refreshed(estate, change)
        case _:
            return estate


def _with_vms(estate: Estate, change: AddVms, number: int) -> Estate:
    model = next((vm for vm in estate.vms if vm.name == change.like), None)
    if model is None:
        raise BookError(Sentence("there is no VM or template {name}", {"name": change.like}))
    if change.cluster is not None:
        _all_there("cluster", [change.cluster], {one.name for one in members(estate)})
    taken = {vm.name for vm in estate.vms}
    fresh = replace(
        model, id=None, uuid=None, host=None, template=False, power="on", ft="none",
        cluster=change.cluster or model.cluster,
    )  # fmt: skip
    names = _free_names(f"{model.name} (new {number + 1}", change.count, taken)
    return replace(estate, vms=(*estate.vms, *(replace(fresh, name=name) for name in names))).sorted()


def _free_names(start: str, count: int, taken: set[str]) -> list[str]:
    names: list[str] = []
    number = 0
    while len(names) < count:
        number += 1
        name = f"{start}.{number})"
        if name not in taken:
            names.append(name)
    return names


def _without(
    estate: Estate, vms: frozenset[str] = frozenset(), hosts: frozenset[str] = frozenset()
) -> Estate:
    """Take things away, and what rules say of them; a VM on a lost host is then on none that is known."""
    rules = []
    for rule in estate.rules:
        kept = replace(
            rule,
            vms=tuple(name for name in rule.vms if name not in vms),
            hosts=tuple(name for name in rule.hosts if name not in hosts),
        )
        if kept.vms and (kept.hosts or not rule.hosts):
            rules.append(kept)
    left = [vm for vm in estate.vms if vm.name not in vms]
    return replace(
        estate,
        vms=tuple(replace(vm, host=None) if vm.host in hosts else vm for vm in left),
        hosts=tuple(host for host in estate.hosts if host.name not in hosts),
        rules=tuple(rules),
    )


def _refreshed(estate: Estate, change: RefreshHosts) -> Estate:
    chosen = next((one for one in members(estate) if one.name == change.cluster), None)
    if chosen is None:
        _all_there("cluster", [change.cluster], {one.name for one in members(estate)})
        return estate
    bare = _without(estate, hosts=frozenset(host.name for host in chosen.hosts))
    taken = {host.name for host in bare.hosts}
    machine = change.machine
    fresh = [
        Host(
            name=name,
            cluster=change.cluster,
            sockets=machine.sockets,
            cores=machine.cores,
            cpu_mhz=machine.cpu_mhz,
            memory_mib=machine.memory_mib,
            model=machine.name,
        )
        for name in _free_names(f"{machine.name} (new", change.count, taken)
    ]
    return replace(bare, hosts=(*bare.hosts, *fresh)).sorted()


def _all_there(kind: str, names: Sequence[str], known: set[str]) -> None:
    missing = [name for name in names if name not in known]
    if missing:
        raise BookError(Sentence("there is no {kind} {name}", {"kind": kind, "name": missing[0]}))


def committed(estate: Estate, assumptions: Assumptions, variant: Variant) -> Estate:
    """Keep a variant: its new VMs become part of the estate and reserve their capacity.

    They are marked by an attribute, so that the next import, which does not know them, can be told
    from what somebody deleted.
    """
    before = {vm.name for vm in estate.vms}
    changed, _, _ = applied(estate, assumptions, variant)
    return replace(
        changed, vms=tuple(_marked(vm, variant.name) if vm.name not in before else vm for vm in changed.vms)
    )


def _marked(vm: VM, name: str) -> VM:
    return replace(vm, attributes={**vm.attributes, COMMITTED: name})


def reserved(estate: Estate, variants: Sequence[Variant]) -> tuple[Estate, tuple[Sentence, ...]]:
    """Lay what committed variants take over an estate, and never what they would give.

    New VMs take their room, FT takes its second copies, and hosts that are to go are gone.  VMs that
    are to go and new hosts count from the day on which an import shows them, not before.

    Returns:
        The estate with the reservations, and what could not be reserved because the estate has moved on.
    """
    remarks: tuple[Sentence, ...] = ()
    for variant in variants:
        taking = [one for one in variant.changes if isinstance(one, AddVms | Protect | DropHosts)]
        for change in taking:
            alone = Variant(name=variant.name, changes=(change,))
            before = {vm.name for vm in estate.vms}
            try:
                estate, _, said = applied(estate, Assumptions(), alone)
            except BookError as error:
                gone: dict[str, Value] = {"variant": variant.name, "reason": str(error.message)}
                remarks += (Sentence("{variant} is committed and no longer fits the estate: {reason}", gone),)
                continue
            estate = replace(
                estate, vms=tuple(vm if vm.name in before else _marked(vm, variant.name) for vm in estate.vms)
            )
            remarks += said
    return estate, remarks


def settled(estate: Estate) -> Estate:
    """Give every reserved VM a host of its cluster, the emptiest one, so that its room is taken there too.

    Whoever asks what a lost host does needs to know where VMs run; reserved ones run nowhere yet.  Emptiest
    is the host whose scarcer share of memory and of vCPUs per core is least.
    """
    heaps: dict[str | None, list[tuple[float, str]]] = {}
    size = {host.name: host for host in estate.hosts if host.connected and not host.maintenance}
    vcpus, memory = dict.fromkeys(size, 0), dict.fromkeys(size, 0)
    for vm in estate.vms:
        if vm.host in size and vm.is_load:
            vcpus[vm.host] += vm.vcpus
            memory[vm.host] += vm.memory_mib

    def share(name: str) -> float:
        return max(vcpus[name] / size[name].cores, VCPUS_PER_CORE * memory[name] / size[name].memory_mib)

    for name, host in size.items():
        heaps.setdefault(host.cluster, []).append((share(name), name))
    for one in heaps.values():
        heapq.heapify(one)
    vms = []
    for vm in estate.vms:
        heap = heaps.get(vm.cluster) if vm.host is None and COMMITTED in vm.attributes else None
        if not heap:
            vms.append(vm)
            continue
        name = heap[0][1]
        vcpus[name] += vm.vcpus
        memory[name] += vm.memory_mib
        heapq.heapreplace(heap, (share(name), name))
        vms.append(replace(vm, host=name))
    return replace(estate, vms=tuple(vms))


def told(change: Change) -> Sentence:
    """Say what a change is, in a sentence."""
    match change:
        case AddVms():
            return _told_more(change)
        case DropVms(names=names):
            return Sentence("Without the VMs {names}", {"names": _listed(names)})
        case DropHosts(names=names):
            return Sentence("Without the hosts {names}", {"names": _listed(names)})
        case RefreshHosts(cluster=cluster, machine=machine, count=count):
            said: dict[str, Value] = {
                "cluster": cluster, "count": count, "model": machine.name, "cores": machine.cores,
                "memory": machine.memory_mib // MIB_PER_GIB,
            }  # fmt: skip
            return Sentence(
                "{cluster} on {count} x {model} with {cores} cores and {memory} GiB each, all new", said
            )
        case Protect(names=names):
            return Sentence("FT for {names}", {"names": _listed(names)})
        case Failures(count=count):
            return Sentence("Room for the loss of {count} hosts in each cluster", {"count": count})
        case Growth(percent=percent):
            return Sentence("{percent} % more VMs each year", {"percent": float(percent)})
        case License():
            return _told_licence(change)
        case _:
            assert_never(change)


def _told_more(change: AddVms) -> Sentence:
    said: dict[str, Value] = {"count": change.count, "like": change.like}
    if change.cluster is None:
        return Sentence("{count} more VMs like {like}", said)
    return Sentence("{count} more VMs like {like}, in {cluster}", {**said, "cluster": change.cluster})


def _told_licence(change: License) -> Sentence:
    said: dict[str, Value] = {"product": PRODUCT_NAMES[change.product], "names": _listed(change.names)}
    if change.pinned:
        return Sentence("{product} in {names}, kept on few hosts", said)
    return Sentence("{product} in {names}, on any host", said)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} … ({len(names)})"

"""What a service stands on: the hosts of its VMs, and their ways to storage and to the clients.

service -- tier -- VM -- host, its power and place
                      -- ways to each datastore, with the array around
                      -- ways into each network

VMs that share a host, a switch or an array fall with it together, so a service is one system of components
and no product of VMs.  What is not known of a VM is told, and takes nothing down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.estate import VM, Estate
from planner.paths import cuts
from planner.paths.cuts import Couple, Cuts, Support
from planner.paths.questions import Answer
from planner.paths.ways import Way
from planner.paths.wiring import Wiring
from planner.service import Service, Tier

Needed: TypeAlias = Callable[[Tier], int]  # how many VMs of a tier have to serve
Unknown: TypeAlias = Literal["vm", "off", "host", "storage", "network"]
ENDS: Final[tuple[tuple[Unknown, str], ...]] = (("storage", "storage"), ("network", "vm"))


class Machine(Struct, frozen=True, kw_only=True):
    """A VM of a service: where it runs, the ends it needs, and what nobody told of it.

    `serves`: it is powered on, or nobody described it; an `off` one is no help to its tier.
    """

    name: str
    vm: VM | None
    host: int | None
    ends: tuple[Answer, ...]
    unknown: tuple[Unknown, ...]

    @property
    def serves(self) -> bool:
        """Whether it counts for its tier."""
        return "off" not in self.unknown


class Machines:
    """Finds the VMs of services by name, with what they stand on."""

    def __init__(self, estate: Estate, wiring: Wiring, answers: Iterable[Answer]) -> None:
        self.wiring = wiring
        wanted = {name for service in estate.services for name in service.vms}
        self._vms = {vm.name: vm for vm in estate.vms if vm.name in wanted}
        self._ends: dict[tuple[str, str, str], list[Answer]] = defaultdict(list)
        for one in answers:
            if one.question.subject.kind == "host":
                for target in one.question.targets:
                    self._ends[one.question.subject.name, one.question.service, target].append(one)

    def of(self, service: Service) -> Mapping[str, Machine]:
        """Give the VMs of a service by name."""
        return {name: self._machine(name) for name in service.vms}

    def _machine(self, name: str) -> Machine:
        vm = self._vms.get(name)
        if vm is None:
            return Machine(name=name, vm=None, host=None, ends=(), unknown=("vm",))
        if not vm.is_load:
            return Machine(name=name, vm=vm, host=None, ends=(), unknown=("off",))
        host = None if vm.host is None else self.wiring.find("host", vm.host)
        unknown: dict[Unknown, None] = {} if host is not None else {"host": None}
        ends: list[Answer] = []
        for what, service in ENDS:
            targets = vm.datastores if service == "storage" else vm.networks
            if not targets:
                unknown[what] = None
            for target in targets:
                found = self._ends.get((vm.host or "", service, target), [])
                if not found or any(map(is_unknown, found)):
                    unknown[what] = None
                ends += [one for one in found if one.question.ways]
        return Machine(name=name, vm=vm, host=host, ends=tuple(ends), unknown=tuple(unknown))


def is_unknown(one: Answer) -> bool:
    """Say whether some layer of an answer is not known, or no way of it works."""
    return one.proof in ("unknown", "lost") or any(proof == "unknown" for _, proof in one.layers)


def support_of(wiring: Wiring, ways: Sequence[Way]) -> Support:
    """Give what carries an end: the first way that works, with all that it needs."""

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        for way in ways:
            path: Sequence[int] | None = ()
            if way.hop is not None:
                path = wiring.path(*way.hop, lost)
            if path is None:
                continue
            used = wiring.carrying((*way.parts, *path), lost)
            if used is not None:
                return used
        return None

    return support


def under(wiring: Wiring, components: Iterable[int]) -> frozenset[int]:
    """Give components with all that they need, and what that needs."""
    used = set(components)
    waiting = list(used)
    for number in waiting:
        more = {one for group in wiring.groups(number) for one in group} - used
        used |= more
        waiting += more
    return frozenset(used)


def parts_of(wiring: Wiring, one: Answer) -> set[int]:
    """Give every component that any way of an answer may go through."""
    used: set[int] = set()
    for way in one.question.ways:
        used.update(way.parts)
        if way.hop is not None:
            used.update(wiring.island(way.hop[0]))
    return used


def end_support(wiring: Wiring, one: Answer) -> Support:
    """Give what carries an end together with the only array around it."""
    inner = support_of(wiring, one.question.ways)
    around = one.question.around

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        if not around.isdisjoint(lost):
            return None
        used = inner(lost)
        return None if used is None else used | around

    return remembered(support, under(wiring, parts_of(wiring, one)) | around)


def host_support(wiring: Wiring, host: int) -> Support:
    """Give what a host needs to be up."""

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        return wiring.carrying((host,), lost)

    return remembered(support, under(wiring, {host}))


def remembered(support: Support, felt: frozenset[int]) -> Support:
    """Give the same answers, each worked out once; nothing but what is `felt` changes them."""
    known: dict[frozenset[int], frozenset[int] | None] = {}

    def told(lost: frozenset[int]) -> frozenset[int] | None:
        own = lost & felt
        if own not in known:
            known[own] = support(own)
        return known[own]

    return told


def all_of(parts: Sequence[Support]) -> Support:
    """Give what needs all of its parts."""

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        used: set[int] = set()
        for part in parts:
            some = part(lost)
            if some is None:
                return None
            used |= some
        return frozenset(used)

    return support


def some_of(count: int, parts: Sequence[Support]) -> Support:
    """Give what needs so many of its parts, whichever: the first that work carry it."""

    def support(lost: frozenset[int]) -> frozenset[int] | None:
        used: set[int] = set()
        found = 0
        for part in parts if count else ():
            some = part(lost)
            if some is not None:
                used |= some
                found += 1
                if found == count:
                    break
        return frozenset(used) if found == count else None

    return support


def machine_support(wiring: Wiring, machine: Machine) -> Support:
    """Give what a VM needs where it runs now, without HA: its host, and a way to each end."""
    parts = [end_support(wiring, one) for one in machine.ends]
    if machine.host is not None:
        parts.append(host_support(wiring, machine.host))
    return all_of(parts)


def service_support(
    service: Service, machines: Mapping[str, Machine], carried: Callable[[Machine], Support], needed: Needed
) -> Support:
    """Give what a service needs: of each tier so many VMs, whichever."""
    by_name = {name: carried(machine) for name, machine in machines.items() if machine.serves}
    return all_of(
        [
            some_of(needed(tier), [by_name[name] for name in tier.vms if name in by_name])
            for tier in service.tiers
        ]
    )


def cuts_by(support: Support) -> Cuts | None:
    """Give the minimal cuts up to order two of any system of components; None: it does not work at all.

    What breaks it holds a component of whatever does the work, so only those are tried: exact.

    >>> ways = [frozenset({1, 9}), frozenset({2, 9})]
    >>> cuts_by(lambda lost: next((way for way in ways if not way & lost), None))
    Cuts(ones=frozenset({9}), twos=frozenset({(1, 2)}))
    """
    working = support(frozenset())
    if working is None:
        return None
    ones: set[int] = set()
    twos: set[Couple] = set()
    for first in working:
        other = support(frozenset((first,)))
        if other is None:
            ones.add(first)
            continue
        for second in other:
            if support(frozenset((first, second))) is None:
                twos.add(cuts.couple(first, second))
    return Cuts(
        frozenset(ones), frozenset(pair for pair in twos if pair[0] not in ones and pair[1] not in ones)
    )

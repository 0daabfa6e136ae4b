"""Rules that cannot all hold, found before anything is placed, and named with their VMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from planner.demand import Capacity, Load
from planner.estate import Rule
from planner.reach import Reach
from planner.rules import Bound, Unit, bind
from planner.sentence import Sentence

NAMED_MAX: Final = 5  # VMs that are told by name


def contradictions(
    load: Load, capacity: Capacity, rules: Sequence[Rule], reach: Reach | None = None
) -> tuple[Sentence, ...]:
    """Name the rules that leave VMs no host whatever the room: three kinds.

    Together and apart at once, or permitted on no host; apart on fewer hosts than VMs, found by matching
    VMs with permitted hosts; together and larger than any permitted host.

    >>> from planner.demand import capacity_of, load_of
    >>> from planner.estate import VM, Host
    >>> hosts = [Host(name=n, sockets=1, cores=8, cpu_mhz=0, memory_mib=65536) for n in ("esx1", "esx2")]
    >>> vms = [VM(name=n, power="on", vcpus=1, memory_mib=1024, disk_mib=0) for n in ("a", "b", "c")]
    >>> apart = Rule(kind="spread", vms=("a", "b", "c"), name="spread-db")
    >>> print(*contradictions(load_of(vms), capacity_of(hosts, 4.0), [apart]))
    spread-db keeps 3 VMs apart (a, b, c), and only 2 of them can have a host each
    """
    bound = bind(load, rules, capacity.names, reach)
    return (*_refused(bound), *_crowded(load, capacity, bound), *_unwieldy(load, capacity, bound))


def _refused(bound: Bound) -> list[Sentence]:
    """Tell the refusals by rule that `bind` already found."""
    vms: dict[str, list[str]] = {}
    for refusal in bound.refusals:
        for reason in refusal.reasons:
            if reason.detail:
                vms.setdefault(reason.detail, []).append(refusal.vm)
    return [
        Sentence("{rules}: together they leave no host for {vms}", {"rules": rules, "vms": _few(names)})
        for rules, names in vms.items()
    ]


def _crowded(load: Load, capacity: Capacity, bound: Bound) -> list[Sentence]:
    """Find groups that stand apart and have fewer hosts than VMs."""
    groups: dict[int, list[Unit]] = {}
    for unit in bound.units:
        for number in unit.apart:
            groups.setdefault(number, []).append(unit)
    said = []
    for number, units in sorted(groups.items()):
        able = _matched([unit.hosts for unit in units], capacity.names)
        if able < len(units):
            said.append(
                Sentence(
                    "{rule} keeps {count} VMs apart ({vms}), and only {able} of them can have a host each",
                    {
                        "rule": bound.apart_names[number],
                        "count": len(units),
                        "vms": _few([load.names[unit.copies[0]] for unit in units]),
                        "able": able,
                    },
                )
            )
    return said


def _matched(permitted: Sequence[frozenset[str] | None], hosts: Sequence[str]) -> int:
    """Give the most VMs that can have a permitted host each (augmenting paths)."""
    free = sum(one is None for one in permitted)
    taken: dict[str, int] = {}

    def seat(vm: int, seen: set[str]) -> bool:
        for host in sorted((permitted[vm] or frozenset()) - seen):
            seen.add(host)
            if host not in taken or seat(taken[host], seen):
                taken[host] = vm
                return True
        return False

    tied = sum(seat(vm, set()) for vm, one in enumerate(permitted) if one is not None)
    return min(tied + free, len(hosts))


def _unwieldy(load: Load, capacity: Capacity, bound: Bound) -> list[Sentence]:
    """Find VMs that are kept together and that no permitted host holds even when it is empty."""
    said = []
    for unit in bound.units:
        if len(unit.copies) < 2:
            continue
        need = load.needs[list(unit.copies)].sum(axis=0)
        holds = {
            name
            for name, fits in zip(capacity.names, (capacity.gives >= need).all(axis=1), strict=True)
            if fits
        }
        if not (holds if unit.hosts is None else holds & unit.hosts):
            said.append(
                Sentence(
                    "{rules}: no permitted host is large enough for {vms} together",
                    {
                        "rules": ", ".join(unit.rules),
                        "vms": _few([load.names[copy] for copy in unit.copies]),
                    },
                )
            )
    return said


def _few(names: Sequence[str]) -> str:
    return ", ".join([*names[:NAMED_MAX], *(["..."] if len(names) > NAMED_MAX else [])])

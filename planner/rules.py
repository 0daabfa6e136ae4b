"""Which copies move as one, stay apart, or belong on which hosts; contradictions are found before the run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from planner.demand import Load
from planner.estate import Rule
from planner.reach import Reach
from planner.refusal import Reason, ReasonCount, Refusal, count_reasons


class Unit(Struct, frozen=True, kw_only=True):
    """Copies that share a host, with the rules on them.

    `hosts` None: any.  `apart` holds the numbers of the groups of which no two units share a host.
    `rules` names what binds it, for a refusal to tell.
    """

    copies: tuple[int, ...]
    hosts: frozenset[str] | None = None
    apart: tuple[int, ...] = ()
    rules: tuple[str, ...] = ()


class Bound(Struct, frozen=True, kw_only=True):
    """The copies under a rule as units; every other copy is free.  `refusals`: rules that contradict.

    `apart_names` names the rule of each group that stands apart, by its number.
    """

    units: tuple[Unit, ...]
    refusals: tuple[Refusal, ...]
    apart_names: tuple[str, ...]


def bind(load: Load, rules: Sequence[Rule], hosts: Sequence[str] | None, reach: Reach | None = None) -> Bound:
    """Turn rules into units.

    A rule about VMs that are not load binds nobody.  FT pairs stand apart; a rule about hosts binds
    both copies of a pair.  Preferences (should) bind nobody here.

    Args:
        load: the copies.
        rules: as in the estate.
        hosts: names of the hosts to place on; None for hosts still to be bought, which no rule can name.
        reach: hosts that a VM cannot use whatever the rules say; binds all of its copies.
    """
    copies = _copies_by_vm(load)
    groups = _gathered(load, rules, copies)
    apart = [*_spreads(rules, copies), *((f"FT {load.names[a]}", (a, b)) for a, b in load.pairs)]
    allowed = {} if hosts is None else _allowed(rules, copies, hosts, reach or Reach())
    touched = {copy for group in groups for copy in group} | {copy for _, pair in apart for copy in pair}
    singles = [(copy,) for copy in sorted((touched | set(allowed)) - {c for g in groups for c in g})]
    member_of = _members_of(apart)
    names = _names_by_copy(rules, copies, apart)
    units, refusals = [], []
    for group in sorted([*groups, *singles]):
        unit = _unit(group, allowed, member_of, names)
        if _contradicts(unit, group, member_of):
            refusals.extend(_refuse(load, unit, hosts or (), reach or Reach()))
        else:
            units.append(unit)
    return Bound(units=tuple(units), refusals=tuple(refusals), apart_names=tuple(name for name, _ in apart))


def name_of(rule: Rule) -> str:
    """Name a rule as its owner did, or by its kind."""
    return rule.name or rule.kind


def _copies_by_vm(load: Load) -> dict[str, tuple[int, ...]]:
    """Give the copies of each VM; the first is the VM itself."""
    found: dict[str, tuple[int, ...]] = {}
    for copy, vm in enumerate(load.vms):
        found[vm] = (*found.get(vm, ()), copy)
    return found


def _gathered(load: Load, rules: Iterable[Rule], copies: dict[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Merge VMs that rules keep together, through chains of rules too."""
    leader: dict[int, int] = {}

    def root(copy: int) -> int:
        while leader.get(copy, copy) != copy:
            copy = leader[copy]
        return copy

    for rule in rules:
        if rule.kind == "gather":
            first, *rest = [copies[vm][0] for vm in rule.vms if vm in copies] or [-1]
            for copy in rest:
                low, high = sorted((root(first), root(copy)))
                leader[high] = low
                leader.setdefault(low, low)
    groups: dict[int, list[int]] = {}
    for copy in sorted(leader):
        groups.setdefault(root(copy), []).append(copy)
    return [tuple(group) for group in groups.values()]


def _spreads(rules: Iterable[Rule], copies: dict[str, tuple[int, ...]]) -> list[tuple[str, tuple[int, ...]]]:
    """Give the groups that stand apart, with the name of the rule."""
    return [
        (name_of(rule), tuple(dict.fromkeys(copies[vm][0] for vm in rule.vms if vm in copies)))
        for rule in rules
        if rule.kind == "spread"
    ]


def _allowed(
    rules: Iterable[Rule], copies: dict[str, tuple[int, ...]], hosts: Sequence[str], reach: Reach
) -> dict[int, frozenset[str]]:
    """Give the hosts each copy may run on, for the copies that a must-rule or their reach ties."""
    every = frozenset(hosts)
    allowed: dict[int, frozenset[str]] = {}
    shared: dict[frozenset[str], frozenset[str]] = {}  # one object for equal sets: 100,000 VMs have a few
    for vm in reach.bars:
        barred = every & reach.barred(vm)
        if barred:
            permitted = shared.setdefault(barred, every - barred)
            allowed.update(dict.fromkeys(copies.get(vm, ()), permitted))
    for rule in rules:
        if rule.kind not in ("must-run-on", "must-not-run-on"):
            continue
        named = frozenset(rule.hosts)
        permitted = every & named if rule.kind == "must-run-on" else every - named
        for copy in (copy for vm in rule.vms for copy in copies.get(vm, ())):
            allowed[copy] = allowed.get(copy, every) & permitted
    return allowed


def _members_of(apart: Sequence[tuple[str, tuple[int, ...]]]) -> dict[int, list[int]]:
    member_of: dict[int, list[int]] = {}
    for number, (_, group) in enumerate(apart):
        for copy in group:
            member_of.setdefault(copy, []).append(number)
    return member_of


def _names_by_copy(
    rules: Iterable[Rule],
    copies: dict[str, tuple[int, ...]],
    apart: Sequence[tuple[str, tuple[int, ...]]],
) -> dict[int, tuple[str, ...]]:
    names: dict[int, tuple[str, ...]] = {}
    for rule in rules:
        if rule.kind in ("gather", "must-run-on", "must-not-run-on"):
            for copy in (copy for vm in rule.vms for copy in copies.get(vm, ())):
                names[copy] = (*names.get(copy, ()), name_of(rule))
    for name, group in apart:
        for copy in group:
            names[copy] = (*names.get(copy, ()), name)
    return names


def _unit(
    group: tuple[int, ...],
    allowed: dict[int, frozenset[str]],
    member_of: dict[int, list[int]],
    names: dict[int, tuple[str, ...]],
) -> Unit:
    hosts: frozenset[str] | None = None
    for copy in group:
        if copy in allowed:
            hosts = allowed[copy] if hosts is None else hosts & allowed[copy]
    apart = sorted({number for copy in group for number in member_of.get(copy, ())})
    rules = dict.fromkeys(name for copy in group for name in names.get(copy, ()))
    return Unit(copies=group, hosts=hosts, apart=tuple(apart), rules=tuple(rules))


def _contradicts(unit: Unit, group: tuple[int, ...], member_of: dict[int, list[int]]) -> bool:
    """Say whether no host could ever take the unit: kept together and apart, or forbidden everywhere."""
    numbers = [number for copy in group for number in member_of.get(copy, ())]
    return len(numbers) != len(set(numbers)) or (unit.hosts is not None and not unit.hosts)


def _refuse(load: Load, unit: Unit, hosts: Sequence[str], reach: Reach) -> list[Refusal]:
    """Count the hosts of a unit that none takes: those out of reach by what they lack, others by rule."""
    refusals = []
    for copy in unit.copies:
        bars = [reach.why(load.vms[copy], host) for host in hosts]
        reasons = count_reasons((bar.reason if bar else None for bar in bars), ", ".join(unit.rules))
        none = ReasonCount(reason=Reason.RULE, hosts=0, detail=", ".join(unit.rules))
        refusals.append(Refusal(vm=load.names[copy], reasons=reasons or (none,)))
    return refusals

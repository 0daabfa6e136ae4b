"""Small clusters drawn at random, their state told in plain Python, and every way tried on them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import strategies as st

from planner.checker import check
from planner.estate import Estate, Rule
from planner.resilience.ground import Ground, grounds
from tests.planner.small import host, reading, vm

HOSTS = ("a", "b", "c", "d")
RATIO = 4.0


def estate_of(hosts: Sequence[object], vms: Sequence[object], rules: Sequence[Rule] = ()) -> Estate:
    return reading(hosts, vms, rules=rules).estate  # type: ignore[arg-type]


def ground_of(estate: Estate, **options: bool) -> Ground:
    return grounds(estate, vcpu_per_core=RATIO, **options)[0]


@st.composite
def clusters(draw: st.DrawFn, most_vms: int = 6) -> Estate:
    """Hosts of 8 cores that hold 16 to 48 GiB, VMs that stand somewhere, rules that hold or do not."""
    names = HOSTS[: draw(st.integers(2, 4))]
    count = draw(st.integers(1, most_vms))
    vms = [f"vm{number}" for number in range(count)]
    some = st.lists(st.sampled_from(vms), min_size=2, max_size=3, unique=True) if count > 1 else st.nothing()
    few = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)
    rules = [
        *(
            [Rule(kind="spread", vms=tuple(draw(some)), name="apart")]
            if count > 1 and draw(st.booleans())
            else []
        ),
        *(
            [Rule(kind="gather", vms=tuple(draw(some)), name="together")]
            if count > 1 and draw(st.booleans())
            else []
        ),
        *(
            [Rule(kind=kind, vms=(draw(st.sampled_from(vms)),), hosts=tuple(draw(few)), name=kind)]
            if (kind := draw(st.sampled_from(("", "", "must-run-on", "must-not-run-on", "should-run-on"))))
            else []
        ),
    ]
    return estate_of(
        [
            host(
                name,
                cores=8,
                memory_mib=1024 * draw(st.integers(16, 48)),
                rack=draw(st.sampled_from((None, "r1"))),
            )
            for name in names
        ],
        [
            vm(
                name,
                host=draw(st.sampled_from(names)),
                vcpus=draw(st.integers(1, 8)),
                memory_mib=1024 * draw(st.integers(2, 16)),
                cpu_demand_mhz=100.0 * draw(st.integers(0, 30)),
                ft=draw(st.sampled_from(("none", "none", "none", "primary"))),
            )
            for name in vms
        ],
        rules,
    )


def faults(ground: Ground, placed: Mapping[str, str]) -> set[tuple[str, str]]:
    """What the checker finds wrong, beside the preferences; VMs without a host are not its business here."""
    load = ground.tables.load
    missing = [name for name in load.names if name not in placed]
    rules = [rule for rule in ground.rules if rule not in ground.apart_today]
    return {(one.fault, one.subject) for one in check(placed, load, ground.tables.capacity, rules, missing)}


def ways_to_restart(ground: Ground, lost: set[str]) -> Iterator[dict[str, str]]:
    """Every way to give the copies of lost hosts another one, the others staying where they are."""
    placed = ground.tables.placed(ground.where)
    moving = sorted(name for name, where in placed.items() if where in lost)
    left = [name for name in ground.tables.capacity.names if name not in lost]
    for choice in itertools.product(left, repeat=len(moving)):
        yield {**placed, **dict(zip(moving, choice, strict=True))}


def can_restart(ground: Ground, lost: set[str]) -> bool:
    """Whether one of the ways breaks nothing that is whole today, and puts nothing on a host too full."""
    placed = ground.tables.placed(ground.where)
    before = faults(ground, placed)
    moving = {name for name, where in placed.items() if where in lost}
    crowded = {subject for fault, subject in before if fault == "HOST_OVERFULL"}
    if any(name in ground.barred for name in moving):
        return False
    for after in ways_to_restart(ground, lost):
        touched = {after[name] for name in moving}
        if not touched & crowded and faults(ground, after) <= before and _bound(ground, after, moving):
            return True
    return not moving


def _bound(ground: Ground, after: Mapping[str, str], moving: set[str]) -> bool:
    """Whether those that restart obey every rule on their new hosts, even one that others break today."""
    owner = dict(zip(ground.tables.load.names, ground.tables.load.vms, strict=True))
    for rule in ground.rules:
        if rule.kind == "spread":
            hosts = [(name, after[name]) for name in dict.fromkeys(rule.vms) if name in after]
            for (one, here), (other, there) in itertools.combinations(hosts, 2):
                if here == there and (one in moving or other in moving):
                    return False
        for name in {name for name in moving if owner[name] in rule.vms}:
            if rule.kind == "must-run-on" and after[name] not in rule.hosts:
                return False
            if rule.kind == "must-not-run-on" and after[name] in rule.hosts:
                return False
    return True

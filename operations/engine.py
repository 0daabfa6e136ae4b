"""The engine: events come from a driver, policies answer them, their actions go back to the driver.

It has no clock and no chance of its own, so the same policies drive a simulated cluster and a real one.
An event's number is its place in what `run` yields.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from operations import drs, evacuation, exposure, ft, ha, orders, restart, storage
from operations.action import Action
from operations.drivers.base import Driver
from operations.event import Event, Woke
from operations.policy import Policies
from operations.state import ClusterState
from operations.step import Rule

# The order in which policies answer one event: who is dead, who restarts, then what can wait.
_POLICIES: Final = (ha, restart, ft, storage, orders, evacuation, drs, exposure)
RULES: Final[dict[type[Event], tuple[Rule, ...]]] = {
    kind: tuple(policy.ON_EVENT[kind] for policy in _POLICIES if kind in policy.ON_EVENT)
    for kind in dict.fromkeys(kind for policy in _POLICIES for kind in policy.ON_EVENT)
}
ON_WAKE: Final[dict[str, Rule]] = {
    **ha.ON_WAKE, **restart.ON_WAKE, **storage.ON_WAKE, **evacuation.ON_WAKE, **drs.ON_WAKE,
}  # fmt: skip


def rules_for(state: ClusterState, policies: Policies) -> dict[type[Event], tuple[Rule, ...]]:
    """Leave out the rules that can have nothing to say in a run: no FT VM, no licence, rules nobody keeps."""
    idle: set[Rule] = set()
    if not state.ft_names:
        idle.add(ft.on_change)
    if not any(vm.guest.licensed for vm in state.vms.values()):
        idle.add(exposure.on_arrival)
    if not policies.ha.keeps_rules and not policies.ha.failback:
        idle.update((drs.on_change, drs.on_started))
    return {kind: tuple(rule for rule in found if rule not in idle) for kind, found in RULES.items()}


def run(state: ClusterState, policies: Policies, driver: Driver) -> Iterator[Event]:
    """Yield every event of a run, in order, until the driver has no more.

    Each event changes the state before it is yielded; then the policies answer.  A note they make is an
    event as well: applied, yielded, and answered after the one that led to it.
    """
    waiting: deque[tuple[Event, int]] = deque()
    apply, begin, rules = state.apply, driver.begin, rules_for(state, policies)
    for happened in driver.events():
        event, answers = happened, rules.get(type(happened), ())
        if isinstance(happened, Woke):
            state.now = happened.at_s
            cause, answers = happened.cause, (ON_WAKE[happened.purpose],)
        else:
            apply(happened)
            yield happened
            cause = state.number
        while True:
            for rule in answers:
                for step in rule(state, event, cause, policies):
                    if isinstance(step, Action):
                        begin(step)
                    else:
                        apply(step)
                        yield step
                        if type(step) in rules:
                            waiting.append((step, state.number))
            if not waiting:
                break
            event, cause = waiting.popleft()
            answers = rules[type(event)]

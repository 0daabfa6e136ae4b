"""The availability of the VMs of an estate: minutes a year by cause, without protection, with HA, with FT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from planner.availability.answer import PROTECTIONS, Cause, ClusterAvailability, ServiceAvailability, Swing
from planner.availability.assumed import CASES, CATALOGUE, Assumptions, Rates
from planner.availability.estimate import SERVICES, Estimator
from planner.availability.parts_played import MOST_HOSTS, play_parts
from planner.availability.services import System, examine_service, least_of, most_of
from planner.availability.services_played import play_service
from planner.availability.simulated import play, rare
from planner.catalogue import Fact, reliability
from planner.estate import Estate
from planner.paths.questions import Answer, answer, questions
from planner.paths.serving import Machines
from planner.paths.wiring import wire

RARE_CYCLES: Final = 200_000  # half a percent of a nine-nines state in a fifth of a second
PARTS_YEARS_MOST: Final = 20_000.0  # of every component: Python walks through its failures


def examine_availability(
    estate: Estate,
    tolerated: Mapping[str, int],
    chance: np.random.Generator | None,
    *,
    years: float = 10_000.0,
    threads: int = 1,
    assumed: Assumptions = CATALOGUE,
    with_play: bool = True,
) -> tuple[ClusterAvailability, ...]:
    """Give the availability of every cluster that has hosts.

    Args:
        tolerated: host failures that each cluster carries, by admission; a cluster left out carries none.
        chance: for the years that are played; 0 years, or None, plays none.
        assumed: what the asker knows better than the catalogue.
        with_play: False leaves the years to somebody else; `simulated` then says what to play.

    Raises:
        EstateError: feeds in a ring.
        ValueError: a number of years that is negative or not finite.
    """
    if not 0 <= years < float("inf"):
        raise ValueError(f"years: {years} is no number of years")
    found = []
    for estimator in _estimators(estate, tolerated).values():
        one = _exact(estimator, assumed)
        if years and chance is not None:
            one = _played(one, estimator, chance, years, threads, with_play)
        found.append(one)
    return tuple(found)


def examine_services(
    estate: Estate,
    tolerated: Mapping[str, int],
    chance: np.random.Generator | None = None,
    *,
    years: float = 0.0,
    assumed: Assumptions = CATALOGUE,
) -> tuple[ServiceAvailability, ...]:
    """Give the availability of every service that somebody told; nothing where nobody did.

    Args:
        tolerated: as for `examine_availability`.
        chance: for the years that every component of a service is played; 0 years, or None, plays none.

    Raises:
        EstateError: feeds in a ring.
    """
    if not estate.services:
        return ()
    estimators = _estimators(estate, tolerated)
    wiring = next((one.wiring for one in estimators.values()), None) or wire(estate)
    answers = next((one.answers for one in estimators.values()), {})
    machines = Machines(estate, wiring, (one for every in answers.values() for one in every))
    rates = {case: Rates.of(case, assumed) for case in CASES}
    found = []
    for service in estate.services:
        own = machines.of(service)
        one = examine_service(service, own, estimators, rates.__getitem__)
        if years and chance is not None and one.least is not None:
            needed = least_of if one.most is None else most_of
            system = System.of(service, own, estimators)
            some = min(years, PARTS_YEARS_MOST)
            one = replace(one, played=play_service(system, needed, rates["middle"], some, chance.spawn(1)[0]))
        found.append(one)
    return tuple(found)


def _estimators(estate: Estate, tolerated: Mapping[str, int]) -> dict[str, Estimator]:
    """Give what works out each cluster that has hosts."""
    wiring = wire(estate)
    answers: dict[str, list[Answer]] = defaultdict(list)
    for question in questions(estate, wiring):
        if question.subject.kind == "host" and question.service in SERVICES:
            answers[question.subject.name].append(answer(question))
    return {
        cluster.name: Estimator(estate, wiring, answers, cluster.name, tolerated.get(cluster.name, 0))
        for cluster in estate.clusters
        if estate.hosts_of(cluster.name)
    }


def _exact(estimator: Estimator, assumed: Assumptions) -> ClusterAvailability:
    middle, worst, best = (Rates.of(case, assumed) for case in ("middle", "worst", "best"))
    causes = estimator.causes(middle)
    return ClusterAvailability(
        name=estimator.name,
        hosts=len(estimator.hosts),
        tolerated=estimator.tolerated,
        causes=causes,
        minutes=_sums(causes),
        worst_minutes=_sums(estimator.causes(worst)),
        best_minutes=_sums(estimator.causes(best)),
        unknown=tuple(cause.id for cause in causes if None in cause.minutes.values()),
        savings=tuple(estimator.savings(middle)),
        vms=tuple(estimator.of_vms(causes, middle)),
        assumed=assumed,
        swings=tuple(sorted(_swings(estimator, assumed), key=_span)),
        short=estimator.fells.short(middle),
        short_alone=estimator.fells.short_alone(middle),
        simulated=estimator.simulated(middle),
    )


def _played(
    one: ClusterAvailability,
    estimator: Estimator,
    chance: np.random.Generator,
    years: float,
    threads: int,
    with_play: bool,
) -> ClusterAvailability:
    """Add what is played: the hosts, every component, and the rare state that no years would show."""
    assert one.simulated is not None  # noqa: S101 - `_exact` gives it
    rates = Rates.of("middle", one.assumed)
    alone = replace(one.simulated, mtbf_h=estimator.fells.alone_h(rates))
    parts = None
    if len(estimator.hosts) <= MOST_HOSTS:
        parts = play_parts(estimator, rates, min(years, PARTS_YEARS_MOST), chance.spawn(1)[0])
    return replace(
        one,
        parts_played=parts,
        short_sampled=rare(alone, RARE_CYCLES, chance.spawn(1)[0]),
        played=play(one.simulated, years, chance, threads) if with_play else None,
    )


def _swings(estimator: Estimator, assumed: Assumptions) -> Iterator[Swing]:
    """Move one figure of the catalogue at a time; what the asker told does not move."""
    kinds = estimator.kinds()
    rows: list[tuple[Fact, bool]] = [
        (row, True)
        for kind, row in reliability.MTBF_H.items()
        if kind in kinds and kind not in assumed.mtbf_h and row.low != row.high
    ]
    if assumed.mttr_h is None:
        rows.append((reliability.MTTR_H, False))
    rows += [
        (row, False)
        for name, row in (("restart_s", reliability.RESTART_S_RANGE), ("boot_s", reliability.BOOT_S_RANGE))
        if getattr(assumed, name) is None
    ]
    for row, long_is_good in rows:
        low, high = float(row.low), float(row.high)
        at = [_sums(estimator.causes(_with(assumed, row, value)))["ha"] for value in (low, high)]
        worst, best = at if long_is_good else at[::-1]
        yield Swing(key=row.key, low=low, high=high, unit=row.unit, worst_minutes=worst, best_minutes=best)


def _with(assumed: Assumptions, row: Fact, value: float) -> Rates:
    kind = next((kind for kind, known in reliability.MTBF_H.items() if known is row), None)
    if kind is not None:
        return Rates.of("middle", replace(assumed, mtbf_h={**assumed.mtbf_h, kind: value}))
    name = {"mttr_h": "mttr_h", "ha_restart_s": "restart_s", "boot_s": "boot_s"}[row.key]
    changes: dict[str, float] = {name: value}
    return Rates.of("middle", replace(assumed, **changes))


def _span(one: Swing) -> tuple[float, str]:
    return (one.best_minutes - one.worst_minutes, one.key)


def _sums(causes: Sequence[Cause]) -> dict[str, float]:
    """Add up what is known of each protection."""
    return {kind: sum(cause.minutes[kind] or 0.0 for cause in causes) for kind in PROTECTIONS}

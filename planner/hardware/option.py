"""One way to buy: hosts of one model on one platform, with what it costs, leaves free, emits and risks."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from planner.cost.assumptions import Assumptions
from planner.cost.bill import bill, card_label
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.fleets import Fleet
from planner.cost.machine import Machine
from planner.cost.platforms import PLATFORMS
from planner.hardware.front import Scores
from planner.hardware.outage import minutes_vm_year
from planner.sentence import Sentence, Value
from planner.units import MIB_PER_GIB


class Option(Struct, frozen=True, kw_only=True):
    """One way to buy: a model on a platform, so many hosts, what it costs and what it leaves.

    `spare_percent` is what is free of the scarcer of vCPUs and memory after the failures to carry.
    `proven` says that no placement of these VMs needs fewer hosts of this model.  `kept_hosts` are those
    of today that stay; `hosts` counts them too.
    """

    platform: str
    machine: Machine
    hosts: int
    hosts_for_load: int
    extra: int
    spare_percent: float
    cost: Decimal
    carbon_kg: Decimal | None
    outage_minutes: float | None
    proven: bool
    design: Design
    kept_hosts: int = 0


def spare_percent(fleet: Fleet, assumptions: Assumptions) -> float:
    """What is free of the scarcer resource with the largest hosts lost, in the last year."""
    year = fleet.years[-1]
    left = sorted(year.machines, key=lambda one: (one.memory_mib, one.cores))
    left = left[: max(0, len(left) - assumptions.failures)]
    if not left:
        return 0.0
    vcpus = sum(one.cores for one in left) * assumptions.vcpu_per_core
    memory = sum(one.memory_mib for one in left) / MIB_PER_GIB
    return round(100 * (1 - max(year.vcpus / vcpus, float(year.memory_gib) / memory)), 1)


def outage_minutes(
    fleets: Sequence[Fleet], extra: int, assumptions: Assumptions, prices: Prices
) -> float | None:
    """The mean of the clusters, weighted by their VMs; the spare hosts count as failures carried."""
    spans = [prices.span(key) for key in ("host_failures_year", "repair_hours", "restart_seconds")]
    middles = [span.middle for span in spans if span is not None]
    vms = sum(fleet.years[0].vms for fleet in fleets)
    if len(middles) < len(spans) or not vms:
        return None
    rate, repair, restart = middles
    minutes = sum(
        fleet.years[0].vms
        * minutes_vm_year(fleet.years[0].hosts, assumptions.failures + extra, rate, repair, restart)
        for fleet in fleets
    )
    return minutes / vms


def scores_of(option: Option) -> Scores:
    """What an option is judged by; what nobody knows is the same for all."""
    return Scores(
        cost=float(option.cost),
        crowding=-option.spare_percent,
        carbon_kg=float(option.carbon_kg or 0),
        outage_minutes=round(option.outage_minutes or 0.0, 4),
    )


def explained(
    best: Option, options: Sequence[Option], assumptions: Assumptions, prices: Prices
) -> tuple[Sentence, ...]:
    """Say why the cheapest is it: what its hosts are for, and what the next best of another model costs."""
    said: dict[str, Value] = {
        "hosts": best.hosts,
        "model": best.machine.name,
        "load": best.hosts_for_load,
        "failures": assumptions.failures,
    }
    why = [
        Sentence(
            "{hosts} x {model}: {load} hosts for the load, the others for lost ones ({failures} a cluster)",
            said,
        ),
        Sentence("No placement of these VMs needs fewer hosts of this model")
        if best.proven
        else Sentence("Fewer hosts of this model are not excluded by the bound, but no placement was found"),
    ]
    others = [
        option for option in options if (option.machine, option.platform) != (best.machine, best.platform)
    ]
    if others:
        second = min(others, key=lambda option: (option.cost, option.machine.name))
        more: dict[str, Value] = {
            "hosts": second.hosts,
            "model": second.machine.name,
            "platform": PLATFORMS[second.platform].name,
            "more": float(round(second.cost - best.cost, 2)),
            "currency": assumptions.currency,
        }
        why.append(Sentence("Next comes {hosts} x {model} on {platform}: {more} {currency} more", more))
    unpriced = bill(best.design, assumptions, prices).missing
    alone = _waits_alone(best, unpriced, options, assumptions, prices)
    if alone:
        names = "; ".join(str(card_label(card)) for card in alone)
        lacks: dict[str, Value] = {"platform": PLATFORMS[best.platform].name, "cards": names}
        why.append(
            Sentence(
                "{platform} waits for prices that another platform does not need, so that it seems cheaper "
                "than it is: {cards}",
                lacks,
            )
        )
    if "server" in unpriced:
        why.append(Sentence("No price of a host is known, so that more or larger hosts seem to cost nothing"))
    return tuple(why)


def _waits_alone(
    best: Option,
    unpriced: Sequence[str],
    options: Sequence[Option],
    assumptions: Assumptions,
    prices: Prices,
) -> list[str]:
    """The empty cards of the cheapest that an option on another platform does without."""
    others = {option.platform: option for option in reversed(options) if option.platform != best.platform}
    known = [set(bill(one.design, assumptions, prices).missing) for one in others.values()]
    return [card for card in unpriced if any(card not in missing for missing in known)]

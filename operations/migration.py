"""How long a live migration takes, how long it stops the VM, and how many pings that costs.

Pre-copy: memory is sent while the VM runs; what it dirties meanwhile is sent again, round by round,
until the rest can be sent within the downtime limit.  `Copying` is one migration as it goes, at whatever
rate the link gives it at the moment; `predict` runs one at a constant rate.

Docs: docs/formulas/migration.md.
"""

from __future__ import annotations

import math
from typing import Final, Literal, TypeAlias

import numpy as np
from msgspec import Struct

from operations.policy import Remedy
from planner.sentence import Sentence

Outcome: TypeAlias = Literal["copy", "stop", "fail"]

# qemu options.c: throttle 20 %, then +10 %, at most 99 %, when over 50 % of what was sent is dirty again.
THROTTLE_FIRST: Final = 0.20
THROTTLE_STEP: Final = 0.10
THROTTLE_MOST: Final = 0.99
THROTTLE_TRIGGER: Final = 0.50
# SDPS slows the VM until it dirties less than is sent; how much less is not published: an assumption.
SDPS_SLACK: Final = 0.20
LIMIT_STEP: Final = 2.0  # Proxmox raises the downtime limit stepwise; the step is an assumption
LIMIT_CAP_MS: Final = 2_000_000.0  # qemu options.c
SHRINKING: Final = 0.95  # a round that leaves more than this of what it sent makes no way


class MigrationLoad(Struct, frozen=True, kw_only=True):
    """What is to be moved and what helps if it does not end.

    `memory_mib` is the memory used: zero pages are not sent.  `working_set_mib` bounds what a round can
    dirty.  `cap_mib_s` is a limit set in software: it slows the rounds, not the last copy.  `max_factor`:
    with the remedy "stop", never send more than so many times the memory (Xen: 3).  `look_s` is how often
    the sender looks whether the rest fits (QEMU: 0.1): it stops then, with the limit nearly used up; 0: it
    looks at the end of a round.
    """

    memory_mib: float
    dirty_mib_s: float = 0.0
    working_set_mib: float | None = None
    downtime_limit_ms: float = 300.0
    max_rounds: int = 30
    remedy: Remedy = "none"
    setup_s: float = 0.0
    device_ms: float = 0.0
    announce_ms: float = 0.0
    time_out_s: float = 3600.0
    cap_mib_s: float | None = None
    max_factor: float | None = None
    look_s: float = 0.0


class Migration(Struct, frozen=True, kw_only=True):
    """What a migration costs.  `seconds` and `downtime_ms` are None when it is given up.

    `lost_pings` is the expectation; `risk_s` is how long the death of either host would lose the VM.
    """

    rounds: int
    seconds: float | None
    precopy_s: float
    downtime_ms: float | None
    lost_pings: float
    sent_mib: float
    converged: bool
    why: Sentence
    throttle: float = 0.0
    risk_s: float = 0.0


class Copying:
    """One pre-copy under way: how much is left of this round, and what comes after it."""

    __slots__ = ("left_mib", "limit_ms", "load", "post_copy", "rounds", "sent_mib", "throttle", "why")

    def __init__(self, load: MigrationLoad) -> None:
        self.load = load
        self.left_mib = load.memory_mib
        self.rounds = 0
        self.sent_mib = 0.0
        self.limit_ms = load.downtime_limit_ms
        self.throttle = 0.0
        self.post_copy = False
        self.why = Sentence("the rest fits into the downtime limit")

    def threshold_mib(self, rate: float) -> float:
        """What can be sent while the VM stands still: QEMU's bandwidth x downtime limit."""
        return rate * self.limit_ms / 1000.0

    def is_done(self, rate: float) -> bool:
        """Whether the rest fits into the stop."""
        return self.left_mib <= self.threshold_mib(rate) * (1 + 1e-12)

    def end_round(self, sent_mib: float, seconds: float, rate: float, elapsed_s: float) -> Outcome:
        """Close a round that sent so much in so long: what was dirtied is what is left."""
        load = self.load
        dirtied = self._dirtied(seconds)
        self.sent_mib += sent_mib
        self.rounds += 1
        self.left_mib = dirtied
        if self.is_done(rate):
            return "stop"
        if elapsed_s >= load.time_out_s:
            self.why = Sentence(
                "not done after {seconds} s: {dirty} MiB/s dirtied, {rate} MiB/s sent",
                {"seconds": round(load.time_out_s), "dirty": round(load.dirty_mib_s), "rate": round(rate)},
            )
            return "fail"
        is_stuck = dirtied > SHRINKING * sent_mib or self.rounds >= load.max_rounds
        return self._remedy(dirtied, sent_mib, rate, is_stuck)

    def _dirtied(self, seconds: float) -> float:
        """Unique pages dirtied: at most the working set."""
        most = self.load.memory_mib if self.load.working_set_mib is None else self.load.working_set_mib
        return min(most, self.load.dirty_mib_s * (1.0 - self.throttle) * seconds)

    def _remedy(self, dirtied: float, sent_mib: float, rate: float, is_stuck: bool) -> Outcome:
        """Do what helps; without help a VM that dirties faster than the link never ends."""
        match self.load.remedy:
            case "auto-converge":
                return self._throttle_more(dirtied, sent_mib)
            case "sdps":
                return self._slow_down(rate) if is_stuck else "copy"
            case "raise-limit":
                return self._raise_limit(rate) if is_stuck else "copy"
            case "post-copy":
                return self._run_ahead() if is_stuck else "copy"
            case "stop":
                return self._stop_here()
            case "none":
                return self._stop_at_the_cap(dirtied, sent_mib)
            case "time-out":
                return "copy"

    def _throttle_more(self, dirtied: float, sent_mib: float) -> Outcome:
        if dirtied > THROTTLE_TRIGGER * sent_mib:
            step = THROTTLE_STEP if self.throttle else THROTTLE_FIRST
            self.throttle = min(THROTTLE_MOST, self.throttle + step)
            self.why = Sentence("the guest was slowed down by {percent} %", self._percent())
        return "copy"

    def _slow_down(self, rate: float) -> Outcome:
        if self.load.dirty_mib_s > (1 - SDPS_SLACK) * rate:
            self.throttle = 1.0 - (1 - SDPS_SLACK) * rate / self.load.dirty_mib_s
            self.why = Sentence("the guest was slowed down by {percent} %", self._percent())
        return "copy"

    def _raise_limit(self, rate: float) -> Outcome:
        while not self.is_done(rate) and self.limit_ms < LIMIT_CAP_MS:
            self.limit_ms *= LIMIT_STEP
        limit_ms = round(self.limit_ms)
        self.why = Sentence("the downtime limit was raised to {limit_ms} ms", {"limit_ms": limit_ms})
        return "stop"

    def _run_ahead(self) -> Outcome:
        self.post_copy = True
        self.why = Sentence("the VM ran on the target before its memory was there")
        return "stop"

    def _stop_here(self) -> Outcome:
        load = self.load
        most = math.inf if load.max_factor is None else load.max_factor * load.memory_mib
        if self.rounds < load.max_rounds and self.sent_mib <= most:
            return "copy"
        self.why = Sentence("stopped with {left} MiB still to send", {"left": round(self.left_mib)})
        return "stop"

    def _stop_at_the_cap(self, dirtied: float, sent_mib: float) -> Outcome:
        """Without help it stops at the last round allowed, if the rounds shrank; else it never ends."""
        if self.rounds < self.load.max_rounds or dirtied >= sent_mib:
            return "copy"
        self.why = Sentence(
            "round {rounds} is the last: stopped with {left} MiB still to send",
            {"rounds": self.rounds, "left": round(self.left_mib)},
        )
        return "stop"

    def _percent(self) -> dict[str, str | int | float | bool | None]:
        return {"percent": round(100 * self.throttle)}

    def stop_s(self, stop_rate: float) -> float:
        """How long the VM stands still."""
        moved = 0.0 if self.post_copy else self.left_mib / stop_rate
        return moved + self.load.device_ms / 1000.0

    def looked_stop_s(self, rate: float, stop_rate: float) -> float:
        """How long it stands still when the sender stops at the first look at which the rest fits.

        That is half a look below the limit on average, or what the last round left, if that is more.
        """
        if self.load.look_s <= 0 or self.post_copy:
            return self.stop_s(stop_rate)
        below = self.threshold_mib(rate) - rate * self.load.look_s / 2.0
        left = max(self.left_mib, min(self.load.memory_mib, below))
        return left / stop_rate + self.load.device_ms / 1000.0


def expected_lost_pings(downtime_ms: float, announce_ms: float, interval_s: float) -> float:
    """Say how many pings a stop loses on average: its length over the interval.

    >>> expected_lost_pings(200.0, 0.0, 1.0)
    0.2
    """
    return (downtime_ms + announce_ms) / 1000.0 / interval_s


def count_lost_pings(stop_at_s: float, gap_s: float, interval_s: float, phase_s: float = 0.0) -> int:
    """Count the pings sent within a gap, at phase, phase + interval, phase + 2 x interval ...

    >>> count_lost_pings(9.9, 0.2, 1.0), count_lost_pings(9.1, 0.2, 1.0), count_lost_pings(9.9, 1.25, 1.0)
    (1, 0, 2)
    """
    first = math.ceil((stop_at_s - phase_s) / interval_s - 1e-9)
    behind = math.ceil((stop_at_s + gap_s - phase_s) / interval_s - 1e-9)
    return max(0, behind - first)


def draw_lost_pings(
    migration: Migration, announce_ms: float, interval_s: float, chance: np.random.Generator
) -> int:
    """Count the pings one stop loses when pings come at a phase drawn at random."""
    if migration.downtime_ms is None:
        return 0
    gap_s = (migration.downtime_ms + announce_ms) / 1000.0
    return count_lost_pings(0.0, gap_s, interval_s, float(chance.uniform(0.0, interval_s)))


def predict(
    load: MigrationLoad, rate_mib_s: float, ping_interval_s: float = 1.0, link_mib_s: float | None = None
) -> Migration:
    """Say what one migration takes at a constant rate.

    Args:
        load: what is moved.
        rate_mib_s: what the rounds get: the least of link share, software cap and CPU.
        link_mib_s: what the last copy gets; None: the same.

    Raises:
        ValueError: a rate or an interval that is not above 0.  A migration that never ends is no error.

    Source: Clark et al., NSDI 2005; QEMU's stop rule.

    >>> done = predict(MigrationLoad(memory_mib=32_000, dirty_mib_s=500), 1170)
    >>> done.rounds, round(done.precopy_s, 1), round(done.sent_mib), round(done.downtime_ms)
    (6, 47.5, 55735, 167)
    """
    if rate_mib_s <= 0 or ping_interval_s <= 0:
        raise ValueError("a migration needs a rate and a ping interval above 0")
    copying = Copying(load)
    stop_rate = link_mib_s or rate_mib_s
    precopy_s = 0.0
    outcome: Outcome = "stop" if copying.is_done(rate_mib_s) else "copy"
    while outcome == "copy":
        amount = copying.left_mib
        if _never_ends(copying, rate_mib_s):
            copying.why = Sentence(
                "{dirty} MiB/s are dirtied, {rate} MiB/s are sent: it never ends",
                {"dirty": round(load.dirty_mib_s), "rate": round(rate_mib_s)},
            )
            return _given_up(copying, precopy_s)
        seconds = amount / rate_mib_s
        precopy_s += seconds
        outcome = copying.end_round(amount, seconds, rate_mib_s, precopy_s)
    if outcome == "fail":
        return _given_up(copying, precopy_s)
    return _finished(copying, precopy_s, (rate_mib_s, stop_rate), ping_interval_s)


def _never_ends(copying: Copying, rate: float) -> bool:
    """Whether the rounds do not shrink and nothing is allowed to help."""
    load = copying.load
    if load.remedy != "none" or not copying.rounds or copying.is_done(rate):
        return False
    return load.dirty_mib_s >= rate or copying.rounds > load.max_rounds


def _given_up(copying: Copying, precopy_s: float) -> Migration:
    return Migration(
        rounds=copying.rounds,
        seconds=None,
        precopy_s=precopy_s,
        downtime_ms=None,
        lost_pings=0.0,
        sent_mib=copying.sent_mib,
        converged=False,
        why=copying.why,
        throttle=copying.throttle,
    )


def _finished(copying: Copying, precopy_s: float, rates: tuple[float, float], interval_s: float) -> Migration:
    load, (rate, stop_rate) = copying.load, rates
    total_s = load.setup_s + precopy_s + copying.stop_s(stop_rate)
    stop_s = copying.looked_stop_s(rate, stop_rate)
    risk_s = copying.left_mib / stop_rate if copying.post_copy else 0.0
    return Migration(
        rounds=copying.rounds,
        seconds=total_s + risk_s,
        precopy_s=precopy_s,
        downtime_ms=stop_s * 1000.0,
        lost_pings=expected_lost_pings(stop_s * 1000.0, load.announce_ms, interval_s),
        sent_mib=copying.sent_mib + copying.left_mib,
        converged=stop_s * 1000.0 <= load.downtime_limit_ms + load.device_ms + 1e-6,
        why=copying.why,
        throttle=copying.throttle,
        risk_s=risk_s,
    )

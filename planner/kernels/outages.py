"""Lives and repairs of hosts played out: one queue of next events, scalar draws, no memory but the state."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from planner.kernels.arrays import F64, I64

HOURS_A_YEAR: Final = 8760.0
BINS: Final = 64  # of the minutes lost in a year: 8 a decade, from 0.001 up
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_A: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT: Final = 1.0 / 9007199254740992.0  # 2^-53


# The state of chance is one number in an array: splitmix64, the same on every machine.  Threads run side by
# side, so the kernels let go of the interpreter's lock.
@njit(cache=True, nogil=True, inline="always")
def _uniform(state):  # type: ignore[no-untyped-def]
    """A number in (0, 1]."""
    state[0] += _GOLDEN
    z = state[0]
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    z = z ^ (z >> _S31)
    return (float(z >> _S11) + 1.0) * _UNIT


@njit(cache=True, nogil=True, inline="always")
def _life(state, scale, power):  # type: ignore[no-untyped-def]
    """A Weibull life; `power` is 1 / shape."""
    drawn = -math.log(_uniform(state))
    return scale * drawn if power == 1.0 else scale * math.exp(power * math.log(drawn))


@njit(cache=True, nogil=True, inline="always")
def _normal(state, spare):  # type: ignore[no-untyped-def]
    """A normal number; every second one is taken from the pair drawn before."""
    if spare[1] > 0.0:
        spare[1] = 0.0
        return spare[0]
    radius = math.sqrt(-2.0 * math.log(_uniform(state)))
    angle = 2.0 * math.pi * _uniform(state)
    spare[0] = radius * math.sin(angle)
    spare[1] = 1.0
    return radius * math.cos(angle)


@njit(cache=True, nogil=True, inline="always")
def _repair(state, spare, mu, sigma):  # type: ignore[no-untyped-def]
    """A lognormal repair; a sigma below 0 asks for an exponential one of mean exp(mu)."""
    if sigma < 0.0:
        return -math.log(_uniform(state)) * math.exp(mu)
    return math.exp(mu + sigma * _normal(state, spare))


@njit(cache=True, nogil=True)
def play_hosts(
    hosts: int,
    tolerated: int,
    crews: int,
    life_scale: float,
    life_shape: float,
    repair_mu: float,
    repair_sigma: float,
    vms: int,
    restart_s: float,
    turn_s: float,
    batch: int,
    boot_mu: float,
    boot_sigma: float,
    years: float,
    batches: int,
    seed: int,
) -> tuple[F64, F64, F64, I64, I64]:
    """Play a cluster for so many years, in batches of equal length.

    A host that fails waits for a crew; its VMs restart elsewhere, `batch` at a time every `turn_s`, each
    after `restart_s` and a boot; where more hosts have failed than are tolerated, the VMs beyond wait too.

    Args:
        life_scale, life_shape: Weibull, hours.  repair_mu, repair_sigma: lognormal, of hours.
        vms: on each host; 0 leaves restarts out.  boot_mu, boot_sigma: lognormal, of seconds.

    Returns:
        Of each batch: the hours with more hosts failed than tolerated, the host-hours missing then, the
        VM-hours lost to restarts; then the failures of each batch, and the years by minutes lost of a VM.
    """
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed)
    spare = np.zeros(2)
    power = 1.0 / life_shape
    short = np.zeros(batches)
    missing = np.zeros(batches)
    restarts = np.zeros(batches)
    failures = np.zeros(batches, np.int64)
    histogram = np.zeros(BINS + 1, np.int64)
    up = np.ones(hosts, np.bool_)
    queue = np.zeros(hosts, np.int64)
    waiting = 0
    busy = 0
    failed = 0
    next_at = np.empty(hosts)
    # Hosts begin at any age: a uniform share of a life is near enough, and forgotten after the first.
    for host in range(hosts):
        next_at[host] = _uniform(state) * _life(state, life_scale, power)
    now = 0.0
    year_ends = HOURS_A_YEAR
    lost_this_year = 0.0
    span = years * HOURS_A_YEAR / batches
    all_vms = max(1, vms * hosts)
    for part in range(batches):
        end = (part + 1) * span
        while True:
            first = 0
            at = next_at[0]
            for host in range(1, hosts):
                if next_at[host] < at:
                    at = next_at[host]
                    first = host
            until = at if at < end else end
            if failed > tolerated:
                short[part] += until - now
                missing[part] += (until - now) * (failed - tolerated)
                lost_this_year += (until - now) * (failed - tolerated) / (hosts - tolerated)
            now = until
            while now >= year_ends:
                year_ends += HOURS_A_YEAR
                minutes = lost_this_year * 60.0
                place = 0
                if minutes > 0.001:
                    place = min(BINS, 1 + int(8.0 * math.log10(minutes * 1000.0)))
                histogram[place] += 1
                lost_this_year = 0.0
            if at >= end:
                break
            if up[first]:
                up[first] = False
                failed += 1
                failures[part] += 1
                lost = 0.0
                for vm in range(vms):
                    boot = math.exp(boot_mu + boot_sigma * _normal(state, spare))
                    lost += restart_s + (vm // batch) * turn_s + boot
                restarts[part] += lost / 3600.0
                lost_this_year += lost / 3600.0 / all_vms
                if busy < crews:
                    busy += 1
                    next_at[first] = now + _repair(state, spare, repair_mu, repair_sigma)
                else:
                    queue[waiting] = first
                    waiting += 1
                    next_at[first] = math.inf
            else:
                up[first] = True
                failed -= 1
                next_at[first] = now + _life(state, life_scale, power)
                if waiting > 0:
                    other = queue[0]
                    for place in range(1, waiting):
                        queue[place - 1] = queue[place]
                    waiting -= 1
                    next_at[other] = now + _repair(state, spare, repair_mu, repair_sigma)
                else:
                    busy -= 1
    return short, missing, restarts, failures, histogram


@njit(cache=True, nogil=True)
def play_cycles(
    hosts: int, tolerated: int, crews: int, fails: float, mends: float, bias: float, cycles: int, seed: int
) -> tuple[float, float, float, float, float]:
    """Play cycles from all hosts up until all are up again, failures made likelier and weighed back.

    Holding times stand with their means.  Each cycle is played twice: biased for the time with more hosts
    failed than tolerated, and as it is for its length.

    Returns:
        The sum and the sum of squares of the weighed time short; the same of the length; their product's
        sum is not needed, for the two are drawn apart, and stands as the number of cycles.
    """
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed)
    short_sum = short_square = length_sum = length_square = 0.0
    for _ in range(cycles):
        failed = 1
        weight = 1.0
        short = 0.0
        while failed > 0:
            down = (hosts - failed) * fails
            back = min(failed, crews) * mends
            if failed > tolerated:
                short += weight / (down + back)
                chance = down / (down + back)
            else:
                chance = bias if down > 0.0 else 0.0
            if _uniform(state) <= chance:
                weight *= down / (down + back) / chance
                failed += 1
            else:
                weight *= back / (down + back) / (1.0 - chance)
                failed -= 1
        short_sum += short
        short_square += short * short
        length = 1.0 / (hosts * fails)
        failed = 1
        while failed > 0:
            down = (hosts - failed) * fails
            back = min(failed, crews) * mends
            length += 1.0 / (down + back)
            failed += 1 if _uniform(state) <= down / (down + back) else -1
        length_sum += length
        length_square += length * length
    return short_sum, short_square, length_sum, length_square, float(cycles)

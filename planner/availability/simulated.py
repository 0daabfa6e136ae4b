"""A cluster played out year after year; numba runs it, on as many threads as asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from planner.availability.closed import HOURS_A_YEAR

BINS: Final = 64  # as planner.kernels.outages, which only a run imports: numba takes a second
BATCHES: Final = 50  # a standard error needs some tens of parts
BIAS: Final = 0.5  # of a failure in a cycle; Lewis and Boehm 1984 take 0.5 and more
SPREAD_Z: Final = 1.959963984540054  # 95 % of a normal distribution


class Cluster(Struct, frozen=True, kw_only=True):
    """What is played: hosts alike, their lives and repairs, and the restarts of their VMs.

    `life_shape` 1 is exponential, above 1 they wear out; `repair_sigma` is that of a lognormal repair, None
    an exponential one.  Both keep the means.
    """

    hosts: int
    tolerated: int
    mtbf_h: float
    mttr_h: float
    crews: int | None = None
    life_shape: float = 1.0
    repair_sigma: float | None = None
    vms_per_host: int = 0
    restart_s: float = 0.0
    turn_s: float = 0.0
    batch: int = 32
    boot_s: float = 0.0
    boot_sigma: float = 0.5


class Estimate(Struct, frozen=True, kw_only=True):
    """A mean with its standard error."""

    value: float
    error: float

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval, not below 0."""
        return max(0.0, self.value - SPREAD_Z * self.error)

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.value + SPREAD_Z * self.error


class Played(Struct, frozen=True, kw_only=True):
    """What came of it; shares are of the time.  `histogram` counts years by the minutes lost of a VM."""

    years: float
    failures: int
    short: Estimate
    vm_missing: Estimate
    vm_restarts: Estimate
    minutes_quantiles: dict[str, float]
    histogram: tuple[int, ...] = ()


class Share(Struct, frozen=True, kw_only=True):
    """Some of the years, for one worker; the seed makes them what they are, whoever plays them."""

    years: float
    seed: int


class SharePlayed(Struct, frozen=True, kw_only=True):
    """Of each batch the hours short, host-hours missing and VM-hours lost; failures, years by loss."""

    years: float
    short_h: tuple[float, ...]
    missing_h: tuple[float, ...]
    restarts_h: tuple[float, ...]
    failures: int
    histogram: tuple[int, ...]


def shares_of(years: float, count: int, chance: np.random.Generator) -> tuple[Share, ...]:
    """Split years into so many equal shares, each with a seed of its own."""
    seeds = [int(seed) for seed in chance.integers(1, 2**62, size=count)]
    return tuple(Share(years=years / count, seed=seed) for seed in seeds)


def play_share(cluster: Cluster, share: Share) -> SharePlayed:
    """Play one share of the years.

    Raises:
        ValueError: as `play`.
    """
    _check(cluster, share.years)
    from planner.kernels.outages import play_hosts

    run: Callable[..., Any] = play_hosts
    short, missing, restarts, failures, histogram = run(
        *_arguments(cluster), share.years, BATCHES, share.seed
    )
    return SharePlayed(
        years=share.years,
        short_h=tuple(short.tolist()),
        missing_h=tuple(missing.tolist()),
        restarts_h=tuple(restarts.tolist()),
        failures=int(failures.sum()),
        histogram=tuple(histogram.tolist()),
    )


def joined(cluster: Cluster, played: Sequence[SharePlayed]) -> Played:
    """Put equal shares together, in whatever order they came."""
    years = sum(share.years for share in played)
    span_h = years / len(played) * HOURS_A_YEAR / BATCHES
    vms = max(1, cluster.vms_per_host * cluster.hosts)
    working = max(1, cluster.hosts - cluster.tolerated)
    histogram = np.sum([share.histogram for share in played], axis=0)
    short, missing, restarts = (
        np.concatenate([np.asarray(getattr(share, name)) for share in played])
        for name in ("short_h", "missing_h", "restarts_h")
    )
    return Played(
        years=years,
        failures=sum(share.failures for share in played),
        short=_estimate(short / span_h),
        vm_missing=_estimate(missing / span_h / working),
        vm_restarts=_estimate(restarts / span_h / vms),
        minutes_quantiles=_quantiles(histogram),
        histogram=tuple(int(count) for count in histogram),
    )


def play(cluster: Cluster, years: float, chance: np.random.Generator, threads: int = 1) -> Played:
    """Play a cluster.

    Args:
        years: cluster-years in all.
        chance: gives each thread its seed; the same generator state and threads give the same answer.

    Returns:
        The share of time with more hosts failed than tolerated; the shares of a VM's time lost to hosts
        missing and to restarts, each with its standard error; quantiles of the minutes a VM lost in a year.

    Raises:
        ValueError: no host, no year, or times that are not positive.
    """
    _check(cluster, years)
    shares = shares_of(years, threads, chance)
    with ThreadPoolExecutor(threads) as pool:
        played = list(pool.map(lambda share: play_share(cluster, share), shares))
    return joined(cluster, played)


def edges() -> tuple[float, ...]:
    """Give the upper edges of the bins of a histogram, minutes: 0, then 8 a decade from 0.001 up."""
    return (0.0, *(0.001 * 10 ** (place / 8) for place in range(1, BINS + 1)))


def rare(cluster: Cluster, cycles: int, chance: np.random.Generator) -> Estimate:
    """Give the share of time with more hosts failed than tolerated, however rare, by importance sampling.

    Lives and repairs are exponential here.  Failures are made as likely as repairs and each cycle is weighed
    with how much less likely it is in truth; plain years would never see one.

    Source: regenerative simulation with failure biasing, Lewis and Boehm, Nuclear Engineering and Design 77
    (1984); 16 hosts of which 3 may fail, 8,760 h and 8 h, are short 1.25e-9 of the time.
    """
    _check(cluster, 1.0)
    crews = cluster.crews or cluster.hosts
    seed = int(chance.integers(1, 2**62))
    from planner.kernels.outages import play_cycles

    run: Callable[..., tuple[float, ...]] = play_cycles
    short, short2, length, length2, n = run(
        cluster.hosts, cluster.tolerated, crews, 1 / cluster.mtbf_h, 1 / cluster.mttr_h, BIAS, cycles, seed
    )
    mean_short, mean_length = short / n, length / n
    value = mean_short / mean_length
    spread = (short2 / n - mean_short**2) + value**2 * (length2 / n - mean_length**2)
    return Estimate(value=value, error=math.sqrt(max(0.0, spread) / n) / mean_length)


def _check(cluster: Cluster, years: float) -> None:
    if cluster.hosts < 1 or years <= 0 or not math.isfinite(years):
        raise ValueError("a cluster to play has a host and a year")
    if min(cluster.mtbf_h, cluster.mttr_h, cluster.life_shape) <= 0 or cluster.tolerated < 0:
        raise ValueError("times, shapes and hosts that may fail are not negative")
    if cluster.tolerated >= cluster.hosts:
        raise ValueError("a cluster cannot do without all of its hosts")


def _arguments(cluster: Cluster) -> tuple[float, ...]:
    """Give the kernel's arguments: scales that keep the means."""
    sigma = cluster.repair_sigma
    mean_log = math.log(cluster.mttr_h)
    boot = math.log(cluster.boot_s) - cluster.boot_sigma**2 / 2 if cluster.boot_s > 0 else -math.inf
    return (
        cluster.hosts,
        cluster.tolerated,
        cluster.crews or cluster.hosts,
        cluster.mtbf_h / math.gamma(1.0 + 1.0 / cluster.life_shape),
        cluster.life_shape,
        mean_log if sigma is None else mean_log - sigma**2 / 2,
        -1.0 if sigma is None else sigma,
        cluster.vms_per_host,
        cluster.restart_s,
        cluster.turn_s,
        cluster.batch,
        boot,
        cluster.boot_sigma,
    )


def _estimate(parts: npt.NDArray[np.float64]) -> Estimate:
    return Estimate(value=float(parts.mean()), error=float(parts.std(ddof=1) / math.sqrt(len(parts))))


def _quantiles(histogram: npt.NDArray[np.int64]) -> dict[str, float]:
    """Give the minutes that half, 95 % and 99 % of the years stay below: upper edges of their bins."""
    counts = np.asarray(histogram)
    if not counts.sum():
        return {}
    reached = np.cumsum(counts) / counts.sum()
    upper = edges()
    return {
        name: upper[int(np.searchsorted(reached, share))]
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }

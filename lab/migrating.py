"""Walk: the product migrates a live VM, and is compared with what it predicted."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, structs

from lab import observer
from lab.findings import Finding, at_most, promise, told
from lab.product import Product
from lab.world import VMS, Copies, World
from operations.fitting import Fit, Measured, fitted, predicted
from operations.migration import Migration, expected_lost_pings

VM: Final = "db1"
CAP_MIB_S: Final = 32
DOWNTIME_LIMIT_MS: Final = 300.0  # QEMU's own default
ANNOUNCE_MS: Final = 57.0  # docs/lab.md: a gap is that much longer than the stop that QEMU tells of
PAGES_A_MIB: Final = 256.0
MEASURED_S: Final = 2.0
BYTES_WITHIN: Final = (
    0.25  # docs/lab.md: how much is sent does not hang on how busy the machine is, beyond what the guest gets
)
# What is known of such guests beforehand (docs/formulas/migration.md); the first migrations put it right.
START: Final = Fit(setup_s=0.6, guest_mib=62.0, cap_share=1.0, stop_mib_s=500.0, links_mib_s={"lab": 280.0})


JOB: Final = {"Time elapsed", "Total downtime", "Data processed", "Iteration"}


class Load(Struct, frozen=True, kw_only=True):
    """What the guest does while it is moved."""

    case: str
    filled_mib: float = 0.0
    dirty_mib_s: float = 0.0
    working_set_mib: float = 0.0


CALIBRATION: Final = (
    Load(case="idle"),
    Load(case="32 MiB filled, 4 MiB/s dirtied", filled_mib=32, dirty_mib_s=4, working_set_mib=16),
    Load(case="64 MiB filled, 8 MiB/s dirtied", filled_mib=64, dirty_mib_s=8, working_set_mib=32),
)
UNSEEN: Final = Load(
    case="48 MiB filled, 16 MiB/s dirtied", filled_mib=48, dirty_mib_s=16, working_set_mib=32
)


class Moved(Struct, frozen=True, kw_only=True):
    """One migration as it went; the figures of its memory are libvirt's, asked for apart from the product."""

    case: str
    outcome: str
    total_s: float
    downtime_ms: float
    sent_mib: float
    rounds: int
    same_boot: bool
    where: list[str]
    most_copies: int
    product_s: float | None
    product_mib: float | None
    pings: dict[float, observer.Pings]


def walked(world: World, product: Product) -> Iterator[Finding]:
    """Migrate three times to learn the machine's parameters, predict a fourth, and do it."""
    seen: list[Measured] = []
    idle_mib = 0.0
    for load in CALIBRATION:
        moved = _moved(world, product, load)
        yield from _kept(moved)
        yield told(
            f"{load.case}: total",
            f"{moved.total_s:.2f} s",
            _seconds(predicted(START, _measured(load, moved))),
        )
        seen.append(_measured(load, moved))
        idle_mib = idle_mib or moved.sent_mib
    fit = fitted(seen, START)
    _take(UNSEEN)
    rate = _dirty_rate()
    guess = structs.replace(UNSEEN, dirty_mib_s=rate)  # a busy machine gives the guest less than it wants
    # Said before it is done.  A fit looks at seconds alone; how much there is to send the idle VM has shown.
    expected = predicted(fit, _measured(guess, None))
    volume = predicted(structs.replace(START, guest_mib=idle_mib), _measured(guess, None))
    moved = _moved(world, product, UNSEEN)
    yield told(f"{UNSEEN.case}: dirtied beforehand", f"{rate:.1f} MiB/s")
    yield from _kept(moved)
    yield from _compared(expected, volume, moved)


def _moved(world: World, product: Product, load: Load) -> Moved:
    source = world.where(VM)[0]
    destination = next(name for name in world.hosts if name != source)
    before = _take(load)
    world.hosts[source].virsh("migrate-setspeed", VM, str(CAP_MIB_S))
    product.read()
    pinging = observer.Pinging(world.tree, VMS[VM])
    with Copies(world) as copies:
        operation, _ = product.done("migrate", VM, destination)
    pings = pinging.end()
    after = observer.asked(VMS[VM], "stat", 5.0) or {}
    job = _job(world.hosts[destination].virsh("domjobinfo", "--completed", "--keep-completed", VM))
    observer.asked(VMS[VM], "dirty 0 0")
    return Moved(
        case=load.case,
        outcome=operation.state,
        total_s=job["Time elapsed"] / 1000,
        downtime_ms=job["Total downtime"],
        sent_mib=job["Data processed"],
        rounds=int(job["Iteration"]),
        same_boot=bool(before) and before.get("boot") == after.get("boot"),
        where=world.where(VM),
        most_copies=copies.most(VM),
        product_s=operation.measured.get("total_s"),
        product_mib=operation.measured.get("sent_mib"),
        pings=pings,
    )


def _take(load: Load) -> dict[str, str]:
    """Have the guest do what it is to do; its answer."""
    observer.asked(VMS[VM], f"fill {load.filled_mib}", 60.0)
    return observer.asked(VMS[VM], f"dirty {load.working_set_mib} {load.dirty_mib_s}", 5.0) or {}


def _dirty_rate() -> float:
    """What the guest really dirties a second, by its own count."""
    first = observer.asked(VMS[VM], "stat", 5.0) or {}
    time.sleep(MEASURED_S)
    second = observer.asked(VMS[VM], "stat", 5.0) or {}
    pages = float(second["dirtied"]) - float(first["dirtied"])
    return pages / PAGES_A_MIB / (float(second["up"]) - float(first["up"]))


def _kept(moved: Moved) -> Iterator[Finding]:
    """What every migration has to keep."""
    yield promise(f"{moved.case}: the operation ended", moved.outcome, "done")
    yield promise(
        f"{moved.case}: the same boot goes on, in one place", (moved.same_boot, len(moved.where)), (True, 1)
    )
    lost = moved.pings[1.0].lost
    yield at_most(f"{moved.case}: pings lost at 1 s", lost, 1 + math.ceil(moved.downtime_ms / 1000))


def _compared(expected: Migration, volume: Migration, moved: Moved) -> Iterator[Finding]:
    error = moved.sent_mib / volume.sent_mib - 1
    yield Finding(
        what=f"{moved.case}: sent",
        measured=f"{moved.sent_mib:.0f} MiB in {moved.rounds} rounds ({error:+.0%})",
        predicted=f"{volume.sent_mib:.0f} MiB in {volume.rounds + 1} rounds, within {BYTES_WITHIN:.0%}",
        holds=abs(error) <= BYTES_WITHIN,
    )
    off = "" if expected.seconds is None else f" ({moved.total_s / expected.seconds - 1:+.0%})"
    yield told(f"{moved.case}: total", f"{moved.total_s:.2f} s{off}", _seconds(expected))
    yield told(f"{moved.case}: stop", f"{moved.downtime_ms:.0f} ms", f"{expected.downtime_ms or 0:.0f} ms")
    for interval_s, pings in moved.pings.items():
        mean = expected_lost_pings(expected.downtime_ms or 0.0, ANNOUNCE_MS, interval_s)
        said = f"{pings.lost} of {pings.sent}, longest silence {pings.gap_s:.2f} s"
        yield told(f"{moved.case}: pings lost at {interval_s:g} s", said, f"{mean:.1f}")
    yield promise("copies of QEMU seen while it moved: the counter is not blind", moved.most_copies, 2)
    kept = (
        "nothing" if moved.product_s is None else f"{moved.product_s:.2f} s, {moved.product_mib or 0:.0f} MiB"
    )
    yield promise("the product keeps", kept, f"{moved.total_s:.2f} s, {moved.sent_mib:.0f} MiB")


def _measured(load: Load, moved: Moved | None) -> Measured:
    return Measured(
        case=load.case,
        filled_mib=load.filled_mib,
        dirty_mib_s=load.dirty_mib_s,
        working_set_mib=load.working_set_mib,
        cap_mib_s=CAP_MIB_S,
        link="lab",
        downtime_limit_ms=DOWNTIME_LIMIT_MS,
        total_s=moved.total_s if moved else 0.0,
        downtime_ms=moved.downtime_ms if moved else 0.0,
    )


def _seconds(migration: Migration) -> str:
    return "never" if migration.seconds is None else f"{migration.seconds:.2f} s"


def _job(said: str) -> dict[str, float]:
    """The figures of `virsh domjobinfo`, in ms and MiB.

    >>> _job("Time elapsed: 3035   ms\\nData processed:   73.4 MiB\\nIteration: 4\\nTotal downtime: 9 ms")
    {'Time elapsed': 3035.0, 'Data processed': 73.4, 'Iteration': 4.0, 'Total downtime': 9.0}
    """
    units = {"B": 2**-20, "KiB": 2**-10, "GiB": 2**10}
    found = re.findall(r"^([A-Z][\w /]*?):\s+([\d.]+) *(\S*)", said, re.MULTILINE)
    job = {name: float(number) * units.get(unit, 1) for name, number, unit in found}
    if not job.keys() >= JOB:
        raise RuntimeError(f"libvirt tells too little of the migration: {said}")
    return job

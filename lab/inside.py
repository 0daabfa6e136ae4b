"""What runs inside the laboratory's own namespaces: builds it, walks, prints, and ends with 0 or 1.

It is process 1 of its own process namespace.  Whatever kills it takes every host, VM and network along.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab import ground, world
from lab.findings import Finding, Walk, printed, written
from lab.ground import Missing
from lab.product import Product

if TYPE_CHECKING:
    Step = Callable[[world.World, Product], Iterator[Finding]]

FIRST_HOSTS: Final = {"db1": "h1", "web1": "h1", "web2": "h2"}
BROKEN, LACKING, INTERRUPTED = 1, 2, 130


def main(arguments: list[str]) -> int:
    """Walk all the walks; the file named by an argument keeps what they found."""
    began = time.monotonic()
    try:
        lab, product = _built()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return LACKING
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    how = "KVM" if lab.accelerator == "kvm" else "TCG"
    print(
        f"Built in {time.monotonic() - began:.1f} s on {how}, {os.cpu_count()} CPUs, load {load}.", flush=True
    )
    walks = []
    for name, promise, step in _steps():
        walks.append(_walked(name, promise, step, lab, product))
        print(printed(walks[-1]), flush=True)
    walks.append(_ft(lab, product))
    print(printed(walks[-1]), flush=True)
    if arguments:
        written(walks, Path(arguments[0]))
    done = [walk for walk in walks if not walk.skipped]
    seconds = time.monotonic() - began
    print(f"{sum(walk.holds for walk in done)} of {len(done)} walks ok in {seconds:.0f} s.")
    return 0 if all(walk.holds for walk in walks) else BROKEN


def _built() -> tuple[world.World, Product]:
    world.prepared()
    product = Product()  # its tables are made while the hosts start
    lab = world.built()
    lab.start(FIRST_HOSTS)
    product.begin(lab.hosts.values())
    return lab, product


def _steps() -> list[tuple[str, str, Step]]:
    from lab import failing, migrating  # they know Django, which is set up by now

    return [
        ("live migration", "The VM goes on, and what was predicted is what was measured.", migrating.walked),
        ("evacuation", "Every VM leaves h1 as the planner says, without a restart.", failing.evacuated),
        ("a storage switch dies", "The other carries on: writes wait, none fails.", failing.fabric_lost),
        (
            "a host is cut off",
            "Nothing runs twice: the power switch is proof, silence none.",
            failing.isolated,
        ),
        ("a host dies", "Its VMs are restarted on the other, once each.", failing.host_lost),
    ]


def _ft(lab: world.World, product: Product) -> Walk:
    """Walk FT where there is a QEMU that can; it ends the hosts, so it comes last."""
    from lab import colo

    promise = "A second copy in step goes on as if nothing had been. The laboratory's own, libvirt has no FT."
    tree = ground.colo()
    if tree is None:
        why = f"No QEMU that holds FT was fetched ({ground.COLO_SUITE}): sudo ./headroom lab --fetch says why"
        return Walk(name="FT", promise=promise, seconds=0.0, findings=(), skipped=why)

    def step(lab: world.World, product: Product) -> Iterator[Finding]:
        return colo.walked(lab, tree)

    return _walked("FT", promise, step, lab, product)


def _walked(name: str, promise: str, step: Step, lab: world.World, product: Product) -> Walk:
    """Walk one; what breaks it off is a promise broken, too."""
    from cluster.services import Refused

    began, findings = time.monotonic(), []
    try:
        for finding in step(lab, product):
            findings.append(finding)
    except (RuntimeError, OSError, LookupError, Refused) as error:
        said = f"{type(error).__name__}: {error}\n{product.said()}"
        findings.append(Finding(what="broken off", measured=said, holds=False))
    return Walk(name=name, promise=promise, seconds=time.monotonic() - began, findings=tuple(findings))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

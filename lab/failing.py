"""Walks on which something fails: a host emptied in time, a switch, a host cut off, a host that dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from cluster import snapshot
from cluster.models import Estate
from lab import network, observer, storage
from lab.findings import Finding, at_most, promise, told
from lab.machine import STATE, wait_until
from lab.product import NAME, Product
from lab.world import VMS, Copies, World
from planner.resilience.evacuation import evacuate

VCPU_PER_CORE: Final = 4.0
SAMPLES: Final = 10
WATCHED_S: Final = 3.0


def evacuated(world: World, product: Product) -> Iterator[Finding]:
    """The planner says where each VM of h1 goes, and the product carries all of it out."""
    product.read()
    plan = evacuate(snapshot.load(Estate.objects.get(name=NAME)), "h1", vcpu_per_core=VCPU_PER_CORE)
    wanted = sorted((move.vm, move.target) for move in plan.moves)
    yield promise("planned", [vm for vm, _ in wanted], world.on("h1"))
    boots = {vm: _boot(vm) for vm, _ in wanted}
    pinging = {vm: observer.Pinging(world.tree, VMS[vm]) for vm, _ in wanted}
    began = time.monotonic()
    asked = [product.ask("migrate", vm, target) for vm, target in wanted]
    ended = [product.ended(operation) for operation in asked]
    seconds = time.monotonic() - began
    pings = {vm: one.end() for vm, one in pinging.items()}
    yield promise("operations", [operation.state for operation in ended], ["done"] * len(wanted))
    yield promise("left on h1", world.on("h1"), [])
    for vm, target in wanted:
        yield promise(f"{vm} goes on", (world.where(vm), _boot(vm) == boots[vm]), ([target], True))
        yield at_most(f"{vm}: pings lost at 1 s", pings[vm][1.0].lost, 2)
    product.read()  # what moves is not read anew by itself
    yield told("all moved", f"{seconds:.1f} s from the wish", f"{plan.seconds:.1f} s of copying at least")


def fabric_lost(world: World, product: Product) -> Iterator[Finding]:
    """A storage switch dies while VMs write."""
    vm = "web1"
    observer.asked(VMS[vm], "disk 1")
    before = observer.asked(VMS[vm], "stat", 5.0) or {}
    pinging = observer.Pinging(world.tree, VMS[vm])
    network.fabric_down("fabric-a")
    time.sleep(WATCHED_S)
    after = observer.asked(VMS[vm], "stat", 5.0) or {}
    network.fabric_up("fabric-a")
    pings = pinging.end()
    yield promise("writes go on over the other", int(after["written"]) > int(before["written"]), True)
    yield promise("errors of the disk", after["errors"], before["errors"])
    yield promise("the same boot goes on", after["boot"], before["boot"])
    yield told("longest write", f"{after['stall_ms']} ms")
    yield told("pings lost at 1 s", pings[1.0].lost)


def isolated(world: World, product: Product) -> Iterator[Finding]:
    """h2 is cut off from everything and runs on.  No copy may start before its power is known to be off."""
    vm, others = "db1", [name for name in world.on("h2") if name != "db1"]
    before = _boot(vm)
    with Copies(world) as copies:
        early, _ = product.done("restart", vm, "h1")
        yield promise("while h2 answers, a restart elsewhere", early.state, "failed")
        yield told("because", _words(early.why))
        network.isolated("h2")
        (STATE / "power-switch-broken").touch()
        product.read()
        refused, _ = product.done("restart", vm, "h1")
        yield promise("with a power switch that does not answer", refused.state, "failed")
        yield told("because", _words(refused.why))
        yield promise("it runs where it did", world.where(vm), ["h2"])
        (STATE / "power-switch-broken").unlink()
        began = time.monotonic()
        done, asked_s = product.done("restart", vm, "h1")
        yield promise("with one that confirms", done.state, "done")
        yield promise("the power of h2 is on", world.hosts["h2"].is_on(), False)
        world.wait_for(vm)
        outage_s = time.monotonic() - began
        observer.asked(VMS[vm], "disk 1")
        yield promise("it runs on h1 alone", world.where(vm), ["h1"])
        yield promise("it booted anew", _boot(vm) != before, True)
        yield promise("who writes its disk from then on", _writers(vm), {_boot(vm)})
        network.isolated("h2", whole=False)
        yield from _all_restarted(product, world, others, "h1")
    yield promise(f"the most copies of one VM, of {copies.looks} looks", copies.most(*VMS), 1)
    yield told(
        "from the wish to its first answer",
        f"{outage_s:.1f} s, {asked_s:.1f} s of them the product's",
        f"{world.boot_s:.1f} s to boot all, and the fence",
    )


def host_lost(world: World, product: Product) -> Iterator[Finding]:
    """h2 is back; h1 loses its power with every VM on it."""
    host = world.hosts["h2"]
    host.power_on()
    wait_until(host.answers, "libvirtd of h2", host.console)
    product.read()
    named = sorted((vm.name, vm.host) for vm in snapshot.load(Estate.objects.get(name=NAME)).vms)
    yield promise("each VM stands in the estate once", named, [(vm, "h1") for vm in sorted(VMS)])
    yield promise("what h2 has started by itself", world.on("h2"), [])
    with Copies(world) as copies:
        lost_at = time.monotonic()
        world.hosts["h1"].power_off()
        product.read()
        noticed_s = time.monotonic() - lost_at
        yield from _all_restarted(product, world, sorted(VMS), "h2")
        outage_s = time.monotonic() - lost_at
    yield promise(f"the most copies of one VM, of {copies.looks} looks", copies.most(*VMS), 1)
    yield told(
        "from the loss of power to the last answer",
        f"{outage_s:.1f} s for {len(VMS)} VMs",
        f"{noticed_s:.1f} s until it was noticed, {world.boot_s:.1f} s to boot all at once",
    )


def _all_restarted(product: Product, world: World, vms: list[str], host: str) -> Iterator[Finding]:
    """Have VMs restarted at the same time, and wait until each answers."""
    ended = [product.ended(operation) for operation in [product.ask("restart", vm, host) for vm in vms]]
    yield promise(f"restarted on {host}: {', '.join(vms)}", [one.state for one in ended], ["done"] * len(vms))
    for vm in vms:
        world.wait_for(vm)
        observer.asked(VMS[vm], "disk 1")
    yield promise("each runs there alone", [world.where(vm) for vm in vms], [[host]] * len(vms))


def _boot(vm: str) -> str:
    """The boot id that a VM tells; empty: it does not answer."""
    for _ in range(SAMPLES):
        said = observer.asked(VMS[vm], "stat", 1.0)
        if said:
            return said["boot"]
    return ""


def _writers(vm: str) -> set[str]:
    """The boot ids seen in a VM's first sector over a while, once the newest has begun to write."""
    wait_until(lambda: storage.last_written(vm)[1] == _boot(vm), f"{vm} writes")
    seen = set()
    for _ in range(SAMPLES):
        seen.add(storage.last_written(vm)[1])
        time.sleep(0.1)
    return seen


def _words(why: object) -> str:
    """A sentence of an operation, filled in."""
    if not isinstance(why, dict):
        return str(why)
    return str(why.get("template", why)).format(**why.get("values", {}))

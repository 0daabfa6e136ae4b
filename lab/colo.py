"""Walk: FT with QEMU COLO.  Two QEMUs run one VM in step; the primary loses its power, the secondary goes on.

The network packets of both are compared before they leave; where they differ the memory is made equal.  The
filters come after the boot: on the command line they would hold all packets back until there is a secondary.
libvirt knows none of this, so it is no work of the product's: a laboratory feature.

Source: qemu.org/docs, COLO-FT; docs/lab.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lab import guest, network, observer
from lab.findings import Finding, at_most, promise, told
from lab.machine import Machine, wait_until
from lab.monitor import Monitor, listens
from lab.world import MEMORY_MIB, World

NUMBER: Final = 20
PRIMARY, SECONDARY = network.HOSTS
TAP: Final = "ft"
MIRROR, ANSWERS, COMPARED, OUT, INCOMING = 9003, 9004, 9001, 9005, 9998
CHECKPOINT_MS: Final = 1000
BANDWIDTH_BYTES: Final = 100 * 2**20
IN_STEP_FOR_S: Final = 4.0
BEFORE_S: Final = 2.0
NOTICED_S: Final = 0.05  # whoever watches the primary needs so long: assumed, as in docs/lab.md
AFTER_S: Final = 3.0
INTERVALS_S: Final = (1.0, 0.1)  # each packet that differs costs a checkpoint: more pings slow the VM down
CAPABILITIES: Final = [{"capability": name, "state": True} for name in ("return-path", "x-colo")]
HEADER: Final = {"vnet_hdr_support": True}


def walked(world: World, tree: Path) -> Iterator[Finding]:
    """Boot a primary, give it a secondary, wait until both are in step, and cut the primary's power."""
    for host in world.hosts.values():
        host.power_off()
    machines = {name: Machine(name, tree, (_command(name),)) for name in network.HOSTS}
    try:
        yield from _walked(world, machines)
    finally:
        for machine in machines.values():
            machine.power_off()


def _walked(world: World, machines: dict[str, Machine]) -> Iterator[Finding]:
    primary = _started(machines[PRIMARY])
    version = primary.ask("query-version")["qemu"]
    yield told("QEMU", "{major}.{minor}.{micro}".format(**version))
    wait_until(lambda: observer.asked(NUMBER, "stat", 0.3), "the primary", machines[PRIMARY].console, 120)
    observer.asked(NUMBER, "fill 16", 20)
    before = observer.asked(NUMBER, "dirty 16 2", 5.0) or {}
    _listen(primary)
    secondary = _started(machines[SECONDARY])
    for monitor in (secondary, primary):
        monitor.ask("migrate-set-capabilities", capabilities=CAPABILITIES)
    _filter(primary)
    limits = {"x-checkpoint-delay": CHECKPOINT_MS, "max-bandwidth": BANDWIDTH_BYTES}
    primary.ask("migrate-set-parameters", **limits)
    primary.ask("migrate", uri=f"tcp:{network.address(SECONDARY)}:{INCOMING}")
    wait_until(lambda: _modes(primary, secondary) == ("primary", "secondary"), "both in step", str, 60)
    pinging = observer.Pinging(world.tree, NUMBER, INTERVALS_S)
    time.sleep(IN_STEP_FOR_S)
    yield promise("both are in step", _modes(primary, secondary), ("primary", "secondary"))
    healthy = pinging.end()
    yield told("pings lost while both live, at 0.1 s", f"{healthy[0.1].lost} of {healthy[0.1].sent}")
    pinging = observer.Pinging(world.tree, NUMBER, INTERVALS_S)
    time.sleep(BEFORE_S)
    machines[PRIMARY].power_off()
    time.sleep(NOTICED_S)
    secondary.ask("x-colo-lost-heartbeat")
    time.sleep(AFTER_S)
    pings = pinging.end()
    after = observer.asked(NUMBER, "stat", 5.0) or {}
    yield promise("the primary has power", machines[PRIMARY].is_on(), False)
    yield promise("the same boot goes on", after.get("boot"), before.get("boot"))
    yield promise("it did not begin anew", float(after.get("up", 0)) > float(before.get("up", 0)), True)
    yield promise(
        "what it counted goes on", int(after.get("dirtied", 0)) > int(before.get("dirtied", 0)), True
    )
    yield at_most("pings lost at 1 s", pings[1.0].lost, 2)
    said = f"{pings[0.1].lost} of {pings[0.1].sent}, longest silence {pings[0.1].gap_s:.2f} s"
    yield told("pings lost at 0.1 s", said, f"{NOTICED_S + 0.1:.2f} s: noticed, and 0.1 s to take over")
    yield told("from here on it is unprotected", secondary.ask("query-status")["status"])


def _command(name: str) -> str:
    """QEMU as it runs on a host."""
    words = guest.KERNEL_WORDS.format(address=f"{guest.address(NUMBER)}/24")
    command = [
        *("qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", "qemu64", "-m", str(MEMORY_MIB)),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "file:/run/serial"),
        *("-kernel", "/lab/guest/kernel", "-initrd", "/lab/guest/initramfs", "-append", f'"{words}"'),
        *("-qmp", "unix:/run/qmp,server=on,wait=off"),
        *("-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no,vnet_hdr=on"),
        *("-device", f"virtio-net-pci,id=card,netdev=net,mac={guest.mac(NUMBER)},romfile="),
    ]
    return " ".join([*command, *(_secondary() if name == SECONDARY else ())])


def _secondary() -> list[str]:
    """What the secondary has from the start: packets come from the primary, and its answers go there."""
    at = f"host={network.address(PRIMARY)}"
    filters = (
        "filter-redirector,id=f1,netdev=net,queue=tx,indev=red0,vnet_hdr_support=on",
        "filter-redirector,id=f2,netdev=net,queue=rx,outdev=red1,vnet_hdr_support=on",
        "filter-rewriter,id=f3,netdev=net,queue=all,vnet_hdr_support=on",
    )
    return [
        *("-chardev", f"socket,id=red0,{at},port={MIRROR}"),
        *("-chardev", f"socket,id=red1,{at},port={ANSWERS}"),
        *(word for each in filters for word in ("-object", each)),
        *("-incoming", f"tcp:0.0.0.0:{INCOMING}"),
    ]


def _started(machine: Machine) -> Monitor:
    network.ip("tuntap", "add", "dev", TAP, "mode", "tap", "vnet_hdr", inside=machine.name)
    network.ip("link", "set", TAP, "master", "vms", "up", inside=machine.name)
    machine.power_on()
    path = machine.state / "run/qmp"
    wait_until(lambda: listens(path), f"QEMU on {machine.name}", machine.console)
    return Monitor(path)


def _listen(primary: Monitor) -> None:
    """Open the primary's ends of what both say to each other, and of the comparison within it."""
    for name, port, server in (
        ("mirror0", MIRROR, True),
        ("compare1", ANSWERS, True),
        ("compare0", COMPARED, True),
        ("compare0-0", COMPARED, False),
        ("compare_out", OUT, True),
        ("compare_out0", OUT, False),
    ):
        host = "0.0.0.0" if server else "127.0.0.1"  # noqa: S104  within the laboratory
        address = {"type": "inet", "data": {"host": host, "port": str(port)}}
        waits = {"wait": False} if server else {}
        backend = {"type": "socket", "data": {"addr": address, "server": server, **waits}}
        primary.ask("chardev-add", id=name, backend=backend)


def _filter(primary: Monitor) -> None:
    """Have every packet mirrored to the secondary, and compared before it leaves."""
    objects: tuple[dict[str, Any], ...] = (
        {"qom-type": "filter-mirror", "id": "m0", "queue": "tx", "outdev": "mirror0"},
        {"qom-type": "filter-redirector", "id": "r0", "queue": "rx", "indev": "compare_out"},
        {"qom-type": "filter-redirector", "id": "r1", "queue": "rx", "outdev": "compare0"},
    )
    for each in objects:
        primary.ask("object-add", **each, netdev="net", **HEADER)
    primary.ask("object-add", **{"qom-type": "iothread", "id": "io1"})
    compare = {"qom-type": "colo-compare", "id": "comp0", "iothread": "io1", "outdev": "compare_out0"}
    primary.ask("object-add", **compare, primary_in="compare0-0", secondary_in="compare1", **HEADER)


def _modes(primary: Monitor, secondary: Monitor) -> tuple[str, str]:
    first, second = (monitor.ask("query-colo-status")["mode"] for monitor in (primary, secondary))
    return first, second

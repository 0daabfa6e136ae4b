"""The laboratory, built up: two hosts, their switches and storage, an observer, and VMs that answer."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from lab import ground, guest, network, observer, storage
from lab.machine import GUEST, STATE, Host, Machine, qemus, wait_until

VMS: Final[dict[str, int]] = {"db1": 11, "web1": 12, "web2": 13}  # the number is address, MAC and UUID
MEMORY_MIB: Final = 192
BOOTS_WITHIN_S: Final = 120.0
LOOK_EVERY_S: Final = 0.1


class World(Struct):
    """What walks walk on.  `accelerator` is qemu (TCG) or kvm; `boot_s`: what the VMs took to answer
    when all of them were started at once."""

    tree: Path
    accelerator: str
    hosts: dict[str, Host]
    san: Machine
    boot_s: float = 0.0

    def start(self, where: Mapping[str, str]) -> None:
        """Define VMs on hosts and start them, as their owner would have, and wait until all answer."""
        began = time.monotonic()
        for vm, host in where.items():
            xml = guest.domain(vm, VMS[vm], MEMORY_MIB, storage.disk_xml(vm), self.accelerator)
            self.hosts[host].define(xml)
            self.hosts[host].virsh("start", vm)
        for vm in where:
            self.wait_for(vm)
            observer.asked(VMS[vm], "disk 1")
        self.boot_s = time.monotonic() - began

    def wait_for(self, vm: str) -> float:
        """Wait until a VM answers; give the seconds it took."""
        return wait_until(lambda: observer.asked(VMS[vm], "stat", 0.3), vm, self.told, BOOTS_WITHIN_S)

    def where(self, vm: str) -> list[str]:
        """The hosts on which a QEMU of this VM runs, whatever anybody believes: two is a disaster."""
        return [host for host, name in self.running() if name == vm]

    def on(self, host: str) -> list[str]:
        """The VMs that run on a host."""
        return [name for where, name in self.running() if where == host]

    def running(self) -> list[tuple[str, str]]:
        """Every copy of a VM that runs: its host, and its name."""
        hosts = {host.space: name for name, host in self.hosts.items()}
        return sorted((hosts.get(space, "nowhere"), vm) for space, vm in qemus())

    def told(self) -> str:
        """The end of every log, for whoever has to find out what went wrong."""
        logs = sorted(
            path for host in self.hosts for path in (STATE / host / "log").rglob("*") if path.is_file()
        )
        return "\n".join(f"--- {path}\n{path.read_text(errors='replace')[-800:]}" for path in logs)


class Copies(threading.Thread):
    """Counts how many copies of each VM run, until it is asked: the most that were seen at one time."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True, name="copies")
        self._world = world
        self._over = threading.Event()
        self._most: Counter[str] = Counter()
        self.looks = 0

    def __enter__(self) -> Copies:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self._most |= Counter(vm for _, vm in self._world.running())
            self.looks += 1

    def most(self, *vms: str) -> int:
        """The most copies of one of these VMs that ran at one time."""
        return max(self._most[vm] for vm in vms)


def prepared() -> None:
    """Take a /run of the laboratory's own: everything that it writes ends with it."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run"], check=True)
    STATE.mkdir()


def built() -> World:
    """Build it all."""
    tree = ground.ensure()
    guest.built(tree, GUEST)
    network.laid()
    san = storage.storage(tree, list(VMS))
    hosts = {name: Host(name, tree) for name in network.HOSTS}
    for machine in (san, *hosts.values()):
        machine.power_on()
    for host in hosts.values():
        wait_until(host.answers, f"libvirtd of {host.name}", host.console)
    return World(tree=tree, accelerator=accelerator(hosts["h1"]), hosts=hosts, san=san)


def accelerator(host: Host) -> str:
    """Whether KVM boots the VM: there are machines whose /dev/kvm starts no kernel but their own.

    Gives libvirt's word for it: kvm, or qemu for TCG.
    """
    if not Path("/dev/kvm").exists():
        return "qemu"
    return "kvm" if host.run("bash", "-c", guest.KVM_PROBE).strip() == "1" else "qemu"

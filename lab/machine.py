"""One machine of the laboratory: its own network, processes, name and files; its PID 1 is its power."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from config.child import tied_to
from lab import network

STATE: Final = Path("/run/headroom-lab")  # on a file system of the laboratory's own: gone when it is
GUEST: Final = STATE / "guest"
DISKS: Final = STATE / "disks"
STARTS_WITHIN_S: Final = 60.0
# The unpacked system as root, read-only but for what libvirt writes; then whatever the machine is for.
BOOT: Final = """
set -e
mount --make-rprivate /
hostname {name}
root={state}/root
mkdir -p $root
mount --bind {tree} $root
mount -o remount,bind,ro $root
mount -t proc proc $root/proc
mount --rbind /sys $root/sys
mount --rbind /dev $root/dev
mount -t tmpfs tmp $root/tmp
mount --bind {state}/run $root/run
mount --bind {state}/etc $root/etc/libvirt
for each in lib log cache; do mount --bind {state}/$each $root/var/$each/libvirt; done
mount -t tmpfs lab $root/lab
mkdir $root/lab/guest $root/lab/disks
mount --bind {guest} $root/lab/guest
mount --bind {disks} $root/lab/disks
exec chroot $root bash -c '{commands} while :; do wait -n || sleep 0.2; done'
"""
POWER_SWITCH: Final = """#!/bin/sh
test ! -e {state}/power-switch-broken || exit 1
read first < {state}/"$2"/first || exit 1
case $1 in
off) kill -9 "$first" 2>/dev/null; exit 0 ;;
status) if test -d "/proc/$first"; then echo on; else echo off; fi ;;
*) exit 2 ;;
esac
"""
LIBVIRTD: Final = """listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
host_uuid = "{uuid}"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""
QEMU: Final = """user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "file"
max_core = 0
"""


class Machine:
    """A machine that can be switched on and off; what it had written stays."""

    def __init__(self, name: str, tree: Path, commands: Sequence[str]) -> None:
        self.name = name
        self.state = STATE / name
        self._tree = tree
        self._commands = "".join(f"{command} & " for command in commands)
        self._process: subprocess.Popen[bytes] | None = None
        self.space = ""
        for folder in ("run", "etc", "lib", "log", "cache"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)

    def power_on(self) -> None:
        shutil.rmtree(self.state / "run")
        (self.state / "run").mkdir()
        script = BOOT.format(
            name=self.name,
            state=self.state,
            tree=self._tree,
            guest=GUEST,
            disks=DISKS,
            commands=self._commands,
        )
        inside = ("--mount", "--uts", "--pid", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")
        with (self.state / "console").open("ab") as console:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self.name, "unshare", *inside, "bash", "-c", script],
                stdout=console,
                stderr=console,
                preexec_fn=tied_to(os.getpid()),
            )
        first = self.first_process()
        self.space = space_of(first)
        (self.state / "first").write_text(f"{first}\n")

    def power_off(self) -> float:
        """Cut the power; give the seconds until nothing of it ran any more."""
        began = time.monotonic()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.first_process(), signal.SIGKILL)
            self._process.wait()
        return time.monotonic() - began

    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def first_process(self) -> int:
        """The PID 1 of the machine, as it is called out here."""
        assert self._process is not None  # noqa: S101  by the order of the laboratory
        parent = self._process.pid
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until:
            children = Path(f"/proc/{parent}/task/{parent}/children")
            if children.exists() and (found := children.read_text().split()):
                return int(found[0])
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise ProcessLookupError(f"{self.name} is off: {self.console()}")

    def run(self, *command: str, text: str = "") -> str:
        """Run something in it and give what it prints."""
        enter = [
            "nsenter",
            "--target",
            str(self.first_process()),
            "--mount",
            "--uts",
            "--net",
            "--pid",
            "--root",
        ]
        done = subprocess.run([*enter, "--wd=/", *command], input=text, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command[:3])}: {done.stderr.strip()}")
        return done.stdout

    def console(self) -> str:
        """The end of what it had to say."""
        return (self.state / "console").read_text()[-2000:]


class Host(Machine):
    """A machine with a libvirtd of its own."""

    def __init__(self, name: str, tree: Path) -> None:
        super().__init__(name, tree, ("libvirtd --listen",))
        self.socket = self.state / "run/libvirt/libvirt-sock"
        self.place = f"{name} qemu+tcp://{network.address(name)}/system {network.address(name)}"
        identity = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.lab.invalid")
        (self.state / "etc/qemu").mkdir(exist_ok=True)
        (self.state / "etc/libvirtd.conf").write_text(LIBVIRTD.format(uuid=identity))
        (self.state / "etc/qemu.conf").write_text(QEMU)

    def answers(self) -> bool:
        """Whether its libvirt knows what its QEMU can: the first VM need not wait for that."""
        if not self.socket.exists():
            return False
        try:
            self.virsh("domcapabilities", "--virttype", "qemu", "--machine", "pc")
        except (RuntimeError, ProcessLookupError):
            return False
        return True

    def virsh(self, *words: str, text: str = "") -> str:
        """Ask its libvirt: the laboratory's own witness, apart from the product's driver."""
        return self.run("virsh", "--quiet", *words, text=text)

    def define(self, xml: str) -> None:
        self.virsh("define", "/dev/stdin", text=xml)


def qemus() -> list[tuple[str, str]]:
    """Every QEMU of the laboratory, by looking at the processes: its process namespace, and its VM."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ends while it is looked at
            words = (path / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"qemu-system-x86_64") and b"-name" in words:
                name = words[words.index(b"-name") + 1].decode()
                found.append((space_of(int(path.name)), name.removeprefix("guest=").split(",")[0]))
    return found


def space_of(process: int) -> str:
    """The process namespace of a process; every machine has one of its own."""
    return str(Path(f"/proc/{process}/ns/pid").readlink())


def wait_until(
    true: Callable[[], object],
    what: str,
    explain: Callable[[], object] = str,
    within_s: float = STARTS_WITHIN_S,
) -> float:
    """Wait for something to become true; give the seconds it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"{what} within {within_s:.0f} s: {explain()}")
        time.sleep(0.02)
    return time.monotonic() - began


def power_switch() -> Path:
    """The program that the product is given to fence a host with: it kills a machine's PID 1, or looks at it.

    The kernel lets PID 1 go last: once it is gone, nothing of the machine runs any more.
    """
    program = STATE / "power-switch"
    program.write_text(POWER_SWITCH.format(state=STATE))
    program.chmod(0o755)
    return program

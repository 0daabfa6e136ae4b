"""Two real libvirt hosts on this machine, each in namespaces of its own, and their power switch.

Each has its own libvirtd, files, name and process tree, so ending its first process is a true loss of power.
The guests have no disk and no system: one does nothing, another writes its memory faster than it is copied.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from operations.drivers.addresses import networks_of
from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.remote import Login
from tests.conftest import wait_until

PACKAGES = "python3-libvirt libvirt-daemon qemu-system-x86"
LOOPBACK = networks_of(["127.0.0.1/32"])
UUID = "00000000-0000-4000-8000-525400770010"
APART = ("unshare", "--mount", "--uts", "--pid", "--fork")
PORTS = {"h1": 49200, "h2": 49300}
LIBVIRTD = """
listen_tls = 0
auth_unix_rw = "none"
unix_sock_rw_perms = "0770"
host_uuid = "{uuid}"
"""
QEMU = """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "file"
migration_port_min = {port}
migration_port_max = {last}
"""
HOST = """
mount --make-rprivate / && hostname {name}
mkdir -p /etc/libvirt /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt
mount --bind {folder}/etc /etc/libvirt && mount --bind {folder}/run /run
for part in lib log cache; do mount --bind {folder}/$part /var/$part/libvirt; done
(cat /etc/passwd; echo libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin) > {folder}/passwd
(cat /etc/group; echo libvirt-qemu:x:64055:) > {folder}/group
mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group
libvirtd --pid-file /run/libvirtd.pid &
while :; do wait -n || sleep 0.2; done
"""
SWITCH = """#!/bin/sh
pid=$(cat {folder}/$2.pid)
case $1 in
off) {off} ;;
status) {status} ;;
esac
"""
FLOPPY = """<disk type='file' device='floppy'><source file='{path}'/><target dev='fda'/><readonly/></disk>"""
# It writes half a MiB of ever new words over and over: mov bx,1000h; mov es,bx; xor di,di; mov cx,8000h;
# add ax,9E37h; stosw; loop; add bx,1000h; cmp bx,9000h; jb; jmp.
WRITER = bytes.fromhex("BB0010 8EC3 31FF B90080 05379E AB E2FA 81C30010 81FB0090 72E9 EBE4")
DOMAIN = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>{mib}</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='fd'/></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/>{floppy}</devices></domain>
"""


class Hosts(Struct, frozen=True, kw_only=True):
    """Two running hosts."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]]

    def uris(self) -> tuple[str, ...]:
        """A line each, as a connection has them."""
        return tuple(
            f"{name} qemu+unix:///system?socket={self.socket(name)} 127.0.0.1" for name in self.processes
        )

    def socket(self, name: str) -> Path:
        return self.folder / name / "run/libvirt/libvirt-sock"

    def login(self, **given: Any) -> Login:
        return Login(**{"uris": self.uris(), "allowed": LOOPBACK, **given})

    def raw(self, name: str) -> Any:
        """A connection that owes nothing to the driver."""
        return binding.loaded().open(f"qemu+unix:///system?socket={self.socket(name)}")

    def start(self, host: str = "h1", *, writes: bool = False) -> None:
        """Define and start a guest; one that writes does not come to an end of its migration by itself."""
        path = self.folder / "writer.img"
        path.write_bytes(WRITER.ljust(510, b"\0") + b"\x55\xaa" + bytes(2879 * 512))
        floppy = FLOPPY.format(path=path) if writes else ""
        domain = self.raw(host).defineXML(DOMAIN.format(name="vm1", uuid=UUID, mib=128, floppy=floppy))
        domain.create()
        if writes:
            domain.migrateSetMaxSpeed(1)

    def copies(self, name: str = "vm1") -> int:
        """How many QEMU processes run this guest, whatever anybody says."""
        return sum(f"guest={name}," in line for line in _command_lines())

    def switch(self, off: str = "kill -9 $pid", status: str = "") -> str:
        """A power switch: a true one, or one whose answers are given."""
        usual = "if grep -q '^State:.*[^ZX] (' /proc/$pid/status; then echo on; else echo off; fi"
        path = self.folder / "switch"
        path.write_text(SWITCH.format(folder=self.folder, off=off, status=status or usual))
        path.chmod(0o755)
        return str(path)

    def freeze(self, host: str) -> None:
        """Stop libvirtd and not its guests: the host is silent, and its VMs run on."""
        os.kill(self._libvirtd(host), signal.SIGSTOP)

    def power_off(self, host: str) -> None:
        """Let a host lose its power."""
        _end(self.processes[host])

    def _libvirtd(self, host: str) -> int:
        first = _children(self.processes[host].pid)[0]
        return next(pid for pid in _children(first) if _name(pid) == "libvirtd")


def _children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended meanwhile
        if words[0].endswith("qemu-system-x86_64"):
            yield " ".join(words)


def _end(process: subprocess.Popen[bytes]) -> None:
    for pid in (*_children(process.pid), process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@contextmanager
def running() -> Iterator[Hosts]:
    """Start both; they end with the block, whatever is in it."""
    _skip_without()
    folder = Path(tempfile.mkdtemp(prefix="hr-hosts-", dir="/tmp"))  # short: it holds sockets
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for number, (name, port) in enumerate(PORTS.items(), start=1):
            processes[name] = _host(folder, name, number, port)
        hosts = Hosts(folder=folder, processes=processes)
        for name in processes:
            wait_until(lambda name=name: hosts.socket(name).exists(), f"libvirtd of {name}")  # type: ignore[misc]
            (folder / f"{name}.pid").write_text(str(_children(processes[name].pid)[0]))
        yield hosts
    finally:
        for process in processes.values():
            _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _host(folder: Path, name: str, number: int, port: int) -> subprocess.Popen[bytes]:
    home = folder / name
    for part in ("etc/qemu", "run/libvirt", "lib", "log", "cache"):
        (home / part).mkdir(parents=True)
    uuid = f"00000000-0000-4000-8000-{time.time_ns() % 10**11:011d}{number}"
    (home / "etc/libvirtd.conf").write_text(LIBVIRTD.format(uuid=uuid))
    (home / "etc/qemu.conf").write_text(QEMU.format(port=port, last=port + 50))
    script = HOST.format(name=name, folder=home)
    return subprocess.Popen(
        [*APART, "--mount-proc", "--kill-child", "bash", "-c", script], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def binding_or_skip() -> Any:
    """libvirt's binding, where this Python has it."""
    try:
        return binding.loaded()
    except DriverError as error:
        pytest.skip(str(error))


def _skip_without() -> None:
    binding_or_skip()
    missing = [name for name in ("libvirtd", "qemu-system-x86_64", "unshare") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: sudo apt-get install -y {PACKAGES}")
    if os.geteuid() != 0:
        pytest.skip("hosts of their own need root: sudo ./headroom test")
    if subprocess.run([*APART, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make namespaces: run where unshare works")

"""The laboratory's VM: Debian's kernel, one static program and the few modules that its two devices need."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from pathlib import Path
from typing import Final

from lab.ground import Missing

SOURCE: Final = Path(__file__).resolve().parent / "guest"
MODULES: Final = (
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "drivers/block/virtio_blk",
)
# x86 boot protocol (Documentation/arch/x86/boot.rst): where the compressed kernel lies in a bzImage.
SETUP_SECTORS_AT: Final = 0x1F1
PAYLOAD_AT: Final = 0x248
SECTOR: Final = 512
KERNEL_WORDS: Final = (
    "console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check nokaslr audit=0 "
    "lab.address={address}"
)
PORT: Final = 7777  # guest/guestd.c


# Boots the VM with KVM and says so; /lab/guest is where a host has it.
KVM_PROBE: Final = (
    "timeout 5 qemu-system-x86_64 -accel kvm -M pc -m 128 -nodefaults -display none -no-reboot -serial stdio "
    "-kernel /lab/guest/kernel -initrd /lab/guest/initramfs -append 'console=ttyS0 panic=-1' 2>&1 "
    "| grep -c LAB-READY; true"
)


def built(tree: Path, folder: Path) -> None:
    """Make `kernel` and `initramfs` in a folder, of what the unpacked system holds."""
    folder.mkdir(parents=True, exist_ok=True)
    _kernel(tree, folder)
    _initramfs(tree, folder)


def _kernel(tree: Path, folder: Path) -> None:
    """Unpack the kernel: a VM without KVM takes a second to do that itself."""
    image = next(iter(sorted(tree.glob("boot/vmlinuz-*")))).read_bytes()
    start = (image[SETUP_SECTORS_AT] + 1) * SECTOR
    offset, length = (int.from_bytes(image[at : at + 4], "little") for at in (PAYLOAD_AT, PAYLOAD_AT + 4))
    payload = image[start + offset : start + offset + length - 4]  # the last four bytes tell its size
    done = subprocess.run(["chroot", tree, "zstd", "-dc"], input=payload, capture_output=True, check=True)
    (folder / "kernel").write_bytes(done.stdout)


def _initramfs(tree: Path, folder: Path) -> None:
    root = folder / "initramfs.d"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "lib", "proc", "sys", "dev"):
        (root / name).mkdir(parents=True)
    _compile(root / "bin/guestd")
    shutil.copy(SOURCE / "init", root / "init")
    shutil.copy(tree / "usr/bin/busybox", root / "bin/busybox")
    kernel = next(iter(sorted(tree.glob("usr/lib/modules/*/kernel"))))
    for name in MODULES:
        packed = kernel / f"{name}.ko.xz"
        (root / "lib" / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
    names = "\n".join(sorted(str(path.relative_to(root)) for path in root.rglob("*")))
    busybox = root / "bin/busybox"
    archive = subprocess.run(
        [busybox, "cpio", "-o", "-H", "newc"], cwd=root, input=names.encode(), capture_output=True, check=True
    )
    (folder / "initramfs").write_bytes(gzip.compress(archive.stdout, 6, mtime=0))


def _compile(to: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise Missing("gcc is missing: sudo apt-get install -y gcc libc6-dev")
    options = ("-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread", "-s")
    done = subprocess.run([compiler, *options, SOURCE / "guestd.c", "-o", to], capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"gcc cannot build guestd (is libc6-dev there?): {done.stderr.strip()[-300:]}")


def domain(name: str, number: int, memory_mib: int, disk: str, accelerator: str) -> str:
    """The XML of one VM; `number` makes its UUID, MAC and address."""
    words = KERNEL_WORDS.format(address=f"{address(number)}/24")
    return f"""<domain type='{accelerator}'>
  <name>{name}</name>
  <uuid>{uuid(number)}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/lab/guest/kernel</kernel><initrd>/lab/guest/initramfs</initrd><cmdline>{words}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    {disk}
    <interface type='bridge'>
      <mac address='{mac(number)}'/><source bridge='vms'/><model type='virtio'/>
    </interface>
    <serial type='file'><source path='/var/log/libvirt/{name}.serial'/><target port='0'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""


def uuid(number: int) -> str:
    """The identity of a VM of the laboratory."""
    return f"00000000-0000-4000-8000-0000000077{number:02d}"


def mac(number: int) -> str:
    return f"52:54:00:77:00:{number:02d}"


def address(number: int) -> str:
    """Where a VM answers."""
    return f"192.168.77.{number}"

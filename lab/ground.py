"""What the laboratory stands on: a folder with Debian's QEMU and libvirt, unpacked, never installed.

apt fetches and verifies the packages into a folder of the laboratory's own: neither the machine's list of
sources nor what is installed on it changes.  Where they come from is read from the machine's own sources.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(os.environ.get("HEADROOM_LAB_DIR") or "/var/cache/headroom-lab")
# Debian 13 holds QEMU 10.0 and libvirt 11.3.  QEMU 7.2, Debian 12's, destroys the memory of a VM that is
# moved while it writes, wherever KVM is absent: see docs/lab.md.
SUITE: Final = "trixie"
PACKAGES: Final = (
    *("qemu-system-x86", "qemu-utils", "libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients"),
    *("iputils-ping", "iproute2", "linux-image-cloud-amd64", "busybox-static", "zstd", "base-files", "bash"),
)
COLO_SUITE: Final = "trixie-backports"  # QEMU 11.1 and later alone keeps an FT pair in step: see docs/lab.md
COLO_PACKAGES: Final = ("qemu-system-x86", "base-files", "bash", "coreutils")
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
USERS: Final = (
    "root:x:0:0:root:/root:/bin/bash\nlibvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n"
)
GROUPS: Final = "root:x:0:\nkvm:x:104:\nlibvirt-qemu:x:64055:\n"
LAYOUT: Final = "3"  # of what is added to the packages: another one is unpacked anew
MERGED: Final = ("bin", "sbin", "lib", "lib64")


class Missing(Exception):
    """What the laboratory lacks here, and the line that mends it."""


def ensure() -> Path:
    """The unpacked system of the hosts, fetched the first time."""
    return _tree("hosts", SUITE, PACKAGES)


def ensure_colo() -> Path:
    """A second one with a QEMU for FT."""
    return _tree("colo", COLO_SUITE, COLO_PACKAGES)


def is_there() -> bool:
    """Whether nothing has to be fetched."""
    return (_path("hosts", SUITE, PACKAGES) / ".complete").exists()


def colo() -> Path | None:
    """The one for FT, where it was fetched."""
    tree = _path("colo", COLO_SUITE, COLO_PACKAGES)
    return tree if (tree / ".complete").exists() else None


def _path(name: str, suite: str, packages: tuple[str, ...]) -> Path:
    key = hashlib.sha256(" ".join((LAYOUT, suite, *packages)).encode()).hexdigest()[:12]
    return FOLDER / f"{name}-{key}"


def _tree(name: str, suite: str, packages: tuple[str, ...]) -> Path:
    tree = _path(name, suite, packages)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (tree / ".complete").exists():
            print(f"Fetching {' '.join(packages)} from {suite} (once, some 100 MB).", flush=True)
            shutil.rmtree(tree, ignore_errors=True)
            _unpack(_fetch(suite, packages), tree)
            (tree / ".complete").touch()
            shutil.rmtree(FOLDER / "apt")
            for older in FOLDER.glob(f"{name}-*"):
                if older != tree:
                    shutil.rmtree(older)
    return tree


def _fetch(suite: str, packages: tuple[str, ...]) -> list[Path]:
    """Bring packages and all they need here, verified by apt against Debian's keys."""
    if not shutil.which("apt-get") or not KEYRING.exists():
        raise Missing("The laboratory takes QEMU and libvirt from Debian by apt: run it on Debian 12 or 13")
    apt = FOLDER / "apt"
    for part in ("lists/partial", "archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    suites = " ".join(dict.fromkeys((SUITE, suite)))
    sources = f"Types: deb\nURIs: {mirror()}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
    (apt / "lab.sources").write_text(sources)
    options = {
        "Dir::State": apt,
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Etc::SourceList": apt / "lab.sources",
        "Dir::Etc::SourceParts": "-",
        "APT::Architecture": "amd64",
        "APT::Architectures": "amd64",
        "APT::Sandbox::User": "root",
        "APT::Keep-Downloaded-Packages": "true",
        "APT::Update::Error-Mode": "any",
        "Dir::Etc::Preferences": "-",
        "Dir::Etc::PreferencesParts": "-",
    }
    command = ["apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    _run([*command, "-qq", "update"])
    wanted = [*command, "-y", "-qq", "--no-install-recommends", "-t", suite, "install", *packages]
    _run([*wanted, "--download-only"])
    named = _run([*wanted, "--print-uris", "-o", f"Dir::Cache::archives={apt}/nothing"])
    files = [apt / "archives" / line.split()[1] for line in named.splitlines() if line.startswith("'")]
    if not files or not all(file.exists() for file in files):
        raise Missing(f"apt did not bring all of {' '.join(packages)}")
    return files


def mirror() -> str:
    """Where this machine takes Debian from: of its own sources, or HEADROOM_LAB_MIRROR."""
    asked = os.environ.get("HEADROOM_LAB_MIRROR")
    if asked:
        return asked
    for address, suite in sources(Path("/etc/apt")):
        if suite in ("bookworm", "trixie", "stable", "oldstable"):
            return address
    raise Missing("No Debian mirror among this machine's apt sources: set HEADROOM_LAB_MIRROR to one")


def sources(folder: Path) -> Iterator[tuple[str, str]]:
    """Each address and suite of apt's sources, in both ways to write them."""
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in file.read_text().split("\n\n"):
            fields = dict(
                line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != "#"
            )
            for address in fields.get("URIs", "").split():
                yield from ((address, suite) for suite in fields.get("Suites", "").split())
    for file in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in file.read_text().splitlines() if file.exists() else ():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] == ["deb"] and len(words) > 2:
                yield words[1], words[2]


def _unpack(packages: list[Path], tree: Path) -> None:
    """Unpack without a script of theirs, and add what those would have made."""
    for name in MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for package in packages:
        _run(["dpkg-deb", "--extract", str(package), str(tree)])
    (tree / "etc/passwd").write_text(USERS)
    (tree / "etc/group").write_text(GROUPS)
    (tree / "lab").mkdir()
    shutil.rmtree(tree / "var/run", ignore_errors=True)
    (tree / "var/run").symlink_to("../run")
    libvirt = ("etc/libvirt", "var/lib/libvirt", "var/log/libvirt", "var/cache/libvirt")
    for folder in ("proc", "sys", "dev", "run", "tmp", *libvirt):
        (tree / folder).mkdir(parents=True, exist_ok=True)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Missing(f"{Path(command[0]).name}: {said[-1] if said else done.returncode}")
    return done.stdout

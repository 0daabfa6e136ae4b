"""VMware's API simulator, built from Debian's packages and started for a test."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from operations.drivers.addresses import networks_of
from operations.drivers.remote import Login

SOURCE = Path(__file__).parent / "vcsim"
GOPATH = Path("/usr/share/gocode")
PACKAGES = "golang-go golang-github-vmware-govmomi-dev"
LOOPBACK = networks_of(["127.0.0.1/32"])


class Simulator(Struct, frozen=True, kw_only=True):
    """One running simulator."""

    port: int
    ca_file: Path
    calls_file: Path
    process: Any

    def login(self, **given: Any) -> Login:
        """How to reach it, verified by its own certificate."""
        usual = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": "u",
            "password": "p",
            "allowed": LOOPBACK,
        }
        return Login(**{**usual, "ca_file": str(self.ca_file), **given})

    def calls(self) -> list[list[str]]:
        """The calls that acted, in order: method, object, destination."""
        return [line.split() for line in self.calls_file.read_text().splitlines()]


def program() -> Path:
    """Build the simulator, once for each state of its source."""
    if not shutil.which("go") or not (GOPATH / "src/github.com/vmware/govmomi/simulator").exists():
        pytest.skip(f"VMware's API simulator needs: sudo apt-get install -y {PACKAGES}")
    state = hashlib.sha256((SOURCE / "main.go").read_bytes()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"headroom-vcsim-{os.getuid()}-{state}"
    if not built.exists():
        draft = built.with_name(f"{built.name}.{os.getpid()}")
        caches = {
            "GOPATH": str(GOPATH),
            "GO111MODULE": "off",
            "GOCACHE": f"{tempfile.gettempdir()}/headroom-go-{os.getuid()}",
        }
        subprocess.run(["go", "build", "-o", draft, "."], cwd=SOURCE, env=os.environ | caches, check=True)
        draft.rename(built)
    return built


@contextmanager
def simulated(folder: Path, *options: object) -> Iterator[Simulator]:
    """Start one; it ends with the block."""
    calls = folder / "calls"
    calls.touch()
    command = [program(), "-calls", calls, *options]
    home = folder / "vcsim-files"
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(home)},
    )  # fmt: skip
    assert process.stdout
    try:
        certificate = process.stdout.readline().strip().replace("|", "\n")
        address = process.stdout.readline().strip()
        (folder / "ca.pem").write_text(certificate)
        port = int(address.rpartition(":")[2].partition("/")[0])
        yield Simulator(port=port, ca_file=folder / "ca.pem", calls_file=calls, process=process)
    finally:
        process.kill()
        process.wait()

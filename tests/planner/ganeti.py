"""Clusters in the text format of Ganeti's htools: read, written, and judged by htools as a second opinion.

Ganeti's own resources: memory (total - the node's own), vCPUs (policy ratio x physical CPUs), disk where
it is local.  A DRBD instance can restart on its secondary node alone; one on shared storage anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from planner.patterns.standing import Standing
from tests.planner.small import SHARED

GANETI = Path(os.environ.get("GANETI_DATA", SHARED / "ganeti"))  # see ganeti_files
needs_ganeti_data = pytest.mark.skipif(
    not GANETI.exists(), reason="GANETI_DATA names no folder: see tests/planner/ganeti_files.py"
)
needs_htools = pytest.mark.skipif(
    shutil.which("hcheck") is None, reason="apt package ganeti-htools is absent"
)
DRBD = "drbd"
GROUP = "group-01|fake-uuid-01|preferred||"
SPECS = "128,1,1024,1,1,1|128,1,1024,1,1,1;1048576,64,1048576,16,64,64"
TEMPLATES = "diskless,file,sharedfile,plain,blockdev,drbd,rbd,ext"


@dataclass(frozen=True)
class Node:
    name: str
    total_mib: int
    own_mib: int
    free_mib: int
    cpus: int
    offline: bool = False


@dataclass(frozen=True)
class Instance:
    name: str
    memory_mib: int
    vcpus: int
    primary: str
    secondary: str = ""
    template: str = "sharedfile"
    loads: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Ganeti:
    """A cluster of one node group."""

    nodes: tuple[Node, ...]
    instances: tuple[Instance, ...]
    vcpu_ratio: float = 4.0

    @property
    def where(self) -> np.ndarray:
        row = {node.name: number for number, node in enumerate(self.nodes)}
        return np.array([row[instance.primary] for instance in self.instances], np.int64)

    def standing(self) -> Standing:
        """Memory and vCPUs as our arrays; an instance on DRBD stands on its two nodes alone.

        Ganeti fills no node to the last MiB.
        """
        row = {node.name: number for number, node in enumerate(self.nodes)}
        hosts_of = {
            number: frozenset((row[instance.primary], row[instance.secondary]))
            for number, instance in enumerate(self.instances)
            if instance.template == DRBD
        }
        return Standing.of(
            np.array([(i.memory_mib, i.vcpus) for i in self.instances], np.int64).reshape(-1, 2),
            np.array(
                [(n.total_mib - n.own_mib - 1, int(n.cpus * self.vcpu_ratio)) for n in self.nodes], np.int64
            ),
            hosts_of,
            closed=[number for number, node in enumerate(self.nodes) if node.offline],
        )

    def text(self) -> str:
        """The cluster as `-t` takes it; disks stand on shared storage and take no room on nodes."""
        lines = [GROUP, ""]
        for node in self.nodes:
            state = "Y" if node.offline else "M" if node is self.nodes[0] else "N"
            lines.append(
                f"{node.name}|{node.total_mib}|{node.own_mib}|{node.free_mib}|1000|1000|{node.cpus}|{state}"
                "|fake-uuid-01|1"
            )
        lines.append("")
        for one in self.instances:
            lines.append(
                f"{one.name}|{one.memory_mib}|10|{one.vcpus}|running|Y|{one.primary}|{one.secondary}"
                f"|{one.template}||1"
            )
        policy = f"{SPECS}|{TEMPLATES}|{self.vcpu_ratio}|32.0"
        return "\n".join([*lines, "", "", f"|{policy}", f"group-01|{policy}", ""])

    def load_text(self) -> str:
        """The dynamic loads as `-U` takes them."""
        return "".join(
            f"{one.name} {' '.join(f'{load:.6f}' for load in one.loads)}\n" for one in self.instances
        )


def read(path: Path) -> Ganeti:
    """A file of one node group that holds instances; others stay out."""
    parts = re.split(r"\n[ \t]*\n", path.read_text().strip("\n"))
    nodes = tuple(_node(line.split("|")) for line in parts[1].splitlines())
    instances = tuple(_instance(line.split("|")) for line in parts[2].splitlines() if "|" in line)
    return Ganeti(nodes, instances)


def _node(cells: Sequence[str]) -> Node:
    name, total, own, free, _, _, cpus, state = cells[:8]
    return Node(name, int(total), int(own), int(free), int(cpus), offline=state == "Y")


def _instance(cells: Sequence[str]) -> Instance:
    name, memory, _, vcpus, _, _, primary, secondary, template = cells[:9]
    return Instance(name, int(memory), int(vcpus), primary, secondary, template)


def generated(
    hosts: int, vms: int, chance: np.random.Generator, *, fill: float = 0.6, skew: float = 1.0
) -> Ganeti:
    """Equal nodes on shared storage, VMs dropped on them unevenly but never beyond memory or vCPUs."""
    memory = chance.choice([1024, 2048, 4096, 8192], vms)
    vcpus = chance.integers(1, 5, vms)
    total = int(memory.sum() / hosts / fill)
    total = max(total, int(memory.max()) + 1) + 1024
    cpus = int(np.ceil(vcpus.sum() / hosts / fill / 4.0)) + 2
    likes = chance.gamma(1.0 / skew, 1.0, hosts) + 1e-3
    room = np.column_stack((np.full(hosts, total - 1), np.full(hosts, cpus * 4)))
    where = np.empty(vms, np.int64)
    for vm in np.argsort(-memory, kind="stable"):
        fits = (room >= (memory[vm] + 1, vcpus[vm])).all(axis=1)
        chances = np.where(fits, likes, 0.0)
        where[vm] = chance.choice(hosts, p=chances / chances.sum())
        room[where[vm]] -= (memory[vm], vcpus[vm])
    loads = np.round(chance.uniform(0.0, 1.0, (vms, 4)), 4)
    names = [f"node{host:04}" for host in range(hosts)]
    used = np.bincount(where, memory, hosts).astype(int)
    return Ganeti(
        tuple(Node(names[host], total, 0, total - int(used[host]), cpus) for host in range(hosts)),
        tuple(
            Instance(
                f"vm{vm:06}",
                int(memory[vm]),
                int(vcpus[vm]),
                names[where[vm]],
                loads=tuple(loads[vm].tolist()),
            )
            for vm in range(vms)
        ),
    )


def htool(tool: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of Ganeti's tools."""
    return subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)

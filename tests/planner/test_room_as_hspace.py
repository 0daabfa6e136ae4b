"""Free room with one host to lose, beside Ganeti's hspace on the same simulated nodes."""

from __future__ import annotations

import re
import subprocess

import pytest

from planner.estate import VM, Cluster, Estate, Host
from planner.formats.document import read_document, write_document
from planner.report import Parameters, plan
from tests.planner.ganeti import needs_htools

NODES = (2, 3, 4, 5, 6, 8, 10, 16)
ASKED = NODES[:2]  # hspace takes 25 s from 3 nodes on; for all eight it said the same on 2026-11-28
VMS_A_NODE = 15  # 64 GiB of which the sixteenth VM of 4 GiB would leave the hypervisor nothing


def room(nodes: int) -> int | None:
    """Ours: VMs of 4 GiB and 2 vCPUs on nodes of 64 GiB and 16 cores, the loss of one carried."""
    hosts = tuple(
        Host(name=f"h{row:02}", cluster="c", sockets=2, cores=16, cpu_mhz=2400.0, memory_mib=65_536)
        for row in range(nodes)
    )
    vm = VM(name="t", cluster="c", power="off", template=True, vcpus=2, memory_mib=4096, disk_mib=10_240)
    estate = Estate(clusters=(Cluster(name="c"),), hosts=hosts, vms=(vm,))
    report = plan(read_document(write_document(estate)), Parameters(template="t", failures=1))
    return report.clusters[0].free_vms


@pytest.mark.parametrize("nodes", NODES)
def test_all_but_one_node_are_filled(nodes: int) -> None:
    assert room(nodes) == VMS_A_NODE * (nodes - 1)


@needs_htools
@pytest.mark.parametrize("nodes", ASKED)
def test_hspace_counts_the_same(nodes: int) -> None:
    said = subprocess.run(
        [
            "hspace", f"--simulate=preferred,{nodes},1000g,64g,16", "--standard-alloc=10240,4096,2",
            "--disk-template=plain", "--machine-readable",
        ],
        capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip
    found = re.search(r"^HTS_FIN_INST_CNT=(\d+)$", said, re.MULTILINE)
    assert found is not None
    assert int(found[1]) == room(nodes)

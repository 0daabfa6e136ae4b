"""How fast a vCenter's inventory is read, beside the usual way of pyVmomi's samples: object by object.

    pytest -s tests/benchmarks/bench_vsphere.py       10,000 VMs on VMware's own simulator

The simulator runs on the same cores, so the clock's seconds hold its work too; ours are those of the CPU.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from pyVmomi import vim

from operations.drivers.vsphere.inventory import observe_inventory
from operations.drivers.vsphere.session import session
from tests.operations.simulator import simulated

PEER_VMS = 200  # object by object, each is several requests


def cpu_of(pid: int) -> float:
    """CPU seconds of another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def counted(instance: Any) -> list[str]:
    """Every request from now on, by its method."""
    found: list[str] = []
    ask = instance._stub.InvokeMethod

    def noted(thing: Any, info: Any, arguments: Any) -> Any:
        found.append(info.wsdlName)
        return ask(thing, info, arguments)

    instance._stub.InvokeMethod = noted
    return found


def test_ten_thousand_vms(tmp_path: Path) -> None:
    with (
        simulated(tmp_path, "-clusters", 10, "-hosts", 10, "-vms", 1000) as simulator,
        session(simulator.login()) as instance,
    ):
        began, cpu = time.perf_counter(), time.process_time()
        theirs = cpu_of(simulator.process.pid)
        stages: list[tuple[float, float]] = []
        requests = counted(instance)

        def begun(stage: str) -> None:
            stages.append((time.perf_counter(), time.process_time()))
            clock_s, ours_s = stages[-1][0] - began, stages[-1][1] - cpu
            print(f"{clock_s:6.1f} s by the clock, {ours_s:5.1f} s of our CPU: {stage}")

        observed = observe_inventory(instance, begun)
        wall, ours = time.perf_counter() - began, time.process_time() - cpu
        use_s, use_cpu_s = time.perf_counter() - stages[-1][0], cpu + ours - stages[-1][1]
        assert len(observed.reading.estate.vms) == len(observed.usage) == 10_000
        asked, theirs = len(requests), cpu_of(simulator.process.pid) - theirs
        content = instance.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        began = time.perf_counter()
        for vm in view.view[:PEER_VMS]:
            assert vm.summary.config.name
            assert vm.config.hardware.device
            assert vm.runtime.host.name
        peer = (time.perf_counter() - began) / PEER_VMS
    print(
        f"\n10,000 VMs, 100 hosts: {wall:.1f} s by the clock; CPU: {ours:.1f} s of ours, {theirs:.1f} s of "
        f"the simulator's; {asked} requests"
    )
    print(
        f"of these a day of counters of every VM: {use_s:.1f} s by the clock, {use_cpu_s:.1f} s of our CPU, "
        "313 requests of 32 VMs"
    )
    print(
        f"object by object: {peer * 1000:.1f} ms a VM, {peer * 10_000:.0f} s for 10,000: "
        f"{peer * 10_000 / wall:.1f} times ours"
    )

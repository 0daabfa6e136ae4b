"""How long an RVTools export takes until its rows can be asked, and what our writer gains on the ORM's.

    pytest -s tests/benchmarks/bench_import.py          10,000 VMs with disks and partitions; 100,000 VMs

Prints figures, wall and CPU seconds (a busy machine stretches the first alone); asserts only that nothing
was lost.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.workbooks import write_workbook
from tests.cluster.conftest import *  # noqa: F403  the sites of the shell's tests
from tests.cluster.conftest import Site

SIZES = {"10,000 VMs, vInfo + vDisk + vPartition": (10_000, True), "100,000 VMs, vInfo": (100_000, False)}

IMPORT = """
import json, resource, sys, time
from pathlib import Path
from cluster import quarantine, snapshot
from cluster.models import Estate, VirtualMachine

def mib(who):
    return resource.getrusage(who).ru_maxrss // 1024

def cpu_s():
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in both)

def timed(name, work):
    start, cpu = time.perf_counter(), cpu_s()
    result = work()
    figures[name] = round(time.perf_counter() - start, 2)
    figures[name + "_cpu"] = round(cpu_s() - cpu, 2)
    return result

figures = {}
row = Estate(name="site")
reading = timed("read", lambda: quarantine.read(Path('PATH'), "export.xlsx", within_s=600))
changes = timed("compare", lambda: snapshot.compare(row, reading))
written = timed("write", lambda: snapshot.write(changes))
figures["reader_mib"], figures["worker_mib"] = mib(resource.RUSAGE_CHILDREN), mib(resource.RUSAGE_SELF)
figures["rows"], figures["vms"] = written.inserted, VirtualMachine.objects.count()
again = Estate.objects.get()
figures["rows_again"] = timed("import_again", lambda: snapshot.save(again, reading)).rows
figures["rows_loaded"] = len(timed("load", lambda: snapshot.load(again)).vms)
print(json.dumps(figures))
"""

AGAINST_BULK_CREATE = """
import json, time
from django.db import transaction
from cluster import snapshot
from cluster.models import Disk, Estate, Partition, VirtualMachine
from tests.cluster.estates import estate_of, reading
from planner.estate import Estate as PlannerEstate
import msgspec

vms = estate_of({vms}).vms
estate = Estate(name="ours")
changes = snapshot.compare(estate, reading(PlannerEstate(vms=vms)))
start = time.perf_counter()
snapshot.write(changes)
ours = time.perf_counter() - start
theirs = Estate.objects.create(name="theirs")

def row(vm):
    return VirtualMachine(estate=theirs, fingerprint=0, name=vm.name, cluster_name=vm.cluster,
        host_name=vm.host, power=vm.power, vcpus=vm.vcpus, memory_mib=vm.memory_mib, disk_mib=vm.disk_mib,
        datastore_names=list(vm.datastores), network_names=list(vm.networks), guest_os=vm.guest_os)

start = time.perf_counter()
with transaction.atomic():
    rows = VirtualMachine.objects.bulk_create([row(vm) for vm in vms])
    Disk.objects.bulk_create([Disk(vm=r, position=at, name=d.name, capacity_mib=d.capacity_mib,
        datastore_name=d.datastore, thin=d.thin)
        for r, vm in zip(rows, vms) for at, d in enumerate(vm.disks)])
    Partition.objects.bulk_create([Partition(vm=r, position=at, name=p.name, capacity_mib=p.capacity_mib,
        consumed_mib=p.consumed_mib) for r, vm in zip(rows, vms) for at, p in enumerate(vm.partitions)])
print(json.dumps({{"ours": ours, "bulk_create": time.perf_counter() - start}}))
"""


@pytest.fixture(scope="session")
def workbooks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("workbooks")
    return {
        size: write_workbook(folder / f"{vms}.xlsx", vms, details=details)
        for size, (vms, details) in SIZES.items()
    }


@pytest.mark.parametrize("size", SIZES)
def test_workbook_to_rows(any_site: Site, workbooks: dict[str, Path], size: str):
    path = workbooks[size]
    figures = json.loads(any_site.run(IMPORT.replace("PATH", str(path))))
    steps = ("read", "compare", "write")
    total, cpu = (sum(figures[step + of] for step in steps) for of in ("", "_cpu"))
    engine = any_site.environment["DATABASE_URL"].split(":")[0]
    print(
        f"\n{size} ({path.stat().st_size / 2**20:.1f} MiB) on {engine}: {total:.2f} s, of the CPU {cpu:.2f} s"
        f" = read {figures['read_cpu']} + compare {figures['compare_cpu']} + write {figures['write_cpu']}"
        f" ({figures['rows']} rows)\n  memory: reader {figures['reader_mib']} MiB,"
        f" worker {figures['worker_mib']} MiB; import again {figures['import_again']} s,"
        f" {figures['rows_again']} rows written; load {figures['load']} s"
    )
    assert figures["vms"] == figures["rows_loaded"] == SIZES[size][0]
    assert figures["rows_again"] == 0


def test_our_writer_against_bulk_create(any_site: Site):
    figures = json.loads(any_site.run(AGAINST_BULK_CREATE.format(vms=10_000)))
    engine = any_site.environment["DATABASE_URL"].split(":")[0]
    ours, theirs = figures["ours"], figures["bulk_create"]
    print(
        f"\n50,000 rows of 10,000 VMs on {engine}: bulk_create {theirs:.2f} s, ours {ours:.2f} s"
        f" (with 10,000 more rows: NICs): {theirs / ours:.1f} times"
    )

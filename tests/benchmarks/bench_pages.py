"""How long the server takes for each page at vCenter's own maximum: 2,500 hosts, 45,000 VMs.

    pytest -s tests/benchmarks/bench_pages.py

Prints milliseconds (wall and CPU; a busy machine stretches the first alone), queries and bytes of each page,
beside the same page of an estate a thousand times smaller.  Asserts only that every page is served.
"""

from __future__ import annotations

import random
import time
from typing import Final

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster import services, tasks
from cluster.models import Estate
from planner import estate as planned
from planner.formats.document import write_document
from tests.cluster.people import administrator

TIMES: Final = 20
PAGES: Final = (
    "/", "/estates/{pk}/", "/estates/{pk}/vms/", "/estates/{pk}/vms/?sort=-memory_mib&name=vm1",
    "/estates/{pk}/hosts/", "/estates/{pk}/datastores/", "/estates/{pk}/network/", "/estates/{pk}/ahead/",
    "/estates/{pk}/history/", "/estates/{pk}/cluster/?name=C01", "/estates/{pk}/wiring/",
    "/estates/{pk}/cost/",
    "/search/?q=vm1", "/runs/", "/events/", "/tree/estates/{pk}/",
    "/estates/{pk}/charts/heatmap.json?cluster=C01", "/estates/{pk}/charts/treemap.json?cluster=C01",
)  # fmt: skip


def estate_of(hosts: int, vms: int, datastores: int) -> planned.Estate:
    """Clusters of 60 hosts, VMs of mixed sizes, one in ten powered off."""
    chance = random.Random(1)  # noqa: S311  sizes of a benchmark
    rows = [
        planned.Host(
            name=f"esx{number:04}", cluster=f"C{number // 60 + 1:02}", sockets=2, cores=64, cpu_mhz=2600.0,
            memory_mib=1024 * 1024,
        )
        for number in range(hosts)
    ]  # fmt: skip
    return planned.Estate(
        clusters=tuple(planned.Cluster(name=name) for name in sorted({str(row.cluster) for row in rows})),
        hosts=tuple(rows),
        vms=tuple(
            planned.VM(
                name=f"vm{number:05}", cluster=rows[number % hosts].cluster, host=rows[number % hosts].name,
                power="on" if number % 10 else "off", vcpus=chance.choice([2, 4, 8]),
                memory_mib=chance.choice([4, 8, 16, 32]) * 1024, disk_mib=102_400,
                datastores=(f"ds{number % datastores:04}",), cpu_demand_mhz=3000 * chance.random(),
            )
            for number in range(vms)
        ),
        datastores=tuple(
            planned.Datastore(name=f"ds{number:04}", capacity_mib=20 * 1024**2, used_mib=8 * 1024**2)
            for number in range(datastores)
        ),
    ).sorted()  # fmt: skip


def imported(name: str, estate: planned.Estate) -> Estate:
    run = services.queue_import(
        administrator(), ContentFile(write_document(estate), "e.json"), name, tell_a_worker=False
    )
    started = time.perf_counter(), time.process_time()
    tasks.import_estate(str(run.pk))
    wall_s, cpu_s = time.perf_counter() - started[0], time.process_time() - started[1]
    print(f"{name}: imported and planned in {wall_s:.1f} s ({cpu_s:.1f} s of CPU in the worker)")
    return Estate.objects.get(name=name)


@pytest.mark.django_db
def test_pages() -> None:
    print()
    small = imported("small", estate_of(3, 45, 2))
    large = imported("large", estate_of(2_500, 45_000, 1_000))
    client = Client()
    client.force_login(administrator())
    heads = f"{'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7} {'queries':>8} {'KiB':>6}   small: p50 ms, queries"
    print(f"{'page':52} {heads}")
    for page in PAGES:
        wall, cpu, queries, size = measured(client, page.format(pk=large.pk))
        less_wall, _, less_queries, _ = measured(client, page.format(pk=small.pk))
        print(
            f"{page:52} {wall[TIMES // 2]:7.0f} {wall[int(TIMES * 0.95)]:7.0f} {cpu[TIMES // 2]:7.0f} "
            f"{queries:8} {size / 1024:6.0f}   {less_wall[TIMES // 2]:13.0f} {less_queries:9}"
        )


def measured(client: Client, address: str) -> tuple[list[float], list[float], int, int]:
    """Sorted milliseconds of wall and CPU, the queries and the bytes of one answer."""
    wall, cpu, size = [], [], 0
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    for _ in range(TIMES):
        started = time.perf_counter(), time.process_time()
        size = len(client.get(address).content)
        wall.append(1000 * (time.perf_counter() - started[0]))
        cpu.append(1000 * (time.process_time() - started[1]))
    return sorted(wall), sorted(cpu), len(asked), size

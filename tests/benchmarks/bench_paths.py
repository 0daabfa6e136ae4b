"""How fast single points and pairs are found, beside trying every pair on one host of them."""

from __future__ import annotations

import time
from itertools import combinations

from planner.paths.report import examine
from planner.paths.wiring import wire
from tests.planner.paths.sheets import with_paths
from tests.planner.paths.wired import reference


def test_2500_hosts_and_10000_paths(capsys) -> None:
    estate = with_paths(reference(hosts=2500, vms=2500))
    paths = tuple(path for path in estate.paths if path.datastore == "ds1")
    estate = estate.__class__(
        **{
            field: getattr(estate, field)
            for field in estate.__struct_fields__
            if field not in ("paths", "datastores")
        },
        paths=paths,
        datastores=estate.datastores[:1],
    )
    began, cpu = time.perf_counter(), time.process_time()
    report = examine(estate)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    small = reference(hosts=1, vms=1)
    wiring = wire(small)
    began = time.perf_counter()
    tried = sum(1 for pair in combinations(range(len(wiring.components)), 2) if wiring.down(pair))
    peer = (time.perf_counter() - began) / tried
    every = len(wire(estate).components)
    with capsys.disabled():
        print(
            f"\n{len(estate.hosts)} hosts, {len(paths)} paths, {every} components: {len(report.pairs)} pairs"
            f" in {took:.2f} s ({used:.2f} s CPU); trying every pair at {peer * 1e6:.0f} us a host: "
            f"{peer * every * every / 2 / 3600:.0f} h"
        )

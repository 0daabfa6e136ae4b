"""Kernels are compiled before anybody waits, kept by their sources, and never in the web process."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import planner.kernels
from planner.kernels import cache
from planner.patterns.distinct import pack_distinct
from planner.patterns.generation import pack
from planner.patterns.shapes import NO_LIMIT, Shapes
from planner.patterns.standing import Standing, repair, stand_all
from planner.warming import warm

ROOT = Path(__file__).resolve().parents[3]
OF_PLACEMENT = ("closing", "filling", "fitting", "grouping", "knapsack", "repairing", "sampling", "spreading")
SOLVERS = "sorted({'numba', 'highspy', 'llvmlite'} & {name.partition('.')[0] for name in sys.modules})"


def compiled() -> dict[str, int]:
    """How many versions of each kernel of the placement this process holds."""
    return {
        f"{module}.{name}": len(thing.signatures)
        for module in OF_PLACEMENT
        for name, thing in vars(importlib.import_module(f"planner.kernels.{module}")).items()
        if hasattr(thing, "signatures")
    }


def said(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_after_warming_no_question_compiles_anything() -> None:
    warm()
    before = compiled()
    chance = np.random.default_rng(1)
    for resources, grain in ((1, 1), (2, 1), (2, 10**6), (3, 1), (4, 7)):
        for types in (1, 2):
            demand = chance.integers(1, 30, (25, resources)) * grain + (grain > 1)
            capacity = chance.integers(60, 90, (types, resources)) * grain
            hosts = np.full(types, NO_LIMIT if types == 1 else 40)
            pack(Shapes(demand, chance.integers(1, 9, 25), capacity, hosts))
            pack_distinct(demand, capacity, hosts)
    need, capacity = chance.integers(1, 30, (40, 2)), np.full((12, 2), 90)
    standing = Standing.of(need, capacity, {0: frozenset([1, 2])}, [[3, 4, 5]], [7])
    stand_all(standing)
    repair(standing, chance.integers(-1, 12, 40))
    assert compiled() == before


def test_the_kernels_of_every_module_are_known_to_this_test_or_to_another() -> None:
    modules = {module.name for module in pkgutil.iter_modules(planner.kernels.__path__)}
    assert modules >= {*OF_PLACEMENT, "arrays", "cache", "jit"}


def test_a_change_of_any_source_is_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "kernels"
    sources.mkdir()
    (sources / "one.py").write_text("1")
    monkeypatch.setattr(cache, "HERE", sources)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    first = cache.cache_folder()
    assert first is not None
    assert first.parent == tmp_path / "chosen"
    assert not cache.is_complete()
    (first / cache.COMPLETE).touch()
    assert cache.is_complete()
    (sources / "two.py").write_text("2")
    assert cache.cache_folder() != first
    assert not cache.is_complete()


def test_where_nothing_can_be_written_kernels_still_run() -> None:
    code = (
        "import numpy as np\n"
        "from planner.kernels.grouping import group_rows\n"
        "print(group_rows(np.array([[1], [1]]))[0].tolist())"
    )
    assert said(code, NUMBA_CACHE_DIR="/proc/nowhere") == "[0, 0]"


def test_the_web_process_knows_neither_numba_nor_a_solver() -> None:
    code = (
        "import sys, config.asgi\n"
        "from django.urls import get_resolver\n"
        "len(get_resolver().url_patterns)\n"
        "import cluster.views, cluster.consumers, cluster.tasks\n"
        f"print({SOLVERS})"
    )
    assert said(code, DJANGO_SETTINGS_MODULE="tests.settings") == "[]"


def test_a_plan_that_meets_its_bound_at_once_loads_no_solver(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from planner.demand import give_of, load_of\n"
        "from planner.estate import VM\n"
        "from planner.placement import pack\n"
        "vms = [VM(name=f'vm{n}', power='on', vcpus=4, memory_mib=16384, disk_mib=0) for n in range(200)]\n"
        "pack(load_of(vms), give_of(cores=64, cpu_mhz=2400, memory_mib=1048576, vcpu_per_core=4))\n"
        f"print({SOLVERS})"
    )
    assert said(code) == "[]"

"""Each arrow that may never exist, drawn once on purpose: the linter names the contract it breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("planner", "operations", "cluster", "config", "lab")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

ROOMS = "lab > config > cluster > operations > planner"
PURE = "planner and operations know no web, queue or chart library"
CLOCK = "time and chance are arguments of planner and operations"
HYPERVISOR = "only operations/drivers/<real> touches a hypervisor"
POLICY = "engine and policies never see a real driver"
WORLD = "only cluster/tasks and cluster/connections choose the world"
JUDGE = "the checker shares no code with placement"
JUDGE_KERNELS = "the checker shares no code with the kernels"
KERNELS = "kernels know arrays, and nothing of the estate"
JUDGE_PACKING = "the checker shares no code with the packing"

DRAWN = [
    ("planner/units.py", "import operations", ROOMS),
    ("planner/units.py", "import cluster", ROOMS),
    ("operations/engine.py", "import cluster.models", ROOMS),
    ("operations/engine.py", "import config.settings", ROOMS),
    ("cluster/models/run.py", "import config.celery", ROOMS),
    ("config/parts.py", "import lab.world", ROOMS),
    ("planner/units.py", "import planner.report", "planner: every module in its layer"),
    ("planner/loose.py", "", "planner: every module in its layer"),
    ("operations/event.py", "import operations.engine", "operations: every module in its layer"),
    ("operations/loose.py", "", "operations: every module in its layer"),
    ("cluster/models/run.py", "import cluster.roles", "cluster: every module in its layer"),
    ("cluster/loose.py", "", "cluster: every module in its layer"),
    ("config/broker.py", "import config.settings", "config: every module in its layer"),
    ("config/loose.py", "", "config: every module in its layer"),
    ("lab/ground.py", "import lab.world", "lab: every module in its layer"),
    ("lab/loose.py", "", "lab: every module in its layer"),
    *(
        ("planner/units.py", f"import {name}", PURE)
        for name in ("django", "channels", "celery", "redis", "plotly")
    ),
    *(
        ("operations/event.py", f"import {name}", PURE)
        for name in ("django", "channels", "celery", "redis", "plotly")
    ),
    *(("planner/units.py", f"import {name}", CLOCK) for name in ("time", "random", "socket")),
    *(("operations/event.py", f"import {name}", CLOCK) for name in ("time", "random", "socket")),
    ("planner/units.py", "import libvirt", HYPERVISOR),
    ("operations/engine.py", "import pyVmomi", HYPERVISOR),
    ("cluster/models/run.py", "import proxmoxer", HYPERVISOR),
    ("config/urls.py", "import libvirt", HYPERVISOR),
    ("lab/world.py", "import libvirt", HYPERVISOR),
    ("operations/engine.py", "import operations.drivers.libvirt", POLICY),
    ("operations/ha.py", "import operations.drivers.vsphere", POLICY),
    ("cluster/views/reach.py", "import operations.drivers.proxmox", WORLD),
    ("planner/checker.py", "import planner.placement", JUDGE),
    ("planner/placement.py", "import planner.checker", JUDGE),
    ("planner/checker.py", "import planner.kernels", JUDGE_KERNELS),
    ("planner/kernels.py", "import planner.checker", JUDGE_KERNELS),
    *(
        ("planner/checker.py", f"import planner.{name}", JUDGE_PACKING)
        for name in ("packing", "patterns.generation", "greedy", "rules", "reach")
    ),
    ("planner/kernels/filling.py", "import planner.estate", KERNELS),
    ("planner/kernels/filling.py", "import msgspec", KERNELS),
    ("cluster/models/run.py", "import planner.units", "models import nothing of planner"),
    ("cluster/models/run.py", "import operations.event", "models import nothing of operations"),
]
ALLOWED = [
    ("operations/drivers/libvirt.py", "import libvirt, socket, time", HYPERVISOR),
    ("operations/drivers/libvirt.py", "import libvirt, socket, time", CLOCK),
    ("cluster/tasks.py", "import operations.drivers.libvirt", WORLD),
    ("cluster/connections.py", "import operations.drivers.libvirt", WORLD),
]
ABSENT_YET = (
    *("operations/engine.py", "operations/ha.py", "operations/event.py"),
    *("operations/drivers/__init__.py", "operations/drivers/libvirt.py"),
    *("operations/drivers/vsphere.py", "operations/drivers/proxmox.py"),
    *("planner/checker.py", "planner/placement.py", "planner/kernels.py"),
    *("cluster/tasks.py", "cluster/connections.py", "cluster/roles.py", "cluster/views/__init__.py"),
)


def tree(folder: Path, file: str, line: str) -> Path:
    """A copy of the packages with one line more; modules that are not written yet stand empty."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in (*ABSENT_YET, file):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    with (folder / file).open("a") as source:
        source.write(f"\n{line}\n")
    return folder


def verdicts(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("file", "line", "contract"), DRAWN)
def test_a_forbidden_arrow_breaks_the_contract_that_names_it(
    tmp_path: Path, file: str, line: str, contract: str
) -> None:
    assert f"{contract} BROKEN" in verdicts(tree(tmp_path, file, line))


@pytest.mark.parametrize(("file", "line", "contract"), ALLOWED)
def test_an_arrow_of_the_real_drivers_is_kept(tmp_path: Path, file: str, line: str, contract: str) -> None:
    assert f"{contract} KEPT" in verdicts(tree(tmp_path, file, line))

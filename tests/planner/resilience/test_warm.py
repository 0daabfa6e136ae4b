"""After warming, no question of this room compiles anything."""

from __future__ import annotations

import importlib

import numpy as np

from planner.resilience.balance import BalancePolicy, balance
from planner.resilience.evacuation import evacuate
from planner.resilience.failures import failures, lose_these
from planner.resilience.levelling import Loads, lazily, level
from planner.resilience.power import save_power
from planner.resilience.reboots import reboot_groups
from planner.warming import warm
from tests.planner.ganeti import generated
from tests.planner.resilience.test_second_opinions import hbal_loads
from tests.planner.resilience.worlds import RATIO, estate_of, ground_of
from tests.planner.small import host, vm

MODULES = ("balancing", "exchanging", "failing", "fitting", "pairing", "repairing", "restarting", "searching")


def compiled() -> dict[str, int]:
    return {
        f"{module}.{name}": len(thing.signatures)
        for module in MODULES
        for name, thing in vars(importlib.import_module(f"planner.kernels.{module}")).items()
        if hasattr(thing, "signatures")
    }


def test_after_warming_no_question_of_losses_or_balance_compiles_anything() -> None:
    warm()
    before = compiled()
    vms = [vm(f"vm{n}", host="ab"[n % 2], memory_mib=12 * 1024, cpu_demand_mhz=50.0 * n) for n in range(17)]
    estate = estate_of([host("a"), host("b"), host("c"), host("d", rack="r")], vms)
    ground = ground_of(estate)
    for by in ("host", "rack"):
        failures(ground, by, double=True)
    lose_these(ground, "host", ["a", "b"])
    evacuate(estate, "a", vcpu_per_core=RATIO)
    reboot_groups(ground)
    balance(ground, BalancePolicy(failures=2, calm=0, min_gain=0))
    save_power(ground, failures=1)
    cluster = generated(5, 40, np.random.default_rng(1))
    loads, free = hbal_loads(cluster), np.ones(40, bool)
    for ahead in (False, True):
        level(cluster.standing(), cluster.where, loads, movable=free, most=9, look_ahead=ahead)
    lazily(cluster.standing(), cluster.where, Loads(loads.part, loads.unit, loads.weight), free, 5, 1e-9)
    assert compiled() == before

"""BtrPlace's instances (JSON): a mapping to repair, two resources, spread, among, preserve, online."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from planner.demand import Capacity, Load
from planner.estate import Rule
from planner.patterns.standing import Standing
from tests.planner.small import SHARED

BTRPLACE = SHARED / "btrplace"
needs_btrplace = pytest.mark.skipif(not BTRPLACE.exists(), reason=f"{BTRPLACE} is not there")
RESOURCES = ("memory", "uCpu")


@dataclass(frozen=True)
class Instance:
    """What is to be repaired.  `among` is kept as it is today: each group within the part it stands in."""

    need: np.ndarray
    capacity: np.ndarray
    where: np.ndarray
    offline: list[int]
    spread: list[list[int]]
    among: list[tuple[list[int], list[int]]]

    def standing(self) -> Standing:
        """The arrays: `among` as permitted hosts."""
        hosts_of: dict[int, frozenset[int]] = {}
        for vms, part in self.among:
            for vm in vms:
                hosts_of[vm] = hosts_of.get(vm, frozenset(part)) & frozenset(part)
        return Standing.of(self.need, self.capacity, hosts_of, self.spread, self.offline)

    def load(self) -> Load:
        """The VMs as the checker takes them; the third resource is not used."""
        names = tuple(f"vm{vm}" for vm in range(len(self.need)))
        needs = np.column_stack((self.need[:, 1], self.need[:, 0], np.zeros(len(names), np.int64)))
        return Load(names=names, vms=names, needs=needs)

    def offered(self) -> Capacity:
        """The hosts that are online, as the checker takes them."""
        online = [host for host in range(len(self.capacity)) if host not in set(self.offline)]
        gives = np.column_stack(
            (self.capacity[:, 1], self.capacity[:, 0], np.zeros(len(self.capacity), np.int64))
        )
        return Capacity(names=tuple(f"host{host}" for host in online), gives=gives[online])

    def rules(self) -> list[Rule]:
        """Spread and among as the checker takes them."""
        spread = [
            Rule(kind="spread", vms=tuple(f"vm{vm}" for vm in group), name=f"spread {number}")
            for number, group in enumerate(self.spread)
        ]
        among = [
            Rule(
                kind="must-run-on",
                vms=tuple(f"vm{vm}" for vm in vms),
                hosts=tuple(f"host{host}" for host in part),
                name=f"among {number}",
            )
            for number, (vms, part) in enumerate(self.among)
        ]
        return [*spread, *among]


def read(path: Path) -> Instance:
    """One instance.  `preserve` raises what a VM takes of a resource."""
    with gzip.open(path) as file:
        document = json.load(file)
    model, constraints = document["model"], document["constraints"]
    mapping = model["mapping"]
    vms, hosts = len(model["attributes"]["vms"]), len(model["attributes"]["nodes"])
    need, capacity = np.zeros((vms, 2), np.int64), np.zeros((hosts, 2), np.int64)
    for view in model["views"]:
        if view["id"] == "shareableResource":
            column = RESOURCES.index(view["rcId"])
            for vm, amount in view["vms"].items():
                need[int(vm), column] = amount
            for host, amount in view["nodes"].items():
                capacity[int(host), column] = amount
    where = np.full(vms, -1, np.int64)
    for host, held in mapping["onlineNodes"].items():
        where[held["runningVMs"]] = int(host)
    for one in constraints:
        if one["id"] == "preserve":
            column = RESOURCES.index(one["rc"])
            need[one["vm"], column] = max(need[one["vm"], column], one["amount"])
    offline = sorted(
        {one["node"] for one in constraints if one["id"] == "offline"} | {*mapping["offlineNodes"]}
    )
    spread = [one["vms"] for one in constraints if one["id"] == "spread"]
    among = [(one["vms"], _part(one, where, set(offline))) for one in constraints if one["id"] == "among"]
    return Instance(need, capacity, where, offline, spread, among)


def _part(constraint: dict, where: np.ndarray, offline: set[int]) -> list[int]:
    """The part in which most of the VMs run today."""
    at = [host for host in where[constraint["vms"]].tolist() if host >= 0]
    return max(constraint["parts"], key=lambda part: (len([h for h in at if h in set(part)]), len(part)))

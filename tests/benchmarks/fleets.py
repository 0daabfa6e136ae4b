"""The fleets of the placement benchmarks: Azure's public requests, configured sizes, all distinct."""

from __future__ import annotations

import gzip
import itertools
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from planner.demand import give_of, vm_overhead_mib
from planner.kernels.arrays import I64
from tests.planner.small import SHARED

AZURE, VECTORPACK = SHARED / "azure", SHARED / "vectorpack"
needs_azure = pytest.mark.skipif(not AZURE.exists(), reason=f"{AZURE} is not there")
needs_vectorpack = pytest.mark.skipif(not VECTORPACK.exists(), reason=f"{VECTORPACK} is not there")


@dataclass(frozen=True, slots=True)
class Fleet:
    """`rows[vm, resource]` in whole units, to be packed into hosts of `size`."""

    name: str
    rows: I64
    size: I64


def azure(vms: int, seed: int = 1) -> Fleet:
    """Requests drawn from the trace; hosts of 64 vCPU and 128 GB, quarters of each as units."""
    flavours = {}
    for line in (AZURE / "flav_map.txt").read_text().split("\n"):
        if line.strip():
            size, letter = line.split()
            vcpus, gigabytes = size.split(",")
            flavours[letter] = (int(vcpus) * 4, round(float(gigabytes) * 4))
    text = gzip.decompress((AZURE / "v1.dev.txt.gz").read_bytes()).decode()
    letters = [word for word in text.split(" ", 1)[1].strip().split(",") if word in flavours]
    once = np.array([flavours[letter] for letter in letters], np.int64)
    drawn = once[np.random.default_rng(seed).integers(0, len(once), vms)]
    return Fleet(f"azure {vms:,}", drawn, np.array([64 * 4, 128 * 4]))


def with_overhead(fleet: Fleet) -> Fleet:
    """The same as the planner counts it: thousandths of a vCPU, KiB with the hypervisor's overhead."""
    kinds, number = np.unique(fleet.rows, axis=0, return_inverse=True)
    needs = [
        (int(quarters * 250), int(np.ceil((mib + vm_overhead_mib(max(1, quarters // 4), mib)) * 1024)))
        for quarters, mib in ((int(q), int(m) * 256) for q, m in kinds)
    ]
    give = give_of(cores=64, cpu_mhz=0, memory_mib=128 * 1024, vcpu_per_core=1.0)[:2]
    rows = np.array(needs, np.int64)[number.ravel()]
    return Fleet(f"{fleet.name} + overhead", rows, np.array(give))


def configured(vms: int, seed: int = 1) -> Fleet:
    """36 usual sizes in a random mix; hosts of 48 cores at 4 vCPUs each and 80 % of 768 GiB."""
    chance = np.random.default_rng(seed)
    sizes = np.array(list(itertools.product([1, 2, 4, 6, 8, 16], [2, 4, 8, 16, 32, 64])), np.int64)
    mix = chance.choice(36, vms, p=chance.dirichlet(np.ones(36)))
    return Fleet(f"configured {vms:,}", sizes[mix], np.array([192, 614]))


def distinct(vms: int) -> Fleet:
    """Measured demand, hardly two alike: MHz, MiB, IOPS, Mbit/s.

    The host is such that no resource is alone in being scarce: the sums ask for 100, 98, 96 and 94 %.
    """
    chance = np.random.default_rng(7)
    vcpus = chance.choice([1, 2, 4, 8, 16], vms, p=[0.2, 0.35, 0.25, 0.15, 0.05])
    rows = np.stack(
        [
            vcpus * 2500 * chance.beta(2, 8, vms) + 50,
            vcpus * chance.choice([1024, 2048, 4096, 8192], vms) * chance.uniform(0.4, 1.0, vms) + 128,
            chance.lognormal(4.0, 1.0, vms),
            chance.lognormal(2.5, 1.0, vms),
        ],
        axis=1,
    )
    rows = np.minimum(rows, np.quantile(rows, 0.9999, axis=0)).astype(np.int64) + 1
    size = rows.mean(axis=0) * 48 / np.array([1.0, 0.98, 0.96, 0.94])
    return Fleet(f"distinct {vms:,}", rows, size.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Instance:
    """One public vector-packing instance with what is known of it.

    77 of the triplets hold a size below 0.  It counts as 0 here: a harder question, so that every answer to
    it is one to the file's too.
    """

    name: str
    fleet: Fleet
    optimum: int | None
    published: int


def vectorpack(family: str) -> Iterator[Instance]:
    """The instances of a family, in the order of their names.

    The optimum of a triplet is its lower bound: it was made by cutting n / 3 full bins in three each.
    """
    known = {}
    for line in (VECTORPACK / f"{family}.csv").read_text().splitlines()[1:]:
        name, bound, optimum, published = line.split(",")
        best = bound if family == "triplet" else optimum
        known[name] = (int(best) if best not in ("", "-1") else None, int(published))
    with tarfile.open(VECTORPACK / f"{family}.tar.gz") as archive:
        members = {
            member.name.rsplit("/", 1)[-1].removesuffix(".vbp"): member
            for member in archive
            if member.isfile()
        }
        for name in sorted(known):
            if name not in members:
                continue
            file = archive.extractfile(members[name])
            assert file is not None
            numbers = [int(word) for word in file.read().split()]
            wide, size = numbers[0], np.array(numbers[1 : numbers[0] + 1])
            table = np.array(numbers[wide + 2 :]).reshape(-1, wide + 1)
            rows = np.repeat(table[:, :wide], table[:, wide], axis=0)
            yield Instance(name, Fleet(name, np.maximum(rows, 0), size), *known[name])


def shapes_by_sorting(rows: I64) -> tuple[I64, I64]:
    """Distinct rows and how many there are of each, without our own kernel."""
    counted = Counter(map(tuple, rows.tolist()))
    return np.array(list(counted), np.int64), np.array(list(counted.values()), np.int64)

"""Three faults of a public VMware-against-Hyper-V workbook, kept out of our own arithmetic."""

from __future__ import annotations

from decimal import Decimal

from planner.cost.assumptions import Assumptions
from planner.cost.study import Question, study
from tests.planner.cost.books import full
from tests.planner.small import host, reading, vm

WINDOWS = "Microsoft Windows Server 2022 (64-bit)"


def test_small_cpus_pay_the_floor_of_16_cores_each() -> None:
    """The workbook multiplies cores by the price: 2 x 8 cores would be 16 licences instead of 32."""
    estate = reading([host(f"esx{n}", sockets=2, cores=16) for n in range(3)], [vm("a")]).estate
    found = study(estate, Question(), Assumptions(years=1), full()).bill("today")
    assert found is not None
    line = next(line for line in found.lines if line.area == "hypervisor")
    assert line.quantity is not None
    assert line.quantity.low == 3 * 2 * 16


def test_a_discount_on_windows_is_taken_off_on_every_platform() -> None:
    """The workbook discounts the Windows licence of the Hyper-V side alone."""
    estate = reading(
        [host(f"esx{n}") for n in range(3)], [vm(f"w{n}", guest_os=WINDOWS) for n in range(30)]
    ).estate
    question = Question(platforms=("vmware", "hyperv"))
    plain = study(estate, question, Assumptions(years=1), full())
    cheaper = {"windows_datacenter_16": Decimal(50), "windows_standard_16": Decimal(50)}
    discounted = study(estate, question, Assumptions(years=1, discounts=cheaper), full())
    before = [plain.bill(key).area("guests").low for key in question.platforms]  # type: ignore[union-attr]
    after = [discounted.bill(key).area("guests").low for key in question.platforms]  # type: ignore[union-attr]
    assert before[0] == before[1] > 0
    assert after[0] == after[1]
    assert abs(after[0] * 2 - before[0]) <= Decimal("0.02")


def test_windows_packs_are_counted_host_by_host() -> None:
    """The workbook divides the cores of the cluster by 16: 3 hosts of 20 cores would be 3.75 packs, and
    3 hosts of 8 cores 1.5.  Each host pays all of its own cores, at least 16."""
    for cores, sets in ((20, Decimal("1.25") * 3), (8, Decimal(3))):
        estate = reading(
            [host(f"esx{n}", sockets=1, cores=cores) for n in range(3)],
            [vm(f"w{n}", guest_os=WINDOWS, host=f"esx{n % 3}", vcpus=1, memory_mib=1024) for n in range(60)],
        ).estate
        found = study(estate, Question(), Assumptions(years=1), full()).bill("today")
        assert found is not None
        line = found.line("windows_datacenter_16")
        assert line is not None
        assert line.quantity is not None
        assert line.quantity.low == sets

"""Vendor arithmetic, each case as its vendor or a published page states it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from planner.cost.assumptions import Assumptions
from planner.cost.bill import Line
from planner.cost.features import uses
from planner.cost.licences.vmware import licensed_cores, ordered_cores
from planner.cost.licences.windows import break_even_vms, datacenter_pays_from, licences_for
from planner.cost.platforms import PLATFORMS, choose
from planner.cost.public import public_book
from planner.cost.study import Question, Study, chosen_clusters, study
from planner.estate import Cluster, Estate, Nic, Switch
from tests.planner.cost.books import full
from tests.planner.small import host, reading, vm

STANDARD, DATACENTER = Decimal(1176), Decimal(6771)


def hypervisor_line(found: Study, key: str) -> Line:
    bill = found.bill(key)
    assert bill is not None
    return next(line for line in bill.lines if line.what.startswith("licence:"))


@pytest.mark.parametrize(("edition", "price"), [("vvf", "18240"), ("vcf", "33600")])
def test_three_hosts_of_two_times_16_cores_cost_what_the_list_says(edition: str, price: str) -> None:
    """96 cores: VVF at 190 is 18,240 USD a year, VCF at 350 is 33,600."""
    estate = reading([host(f"esx{n}", sockets=2, cores=32) for n in range(3)], [vm("a")]).estate
    question = Question(platforms=(), editions={"vmware": edition})
    line = hypervisor_line(study(estate, question, Assumptions(years=1, currency="USD"), full()), "today")
    assert line.amount is not None
    assert line.amount.high == Decimal(price)


def test_one_host_with_12_cores_is_billed_72() -> None:
    """72 cores at 190 USD are 13,680."""
    estate = reading([host("esx", sockets=1, cores=12)], [vm("a")]).estate
    question = Question(platforms=(), editions={"vmware": "vvf"})
    line = hypervisor_line(study(estate, question, Assumptions(years=1, currency="USD"), full()), "today")
    assert line.amount is not None
    assert line.amount.high == Decimal(13680)
    assert ordered_cores(licensed_cores([12])) == 72


@pytest.mark.parametrize(
    ("hosts", "licences", "billed"),
    [
        ([(2, 16), (2, 48)], 80, 80),
        ([(1, 8)] * 3, 48, 72),
        ([(1, 12)], 16, 72),
    ],
)
def test_the_vendors_own_examples_are_counted_from_an_estate(
    hosts: list[tuple[int, int]], licences: int, billed: int
) -> None:
    """Broadcom KB 313548: 80 core licences, 48, and an order of one small host that is billed 72."""
    estate = reading(
        [host(f"esx{n}", sockets=sockets, cores=cores) for n, (sockets, cores) in enumerate(hosts)], [vm("a")]
    ).estate
    question = Question(platforms=(), editions={"vmware": "vvf"})
    line = hypervisor_line(study(estate, question, Assumptions(years=1, currency="USD"), full()), "today")
    assert (
        licensed_cores(core for sockets, cores in hosts for core in [cores // sockets] * sockets) == licences
    )
    assert line.quantity is not None
    assert line.quantity.low == line.quantity.high == billed
    assert line.amount is not None
    assert line.amount.high == billed * 190


def test_by_price_alone_the_twelfth_windows_vm_of_a_host_decides() -> None:
    """6,771 / 1,176 x 2 = 11.5: the published rule of thumb."""
    assert break_even_vms(STANDARD, DATACENTER) == 12


def test_windows_is_standard_up_to_ten_vms_a_host_and_datacenter_from_eleven() -> None:
    """By price alone the 12th VM decides (11.5); whole licences for two VMs make it the 11th."""
    kinds = [
        licences_for([[8, 8]], [vms], STANDARD, DATACENTER).datacenter_hosts for vms in (1, 9, 10, 11, 12, 40)
    ]
    assert kinds == [0, 0, 0, 1, 1, 1]
    assert datacenter_pays_from(STANDARD, DATACENTER) == 11


@pytest.mark.parametrize(
    ("platform", "units"),
    [("proxmox", 2 * 3), ("xcpng", 3), ("openshift", 3 * 2), ("nutanix", 3 * 192)],
)
def test_other_platforms_count_sockets_hosts_pairs_or_cores(platform: str, units: int) -> None:
    """Three hosts of two sockets with 96 cores each; OpenShift needs two pairs above 128 cores."""
    estate = reading([host(f"n{n}", sockets=2, cores=192) for n in range(3)], [vm("a")]).estate
    question = Question(platforms=(), platform_today=platform)
    line = hypervisor_line(study(estate, question, Assumptions(years=1), full()), "today")
    assert line.quantity is not None
    assert line.quantity.low == units


def test_hyper_v_licenses_every_host_even_without_a_windows_vm() -> None:
    estate = reading([host(f"n{n}") for n in range(3)], [vm("linux", guest_os="Debian GNU/Linux 12")]).estate
    found = study(estate, Question(platforms=(), platform_today="hyperv"), Assumptions(years=1), full())
    bill = found.bill("today")
    assert bill is not None
    line = bill.line("windows_standard_16")
    assert line is not None
    assert line.quantity is not None
    assert line.quantity.low == 3


def test_features_in_use_decide_the_edition_and_the_answer_says_why() -> None:
    quiet = Estate(
        clusters=(Cluster(name="c", drs_enabled=False),), hosts=(host("a"),), vms=(vm("v"),)
    ).sorted()
    idle = Switch(name="dvs", kind="distributed")
    busy = host("a", nics=(Nic(device="vmnic0", switch="dvs"),))
    cases = [
        (quiet, "2025-07-01", "vvs"),
        (quiet, "2025-08-01", "vvep"),  # Standard is reported to be sold no longer
        (
            Estate(clusters=quiet.clusters, hosts=quiet.hosts, vms=quiet.vms, switches=(idle,)),
            "2025-07-01",
            "vvs",
        ),
        (
            Estate(clusters=quiet.clusters, hosts=(busy,), vms=quiet.vms, switches=(idle,)),
            "2025-07-01",
            "vvep",
        ),
        (
            Estate(clusters=quiet.clusters, hosts=quiet.hosts, vms=(vm("v", ft="primary", vcpus=2),)),
            "2025-07-01",
            "vvs",
        ),
        (
            Estate(clusters=quiet.clusters, hosts=quiet.hosts, vms=(vm("v", ft="primary", vcpus=4),)),
            "2025-07-01",
            "vvep",
        ),
    ]
    for estate, day, edition in cases:
        [cluster] = chosen_clusters(estate, None)
        choice = choose(PLATFORMS["vmware"], uses(estate, cluster), public_book().at(None), day)
        assert choice.edition is not None
        assert choice.edition.key == edition
        assert choice.why


def test_a_platform_without_ft_is_not_priced_for_a_vm_that_has_it() -> None:
    estate = reading([host("a"), host("b")], [vm("db", ft="primary", vcpus=2)]).estate
    found = study(estate, Question(platforms=("vmware", "proxmox")), Assumptions(years=1), full())
    assert found.bill("vmware") is not None
    assert found.bill("proxmox") is None
    assert "Proxmox VE (Standard) has no FT, which VM db uses" in [str(remark) for remark in found.remarks]

"""Items of licences: the hypervisor by the edition chosen, its management, guests by where they may run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from planner.cost.assumptions import Assumptions
from planner.cost.book import Prices
from planner.cost.design import Design, Year
from planner.cost.item import Item
from planner.cost.licences.databases import oracle_processors, sql_cores_of_hosts
from planner.cost.licences.subscriptions import (
    openshift_pairs,
    rhel_socket_pairs,
    rhel_vm_pairs,
)
from planner.cost.licences.vmware import licensed_cores, ordered_cores, vsan_to_buy_tib
from planner.cost.licences.windows import WindowsLicences, licences_for
from planner.cost.money import ZERO
from planner.cost.platforms import Edition, Metric
from planner.sentence import Sentence

STANDARD: Final = "windows_standard_16"
DATACENTER: Final = "windows_datacenter_16"


def _vmware(year: Year) -> int:
    return ordered_cores(_of_all(year, licensed_cores))


def _of_all(year: Year, count: Callable[[list[int]], int]) -> int:
    """Count one host of each kind and take it as often as there are such hosts."""
    return sum(batch.count * count(batch.machine.cpus) for batch in year.batches)


COUNTS: Final[dict[Metric, tuple[Callable[[Year], int], str, Sentence]]] = {
    "vmware-core": (
        _vmware,
        "core-years",
        Sentence("max(72, sum over CPUs of max(16, cores)) x price of a core and year"),
    ),
    "socket": (
        lambda year: _of_all(year, len),
        "socket-years",
        Sentence("CPU sockets of all hosts x price of a socket and year"),
    ),
    "host": (lambda year: year.hosts, "host-years", Sentence("hosts x price of a host and year")),
    "core": (
        lambda year: year.cores,
        "core-years",
        Sentence("physical cores of all hosts x price of a core and year"),
    ),
    "openshift-pair": (
        lambda year: _of_all(year, openshift_pairs),
        "pair-years",
        Sentence(
            "sum over hosts of max(1, sockets / 2, cores / 128), rounded up, x price of a pair and year"
        ),
    ),
}


def licence_items(design: Design, assumptions: Assumptions, prices: Prices) -> list[Item]:
    """Items of all licences of a design."""
    edition = design.choice.edition
    items: list[Item] = []
    if edition is not None:
        items += _hypervisor(design, edition)
        items += _vsan(design, edition)
    if design.choice.platform.management_card:
        items.append(_management(design, design.choice.platform.management_card))
    if assumptions.windows == "buy":
        items += _windows(design, prices)
    return [*items, *_rhel(design, prices), *_databases(design)]


def _hypervisor(design: Design, edition: Edition) -> list[Item]:
    if edition.card is None or edition.metric not in COUNTS:
        return []
    count, unit, formula = COUNTS[edition.metric]
    card = edition.card
    return [
        Item(
            what=f"licence:{edition.key}",
            area="hypervisor",
            kind="opex",
            when="start",
            cards=(card,),
            unit=unit,
            label=Sentence(
                "{platform}, {edition}", {"platform": design.choice.platform.name, "edition": edition.name}
            ),
            formula=formula,
            quantity=lambda _, year: Decimal(count(design.year(year))),
            unit_price=lambda values: values[card],
        )
    ]


def _vsan(design: Design, edition: Edition) -> list[Item]:
    if not any(use.feature == "vsan" for use in design.uses) or edition.metric != "vmware-core":
        return []
    return [
        Item(
            what="vsan",
            area="hypervisor",
            kind="opex",
            when="start",
            cards=("vsan_tib_year", "raw_per_usable"),
            counted_by=("raw_per_usable",),
            unit="TiB-years",
            label=Sentence("vSAN beyond what the edition includes"),
            formula=Sentence("max(0, raw TiB - TiB included with the cores) x price of a TiB and year"),
            quantity=lambda values, year: vsan_to_buy_tib(
                edition.key,
                _vmware(design.year(year)),
                design.year(year).storage_tib * values["raw_per_usable"],
            ),
            unit_price=lambda values: values["vsan_tib_year"],
        )
    ]


def _management(design: Design, card: str) -> Item:
    return Item(
        what="management",
        area="hypervisor",
        kind="opex",
        when="start",
        cards=(card,),
        unit="core-years",
        label=Sentence("Management of Hyper-V"),
        formula=Sentence("physical cores of all hosts x price of a core and year"),
        quantity=lambda _, year: Decimal(design.year(year).cores),
        unit_price=lambda values: values[card],
    )


def windows_needs(design: Design, prices: Prices, year: int) -> WindowsLicences:
    """Choose Standard or Datacenter for each host at the middle of their prices.

    Hosts of Hyper-V need a licence even without a Windows VM.  Where a price is missing, whole
    Datacenter is counted, which is always allowed.
    """
    fleet = design.year(year)
    standard, datacenter = prices.span(STANDARD), prices.span(DATACENTER)
    least = 1 if design.choice.platform.key == "hyperv" else 0
    counts = [max(least, count) for count in fleet.windows or (0,) * fleet.hosts]
    kinds = [number for number, batch in enumerate(fleet.batches) for _ in range(batch.count)]
    alike = Counter((kind, count) for kind, count in zip(kinds, counts, strict=True) if count)
    return licences_for(
        [fleet.batches[kind].machine.cpus for kind, _ in alike],
        [count for _, count in alike],
        standard.middle if standard else Decimal(1),
        datacenter.middle if datacenter and standard else ZERO,
        list(alike.values()),
    )


def _windows(design: Design, prices: Prices) -> list[Item]:
    needs = [windows_needs(design, prices, year) for year in range(len(design.years))]
    standard = _bought_more([need.standard_16 for need in needs])
    datacenter = _bought_more([need.datacenter_16 for need in needs])
    pairs = (
        (STANDARD, standard, Sentence("Windows Server Standard")),
        (DATACENTER, datacenter, Sentence("Windows Server Datacenter")),
    )
    return [_windows_item(card, bought, label) for card, bought, label in pairs if any(bought)]


def _bought_more(needed: list[Decimal]) -> list[Decimal]:
    """What has to be bought each year beyond what was bought before: a licence is kept."""
    owned, bought = ZERO, []
    for need in needed:
        bought.append(max(ZERO, need - owned))
        owned = max(owned, need)
    return bought


def _windows_item(card: str, bought: list[Decimal], label: Sentence) -> Item:
    return Item(
        what=card,
        area="guests",
        kind="capex",
        when="start",
        cards=(card,),
        unit="licences of 16 cores",
        label=label,
        formula=Sentence(
            "sum over hosts where Windows VMs may run of max(16, sum over CPUs of max(8, cores)) / 16, "
            "with Standard once for every two VMs, x price of 16 cores"
        ),
        quantity=lambda _, year: bought[year] if year < len(bought) else ZERO,
        unit_price=lambda values: values[card],
        notes=(
            Sentence("For each host the cheaper edition; VMs of failed hosts count where they restart"),
            Sentence("Licences for users (CAL) are not in it"),
        ),
    )


def _rhel(design: Design, prices: Prices) -> list[Item]:
    """Red Hat Enterprise Linux by pairs of VMs or by hosts, whichever is cheaper at the known prices."""
    if not any(any(year.rhel) for year in design.years):
        return []
    by_vm, by_host = prices.span("rhel_pair_year"), prices.span("rhel_vdc_pair_year")
    first = design.years[0]
    dear = by_vm is None or (
        by_host is not None and _rhel_hosts(first) * by_host.middle < _rhel_vms(first) * by_vm.middle
    )
    card = "rhel_vdc_pair_year" if by_host is not None and dear else "rhel_pair_year"
    count = _rhel_hosts if card == "rhel_vdc_pair_year" else _rhel_vms
    return [
        Item(
            what=card,
            area="guests",
            kind="opex",
            when="start",
            cards=(card,),
            unit="pair-years",
            label=Sentence("Red Hat Enterprise Linux"),
            formula=Sentence(
                "pairs of VMs, or pairs of sockets of hosts where they may run, x price of a pair and year"
            ),
            quantity=lambda _, year: Decimal(count(design.year(year))),
            unit_price=lambda values: values[card],
        )
    ]


def _rhel_vms(year: Year) -> int:
    return sum(rhel_vm_pairs(count) for count in year.rhel)


def _rhel_hosts(year: Year) -> int:
    pairs = zip(year.machines, year.rhel, strict=True)
    return sum(rhel_socket_pairs(machine.sockets) for machine, count in pairs if count)


def _databases(design: Design) -> list[Item]:
    """SQL Server and Oracle Database by every host where such a VM may ever run."""
    sql = [Decimal(sql_cores_of_hosts(_flagged(year, year.sql))) / 2 for year in design.years]
    oracle = [Decimal(oracle_processors(_flagged(year, year.oracle))) for year in design.years]
    rules = (
        (
            "sql_enterprise_2",
            sql,
            "licences of 2 cores",
            Sentence("SQL Server Enterprise"),
            Sentence("sum over hosts where it may run of max(4, cores) of each CPU / 2 x price of 2 cores"),
        ),
        (
            "oracle_ee_processor",
            oracle,
            "processors",
            Sentence("Oracle Database Enterprise Edition"),
            Sentence("cores of hosts where it may run x core factor 0.5, rounded up, x price of a processor"),
        ),
    )
    return [
        _database(card, _bought_more(needed), unit, label, formula)
        for card, needed, unit, label, formula in rules
        if any(needed)
    ]


def _database(card: str, bought: list[Decimal], unit: str, label: Sentence, formula: Sentence) -> Item:
    return Item(
        what=card,
        area="guests",
        kind="capex",
        when="start",
        cards=(card,),
        unit=unit,
        label=label,
        formula=formula,
        quantity=lambda _, year: bought[year] if year < len(bought) else ZERO,
        unit_price=lambda values: values[card],
        notes=(Sentence("Its vendor's yearly support is not in it"),),
    )


def _flagged(year: Year, flags: Sequence[int]) -> list[list[int]]:
    """The CPUs of the hosts where such a VM may run."""
    pairs = zip(year.machines, flags, strict=False)
    return [machine.cpus for machine, may in pairs if may]

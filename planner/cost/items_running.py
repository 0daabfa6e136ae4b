"""Items of running it and of getting there: electricity, space, people, outages, migration, training."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

from planner.cost.assumptions import Assumptions
from planner.cost.design import Design, Year
from planner.cost.item import Item, Values
from planner.cost.machine import Machine
from planner.cost.money import ZERO
from planner.sentence import Sentence
from planner.units import HOURS_PER_YEAR

KWH_PER_W_YEAR: Final = Decimal(str(HOURS_PER_YEAR)) / 1000
SECONDS_PER_HOUR: Final = 3600
POWER_CARDS: Final = ("host_idle_w", "host_full_w")
USAGE_CARD: Final = "assumed_utilisation_percent"


def running_items(design: Design, assumptions: Assumptions) -> list[Item]:
    """Items of every year's work, and of the way to the new platform."""
    items = [_electricity(design), _space(design), _labour(design), _downtime(design, assumptions)]
    if design.moved_vms:
        items.append(_migration(design))
    if design.new_platform:
        items.append(_training(design))
    return items


def power_w(machine: Machine, percent: Decimal, values: Values) -> Decimal:
    """The power of one host at a CPU usage: idle + (full - idle) x usage.

    Source: SPECpower_ssj2008 medians of 2021: 110 W idle and 468 W full are 235 W at 35 %.

    >>> host = Machine(name="any", sockets=2, cores=32, memory_mib=262144)
    >>> power_w(host, Decimal(35), {"host_idle_w": Decimal(110), "host_full_w": Decimal(468)})
    Decimal('235.3')
    """
    idle = values["host_idle_w"] if machine.idle_w is None else machine.idle_w
    full = values["host_full_w"] if machine.full_w is None else machine.full_w
    return idle + (full - idle) * percent / 100


def fleet_w(year: Year, values: Values) -> Decimal:
    """The power of all hosts of a year, without cooling."""
    percent = values[USAGE_CARD] if year.utilisation_percent is None else year.utilisation_percent
    return sum((batch.count * power_w(batch.machine, percent, values) for batch in year.batches), ZERO)


def energy_kwh(year: Year, values: Values) -> Decimal:
    """The electricity of a year, cooling and losses included."""
    return fleet_w(year, values) * KWH_PER_W_YEAR * values["pue"]


def _electricity(design: Design) -> Item:
    measured = all(year.utilisation_percent is not None for year in design.years)
    percent = design.years[0].utilisation_percent
    said = (
        Sentence(
            "CPU usage {percent} %: the work that the hosts report, spread over these hosts",
            {"percent": float(round(percent, 1))},
        )
        if percent is not None
        else Sentence("No CPU usage was exported: that of the price book is assumed")
    )
    return Item(
        what="electricity",
        area="energy",
        kind="opex",
        when="end",
        cards=("electricity_kwh", "pue", *POWER_CARDS, *(() if measured else (USAGE_CARD,))),
        counted_by=("pue", *POWER_CARDS, *(() if measured else (USAGE_CARD,))),
        unit="kWh",
        label=Sentence("Electricity, cooling included"),
        formula=Sentence("hosts x (idle + (full - idle) x CPU usage) x 8760 h x PUE x price of a kWh"),
        quantity=lambda values, year: energy_kwh(design.year(year), values),
        unit_price=lambda values: values["electricity_kwh"],
        notes=(said,),
    )


def _space(design: Design) -> Item:
    def units(values: Values, year: int) -> Decimal:
        return sum(
            (
                batch.count
                * (
                    values["host_rack_units"]
                    if batch.machine.rack_units is None
                    else batch.machine.rack_units
                )
                for batch in design.year(year).batches
            ),
            ZERO,
        )

    return Item(
        what="space",
        area="space",
        kind="opex",
        when="end",
        cards=("rack_unit_year", "host_rack_units"),
        counted_by=("host_rack_units",),
        unit="unit-years",
        label=Sentence("Rack space"),
        formula=Sentence("hosts x rack units of each x price of a unit and year"),
        quantity=units,
        unit_price=lambda values: values["rack_unit_year"],
    )


def _labour(design: Design) -> Item:
    per = "hosts_per_administrator" if design.physical else "vms_per_administrator"
    formula = (
        Sentence("servers / servers for each administrator x price of an administrator and year")
        if design.physical
        else Sentence("VMs / VMs for each administrator x price of an administrator and year")
    )

    def people(values: Values, year: int) -> Decimal:
        fleet = design.year(year)
        return Decimal(fleet.hosts if design.physical else fleet.vms) / values[per]

    return Item(
        what="labour",
        area="labour",
        kind="opex",
        when="end",
        cards=("administrator_year", per),
        counted_by=(per,),
        unit="administrator-years",
        label=Sentence("Administrators"),
        formula=formula,
        quantity=people,
        unit_price=lambda values: values["administrator_year"],
    )


def outage_cards(assumptions: Assumptions) -> tuple[str, ...]:
    """The cards that the expected outage hangs on."""
    by_protection = {
        "none": ("host_failures_year", "repair_hours"),
        "ha": ("host_failures_year", "restart_seconds"),
    }
    return by_protection.get(assumptions.protection, ())


def outage_hours_vm(assumptions: Assumptions, values: Values) -> Decimal:
    """Expect the outage of one VM in a year from failures of its host alone, in hours.

    Failures of a host in a year x how long its VMs are away: until the repair without protection, until
    the restart with HA, not at all with FT.  Storage, network, sites, boot and people come on top.

    Source: AFR x recovery; 5 % and 24 h are 72 minutes a year, 5 % and 180 s are 9 s.

    >>> values = {"host_failures_year": Decimal(5), "repair_hours": Decimal(24)}
    >>> values["restart_seconds"] = Decimal(180)
    >>> [int(outage_hours_vm(Assumptions(protection=one), values) * 3600) for one in ("none", "ha", "ft")]
    [4320, 9, 0]
    """
    if assumptions.protection == "ft":
        return ZERO
    failures = values["host_failures_year"] / 100
    if assumptions.protection == "none":
        return failures * values["repair_hours"]
    return failures * values["restart_seconds"] / SECONDS_PER_HOUR


def _downtime(design: Design, assumptions: Assumptions) -> Item:
    return Item(
        what="downtime",
        area="downtime",
        kind="opex",
        when="end",
        cards=("outage_hour", *outage_cards(assumptions)),
        counted_by=outage_cards(assumptions),
        unit="VM-hours",
        label=Sentence("Expected outages by failures of hosts"),
        formula=Sentence("VMs x failures of a host in a year x time until they run again x price of an hour"),
        quantity=lambda values, year: design.year(year).vms * outage_hours_vm(assumptions, values),
        unit_price=lambda values: values["outage_hour"],
        notes=(Sentence("Failures of hosts alone; storage, network, sites and people come on top"),),
    )


def _migration(design: Design) -> Item:
    return Item(
        what="migration",
        area="change",
        kind="opex",
        when="start",
        cards=("migration_hour", "migration_hours_vm"),
        counted_by=("migration_hours_vm",),
        unit="hours",
        label=Sentence("Work of moving the VMs"),
        formula=Sentence("VMs to move x hours for each x price of an hour"),
        quantity=lambda values, year: design.moved_vms * values["migration_hours_vm"] if year == 0 else ZERO,
        unit_price=lambda values: values["migration_hour"],
    )


def _training(design: Design) -> Item:
    def people(values: Values, year: int) -> Decimal:
        if year:
            return ZERO
        wanted = Decimal(design.years[0].vms) / values["vms_per_administrator"]
        return wanted.to_integral_value(rounding=ROUND_CEILING)

    return Item(
        what="training",
        area="change",
        kind="opex",
        when="start",
        cards=("training_person", "vms_per_administrator"),
        counted_by=("vms_per_administrator",),
        unit="persons",
        label=Sentence("Training on the new platform"),
        formula=Sentence("administrators, rounded up, x price of training one"),
        quantity=people,
        unit_price=lambda values: values["training_person"],
    )

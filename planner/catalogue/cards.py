"""The cards of a price book: everything that the cost model may ask a price or a rate for, with its unit.

A card without a row in any book stays empty, and says so on every line that would need it.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.sentence import Sentence, Value

Area: TypeAlias = Literal[
    "servers", "network", "storage", "hypervisor", "guests", "support", "energy", "space", "labour",
    "change", "downtime", "residual", "carbon", "reliability", "money",
]  # fmt: skip
AREAS: Final[tuple[Area, ...]] = (
    "servers", "network", "storage", "hypervisor", "guests", "support", "energy", "space", "labour",
    "change", "downtime", "residual", "carbon", "reliability", "money",
)  # fmt: skip

AREA_NAMES: Final[dict[Area, Sentence]] = {
    "servers": Sentence("Servers"),
    "network": Sentence("Network"),
    "storage": Sentence("Storage"),
    "hypervisor": Sentence("Hypervisor licences"),
    "guests": Sentence("Guest licences"),
    "support": Sentence("Support"),
    "energy": Sentence("Energy"),
    "space": Sentence("Space"),
    "labour": Sentence("Labour"),
    "change": Sentence("Migration and training"),
    "downtime": Sentence("Outages"),
    "residual": Sentence("Worth in the end"),
    "carbon": Sentence("Carbon"),
    "reliability": Sentence("Reliability"),
    "money": Sentence("Money"),
}

RATE: Final = "rate:"  # rate:USD:EUR, EUR for one USD
GRID_HOUR: Final = "grid_kg_kwh:"  # grid_kg_kwh:00 to :23, the grid's factor in that hour of the day
USAGE_HOUR: Final = "usage_percent:"  # usage_percent:00 to :23, the hosts' CPU usage in that hour
HOURS: Final = tuple(f"{hour:02}" for hour in range(24))
HOST: Final = "host:"  # host:<model>, the quote for one host of that model


class Card(Struct, frozen=True, kw_only=True):
    """One thing with a price, or one number that amounts hang on; `money` tells which of the two."""

    key: str
    area: Area
    unit: str
    label: Sentence
    money: bool = True
    most: int | None = None  # beyond it a number is a typing error
    divides: bool = False  # something is divided by it, so that zero makes no sense


DIVISORS: Final = ("switch_ports", "switch_copies", "vms_per_administrator", "hosts_per_administrator")


def _card(
    area: Area, key: str, unit: str, label: Sentence, money: bool = True, most: int | None = None
) -> Card:
    divides = key in DIVISORS
    return Card(key=key, area=area, unit=unit, label=label, money=money, most=most, divides=divides)


CARDS: Final[tuple[Card, ...]] = (
    _card("servers", "server", "host", Sentence("A host as quoted, complete")),
    _card("servers", "server_base", "host", Sentence("A host without CPU and memory: case, power supplies")),
    _card("servers", "server_core", "core", Sentence("CPU, per core")),
    _card("servers", "server_memory_gib", "GiB", Sentence("Memory, per GiB")),
    _card("servers", "nic_port", "port", Sentence("Network port of a host")),
    _card("servers", "hba_port", "port", Sentence("Storage port of a host")),
    _card("network", "switch", "switch", Sentence("Network switch")),
    _card(
        "network", "switch_ports", "ports/switch", Sentence("Ports of a switch for hosts"), False, 10_000
    ),
    _card("network", "nic_ports", "ports/host", Sentence("Network ports of a host"), False, 1000),
    _card("network", "switch_copies", "copies", Sentence("Crossed networks, 2 for redundancy"), False, 10),
    _card("network", "ft_port", "port", Sentence("10 Gbit/s port for FT, at host and switch")),
    _card("network", "ft_ports", "ports/host", Sentence("Ports of a host for FT"), False, 100),
    _card("storage", "array_controller", "controller", Sentence("Storage controller")),
    _card("storage", "array_controllers", "controllers", Sentence("Controllers of an array"), False, 100),
    _card("storage", "storage_raw_tib", "TiB", Sentence("Raw storage, per TiB")),
    _card(
        "storage", "raw_per_usable", "ratio", Sentence("Raw for usable storage, by RAID or copies"), False, 10
    ),
    _card("storage", "fabric_port", "port", Sentence("Port of a storage network")),
    _card("storage", "hba_ports", "ports/host", Sentence("Storage ports of a host"), False, 1000),
    _card("hypervisor", "vvs_core_year", "core/year", Sentence("VMware vSphere Standard")),
    _card("hypervisor", "vvep_core_year", "core/year", Sentence("VMware vSphere Enterprise Plus")),
    _card("hypervisor", "vvf_core_year", "core/year", Sentence("VMware vSphere Foundation")),
    _card("hypervisor", "vcf_core_year", "core/year", Sentence("VMware Cloud Foundation")),
    _card("hypervisor", "vsan_tib_year", "TiB/year", Sentence("vSAN beyond what the edition includes")),
    _card("hypervisor", "proxmox_community_year", "socket/year", Sentence("Proxmox VE Community")),
    _card("hypervisor", "proxmox_basic_year", "socket/year", Sentence("Proxmox VE Basic")),
    _card("hypervisor", "proxmox_standard_year", "socket/year", Sentence("Proxmox VE Standard")),
    _card("hypervisor", "proxmox_premium_year", "socket/year", Sentence("Proxmox VE Premium")),
    _card("hypervisor", "xcpng_host_year", "host/year", Sentence("XCP-ng with Vates Pro support")),
    _card("hypervisor", "nutanix_core_year", "core/year", Sentence("Nutanix NCI Pro")),
    _card(
        "hypervisor", "openshift_pair_year", "socket pair/year", Sentence("OpenShift Virtualization Engine")
    ),
    _card(
        "hypervisor", "hyperv_management_core_year", "core/year",
        Sentence("Management of Hyper-V, System Center for example"),
    ),
    _card("guests", "windows_standard_16", "16 cores", Sentence("Windows Server Standard")),
    _card("guests", "windows_datacenter_16", "16 cores", Sentence("Windows Server Datacenter")),
    _card("guests", "rhel_pair_year", "VM pair/year", Sentence("Red Hat Enterprise Linux, two VMs")),
    _card(
        "guests", "rhel_vdc_pair_year", "socket pair/year",
        Sentence("Red Hat Enterprise Linux for Virtual Datacenters"),
    ),
    _card("guests", "sql_enterprise_2", "2 cores", Sentence("SQL Server Enterprise")),
    _card("guests", "oracle_ee_processor", "processor", Sentence("Oracle Database Enterprise Edition")),
    _card("support", "server_support", "%/year", Sentence("Support of hosts, of their price"), False, 100),
    _card(
        "support", "storage_support", "%/year", Sentence("Support of storage and network, of their price"),
        False, 100,
    ),
    _card("energy", "electricity_kwh", "kWh", Sentence("Electricity")),
    _card("energy", "pue", "ratio", Sentence("Cooling and losses of the data centre, PUE"), False, 10),
    _card("energy", "host_idle_w", "W", Sentence("Power of an idle host"), False, 100_000),
    _card("energy", "host_full_w", "W", Sentence("Power of a host at full load"), False, 100_000),
    _card(
        "energy", "assumed_utilisation_percent", "%", Sentence("CPU usage where none is measured"), False, 100
    ),
    _card("space", "rack_unit_year", "unit/year", Sentence("Rack space")),
    _card("space", "host_rack_units", "units/host", Sentence("Rack units of a host"), False, 50),
    _card("labour", "administrator_year", "administrator/year", Sentence("An administrator")),
    _card(
        "labour", "vms_per_administrator", "VMs/administrator",
        Sentence("VMs that an administrator looks after"), False, 1_000_000,
    ),
    _card(
        "labour", "hosts_per_administrator", "hosts/administrator",
        Sentence("Physical servers that an administrator looks after"), False, 1_000_000,
    ),
    _card("change", "migration_hour", "hour", Sentence("An hour of migration work")),
    _card("change", "migration_hours_vm", "hours/VM", Sentence("Work to move a VM"), False, 10_000),
    _card("change", "training_person", "person", Sentence("Training on a new platform")),
    _card("downtime", "outage_hour", "hour", Sentence("An hour of outage of one VM")),
    _card(
        "residual", "residual_percent", "%", Sentence("Worth of the hardware in the end, of its price"),
        False, 100,
    ),
    _card("carbon", "grid_kg_kwh", "kg/kWh", Sentence("Carbon of a kWh"), False, 10),
    _card("carbon", "embodied_host_kg", "kg/host", Sentence("Carbon of making a host"), False, 1_000_000),
    _card("reliability", "host_failures_year", "%/year", Sentence("Hosts that fail in a year"), False, 100),
    _card("reliability", "repair_hours", "hours", Sentence("Repair of a failed host"), False, 10_000),
    _card("reliability", "restart_seconds", "s", Sentence("Restart by HA"), False, 1_000_000),
    _card("money", "discount_percent", "%/year", Sentence("Discount rate of later years"), False, 1000),
)  # fmt: skip

CARD_OF: Final = {card.key: card for card in CARDS}


def card_of(key: str) -> Card | None:
    """Find the card of a key: a listed one, a rate between two currencies, a host model's quote, an hour.

    >>> card_of("rate:USD:EUR").unit, card_of("host:R660").unit, card_of("lunch")
    ('EUR/USD', 'host', None)
    >>> card_of("grid_kg_kwh:19").unit, card_of("usage_percent:03").unit, card_of("grid_kg_kwh:24")
    ('kg/kWh', '%', None)
    """
    if key in CARD_OF:
        return CARD_OF[key]
    if key.startswith(HOST) and len(key) > len(HOST):
        label = Sentence("Host model {model}", {"model": key[len(HOST) :]})
        return Card(key=key, area="servers", unit="host", label=label)
    parts = key.split(":")
    if len(parts) == 2 and parts[1] in HOURS and f"{parts[0]}:" in (GRID_HOUR, USAGE_HOUR):
        return _hour_card(key, parts[1])
    if len(parts) == 3 and parts[0] == "rate" and all(map(is_currency, parts[1:])) and parts[1] != parts[2]:
        source, target = parts[1:]
        label = Sentence("{target} for one {source}", {"target": target, "source": source})
        return Card(key=key, area="money", unit=f"{target}/{source}", label=label, money=False, divides=True)
    return None


def _hour_card(key: str, hour: str) -> Card:
    said: dict[str, Value] = {"hour": hour}
    if key.startswith(GRID_HOUR):
        label = Sentence("Carbon of a kWh, from {hour}:00", said)
        return Card(key=key, area="carbon", unit="kg/kWh", label=label, money=False, most=10)
    label = Sentence("CPU usage of the hosts, from {hour}:00", said)
    return Card(key=key, area="energy", unit="%", label=label, money=False, most=100)


def is_currency(code: str) -> bool:
    """Say whether this is three capital letters, as ISO 4217 writes currencies."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()

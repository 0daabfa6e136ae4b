"""Items of what is bought: hosts, network, storage, their support, and what they are worth in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

from msgspec.structs import replace

from planner.catalogue.cards import HOST
from planner.cost.assumptions import Assumptions
from planner.cost.book import Prices
from planner.cost.design import Design
from planner.cost.item import Item, Values
from planner.cost.machine import Machine
from planner.cost.money import ZERO
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB

PARTS = ("server_base", "server_core", "server_memory_gib")
KEPT_UP: Final = ("network", "storage")
KEPT_UP_NAMES: Final = {
    "switches": Sentence("Support of network switches"),
    "storage": Sentence("Support of storage"),
    "controllers": Sentence("Support of storage controllers"),
    "fabric": Sentence("Support of the storage network"),
    "ft-network": Sentence("Support of network ports for FT"),
}
PORTS = (("nic_port", "nic_ports"), ("hba_port", "hba_ports"))


def price_cards(machine: Machine, prices: Prices) -> tuple[str, ...]:
    """Say which cards price a host: its model's quote, else its parts, else the quote for any host.

    Nothing known: the quote for any host, whose card is then empty.
    """
    quote = f"{HOST}{machine.name}"
    if prices.span(quote) is not None:
        return (quote,)
    if all(prices.span(part) is not None for part in PARTS):
        known = [pair for pair in PORTS if all(prices.span(card) is not None for card in pair)]
        return (*PARTS, *(card for pair in known for card in pair))
    return ("server",)


def host_price(machine: Machine, cards: tuple[str, ...]) -> Callable[[Values], Decimal]:
    """The price of one host, in the money of its first card."""

    def by_parts(values: Values) -> Decimal:
        memory = Decimal(machine.memory_mib) / MIB_PER_GIB
        price = values["server_base"] + machine.cores * values["server_core"]
        price += memory * values["server_memory_gib"]
        return price + sum((values[port] * values[count] for port, count in PORTS if port in cards), ZERO)

    if cards[0] == PARTS[0]:
        return by_parts
    return lambda values: values[cards[0]]


def machines_of(design: Design) -> list[Machine]:
    """Every kind of host that a design ever has, once, in a stable order; the clock makes no kind of its own.

    A measured clock wavers by a MHz from host to host, and no card is priced by it.
    """
    kinds = dict.fromkeys(_priced(batch.machine) for year in design.years for batch in year.batches)
    return sorted(kinds, key=lambda kind: (kind.name, kind.cores, kind.memory_mib, kind.sockets))


def _priced(machine: Machine) -> Machine:
    return replace(machine, cpu_mhz=0.0)


def name_among(machine: Machine, kinds: Sequence[Machine]) -> str:
    """The name of a kind, with its size where several kinds bear the name.

    >>> small, big = (Machine(name="R640", sockets=2, cores=32, memory_mib=gib * 1024) for gib in (256, 512))
    >>> name_among(small, [small]), name_among(big, [small, big])
    ('R640', 'R640, 2 x 16 cores, 512 GiB')
    """
    if sum(kind.name == machine.name for kind in kinds) == 1:
        return machine.name
    cores = f"{machine.sockets} x {machine.cores / machine.sockets:g}"
    return f"{machine.name}, {cores} cores, {machine.memory_mib / MIB_PER_GIB:.0f} GiB"


def hardware_items(design: Design, assumptions: Assumptions, prices: Prices) -> list[Item]:
    """Items of all that is bought for a design."""
    items: list[Item] = []
    kinds = machines_of(design)
    for number, machine in enumerate(kinds):
        name = name_among(machine, kinds)
        suffix = "" if number == 0 else f":{number + 1}"
        bought = any(
            _priced(batch.machine) == machine
            for year in design.years
            for batch in year.batches
            if batch.bought
        )
        if bought:
            items.append(_hosts(design, machine, prices, name, suffix))
            items.append(_residual(design, machine, assumptions, prices, name, suffix))
        items.append(_support(design, machine, prices, name, suffix))
    if assumptions.buy_network:
        items.append(_switches(design, assumptions.networks))
    if assumptions.buy_storage:
        items += [
            _storage(design, assumptions.arrays),
            _controllers(design, assumptions.arrays),
            _fabric(design, assumptions),
        ]
    if any(use.feature in ("ft-2", "ft-8") for use in design.uses):
        items.append(_ft_network(design))
    return [*items, *[_kept_up(item, assumptions.years) for item in items if item.area in KEPT_UP]]


def _count_bought(design: Design, machine: Machine, year: int) -> int:
    return sum(batch.bought for batch in design.bought(year) if _priced(batch.machine) == machine)


def _hosts(design: Design, machine: Machine, prices: Prices, name: str, suffix: str) -> Item:
    cards = price_cards(machine, prices)
    return Item(
        what=f"hosts{suffix}",
        area="servers",
        kind="capex",
        when="start",
        cards=cards,
        unit="hosts",
        label=Sentence("Hosts to buy, {model}", {"model": name}),
        formula=Sentence("hosts to buy x price of a host")
        if len(cards) == 1
        else Sentence("hosts to buy x (base + cores x price of a core + GiB x price of a GiB + ports)"),
        quantity=lambda _, year: Decimal(_count_bought(design, machine, year)),
        unit_price=host_price(machine, cards),
    )


def _residual(
    design: Design, machine: Machine, assumptions: Assumptions, prices: Prices, name: str, suffix: str
) -> Item:
    cards = price_cards(machine, prices)
    price = host_price(machine, cards)
    last = assumptions.years - 1

    def hosts(_: Values, year: int) -> Decimal:
        if year != last:
            return ZERO
        return Decimal(sum(_count_bought(design, machine, one) for one in range(assumptions.years)))

    return Item(
        what=f"residual{suffix}",
        area="residual",
        kind="capex",
        when="end",
        cards=(*cards, "residual_percent"),
        unit="hosts",
        label=Sentence("Worth of {model} in the end", {"model": name}),
        formula=Sentence("- hosts bought x price of a host x worth in the end %"),
        quantity=hosts,
        unit_price=lambda values: -price(values) * values["residual_percent"] / 100,
    )


def _support(design: Design, machine: Machine, prices: Prices, name: str, suffix: str) -> Item:
    cards = price_cards(machine, prices)
    price = host_price(machine, cards)
    return Item(
        what=f"support{suffix}",
        area="support",
        kind="opex",
        when="end",
        cards=(*cards, "server_support"),
        unit="host-years",
        label=Sentence("Support of hosts, {model}", {"model": name}),
        formula=Sentence("hosts x price of a host x support % a year"),
        quantity=lambda _, year: Decimal(
            sum(batch.count for batch in design.year(year).batches if _priced(batch.machine) == machine)
        ),
        unit_price=lambda values: price(values) * values["server_support"] / 100,
    )


def _all_bought(design: Design, year: int) -> int:
    return sum(batch.bought for batch in design.bought(year))


def _kept_up(item: Item, years: int) -> Item:
    """The support of a network or storage line: a share of all that was bought of it, each year."""

    def owned(values: Values, year: int) -> Decimal:
        return sum((item.quantity(values, one) for one in range(year + 1)), ZERO)

    return Item(
        what=f"support:{item.what}",
        area="support",
        kind="opex",
        when="end",
        cards=(*item.cards, "storage_support"),
        counted_by=item.counted_by,
        unit=f"{item.unit.removesuffix('s')}-years" if item.unit != "TiB" else "TiB-years",
        label=KEPT_UP_NAMES[item.what],
        formula=Sentence("bought until then x its price x support % a year"),
        quantity=owned,
        unit_price=lambda values: item.unit_price(values) * values["storage_support"] / 100,
    )


def _ft_network(design: Design) -> Item:
    return Item(
        what="ft-network",
        area="network",
        kind="capex",
        when="start",
        cards=("ft_port", "ft_ports"),
        counted_by=("ft_ports",),
        unit="ports",
        label=Sentence("10 Gbit/s ports for FT, at the host and at the switch"),
        formula=Sentence("hosts x ports of each for FT x price of a port"),
        quantity=lambda values, year: _hosts_more(design, year) * values["ft_ports"],
        unit_price=lambda values: values["ft_port"],
        notes=(Sentence("FT wants 10 Gbit/s between its hosts; enter 0 where your hosts have it"),),
    )


def _hosts_more(design: Design, year: int) -> int:
    """Hosts of a year beyond those of the year before: all of them get their ports once."""
    before = design.year(year - 1).hosts if year else 0
    return max(0, design.year(year).hosts - before)


def _switches(design: Design, networks: int | None) -> Item:
    def switches(values: Values, year: int) -> Decimal:
        copies = values["switch_copies"] if networks is None else Decimal(networks)
        ports = values["switch_ports"]
        wanted = _all_bought(design, year) * values["nic_ports"] / copies / ports
        return wanted.to_integral_value(rounding=ROUND_CEILING) * copies

    return Item(
        what="switches",
        area="network",
        kind="capex",
        when="start",
        cards=("switch", "switch_copies", "switch_ports", "nic_ports"),
        counted_by=("switch_copies", "switch_ports", "nic_ports"),
        unit="switches",
        label=Sentence("Network switches") if networks == 1 else Sentence("Network switches, crossed"),
        formula=Sentence("copies x hosts to buy x ports of a host / copies / ports of a switch, rounded up"),
        quantity=switches,
        unit_price=lambda values: values["switch"],
    )


def _storage(design: Design, arrays: int) -> Item:
    def raw_tib(values: Values, year: int) -> Decimal:
        before = design.year(year - 1).storage_tib if year else ZERO
        return max(ZERO, design.year(year).storage_tib - before) * values["raw_per_usable"] * arrays

    return Item(
        what="storage",
        area="storage",
        kind="capex",
        when="start",
        cards=("storage_raw_tib", "raw_per_usable"),
        counted_by=("raw_per_usable",),
        unit="TiB",
        label=Sentence("Storage, raw"),
        formula=Sentence("TiB that VMs take x raw for usable x price of a raw TiB")
        if arrays == 1
        else Sentence("arrays x TiB that VMs take x raw for usable x price of a raw TiB"),
        quantity=raw_tib,
        unit_price=lambda values: values["storage_raw_tib"],
    )


def _controllers(design: Design, arrays: int) -> Item:
    return Item(
        what="controllers",
        area="storage",
        kind="capex",
        when="start",
        cards=("array_controller", "array_controllers"),
        counted_by=("array_controllers",),
        unit="controllers",
        label=Sentence("Storage controllers"),
        formula=Sentence("controllers of an array x price"),
        quantity=lambda values, year: (
            values["array_controllers"] * arrays if year == 0 and design.years else ZERO
        ),
        unit_price=lambda values: values["array_controller"],
    )


def _fabric(design: Design, assumptions: Assumptions) -> Item:
    def ports(values: Values, year: int) -> Decimal:
        controllers = values["array_controllers"] * assumptions.arrays if year == 0 else ZERO
        return (_all_bought(design, year) + controllers) * values["hba_ports"]

    return Item(
        what="fabric",
        area="storage",
        kind="capex",
        when="start",
        cards=("fabric_port", "hba_ports", "array_controllers"),
        counted_by=("hba_ports", "array_controllers"),
        unit="ports",
        label=Sentence("Ports of the storage network"),
        formula=Sentence("(hosts to buy + controllers) x storage ports of each"),
        quantity=ports,
        unit_price=lambda values: values["fabric_port"],
    )

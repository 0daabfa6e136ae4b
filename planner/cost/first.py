"""A first price: hosts, core licences and energy, a year or once; the full cost of ownership comes elsewhere.

Amounts are Decimal, rounded to cents line by line, so that lines add up to their totals.  Nothing is
invented: an amount nobody told us is None, and a price that sources disagree on is a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.catalogue import Fact
from planner.catalogue.licences import (
    COUNTING_SOURCE,
    PRICES,
    Licence,
)
from planner.catalogue.power import (
    ASSUMED_UTILISATION_PERCENT,
    ELECTRICITY_EUR_KWH,
    HOST_FULL_W,
    HOST_IDLE_W,
    PUE,
)
from planner.consolidation import Members
from planner.cost.licences.vmware import licensed_cores, ordered_cores
from planner.estate import Host
from planner.sentence import Sentence
from planner.sizing import Sizing, Wish
from planner.units import HOURS_PER_YEAR

Scope: TypeAlias = Literal["today", "planned"]
Per: TypeAlias = Literal["once", "year"]

SCOPES: Final[tuple[Scope, ...]] = ("today", "planned")
CENT: Final = Decimal("0.01")
W_PER_KW: Final = 1000
LABELS: Final = {
    "hosts": Sentence("Hosts to buy"),
    "licence_vvf": Sentence("Licences VMware vSphere Foundation"),
    "licence_vcf": Sentence("Licences VMware Cloud Foundation"),
    "energy": Sentence("Electricity, cooling included"),
    "total": Sentence("Sum of the known amounts"),
}


class Money(Struct, frozen=True, kw_only=True):
    """A yearly or one-time line; `low` and `high` differ where sources do; None: no price is known.

    `item` is stable (`hosts`, `licence_vvf`, `energy`, `total`), `label` its name for a reader.
    """

    item: str
    low: str | None
    high: str | None
    currency: str
    per: Per
    quantity: float
    unit: str
    formula: Sentence
    source: str
    scope: Scope = "planned"
    label: Sentence = Sentence("")
    assumptions: tuple[Sentence, ...] = ()


def rows_used(licence: Licence) -> tuple[Fact, ...]:
    """Give the rows of the catalogue that a first price is made of, each with its source and date.

    >>> [row.key for row in rows_used("none")]
    ['host_idle_w', 'host_full_w', 'pue', 'electricity_eur_kwh']
    """
    licences = (PRICES[licence],) if licence in PRICES else ()
    return (*licences, HOST_IDLE_W, HOST_FULL_W, PUE, ELECTRICITY_EUR_KWH)


class Fleet(Struct, frozen=True, kw_only=True):
    """The hosts to price: how they count for licences, how busy they are, how many are still to buy."""

    scope: Scope
    hosts: int
    cores_licensed: int
    utilisation_percent: float
    to_buy: int
    utilisation_assumed: bool = False


class Prices(Struct, frozen=True, kw_only=True):
    """What the asker pays; `host_price` None: no quote yet."""

    host_price: Decimal | None = None
    currency: str = "EUR"
    licence: Licence = "vvf"


def cpus_of(sockets: int, cores: int) -> list[int]:
    """Split the cores of a host over its CPUs, as evenly as they go.

    >>> cpus_of(2, 24), cpus_of(2, 25)
    ([12, 12], [13, 12])
    """
    share, rest = divmod(cores, sockets)
    return [share + 1] * rest + [share] * (sockets - rest)


def energy_kwh(hosts: int, utilisation_percent: float) -> Decimal:
    """Give the electricity of hosts in a year, cooling included.

    (idle + (full - idle) x utilisation) W x 8,760 h x PUE.

    Source: SPECpower_ssj2008 medians of 2021, Uptime Institute 2025.  One host at 35 % draws 235 W,
    3,174 kWh a year, 604 EUR at 0.1902 EUR/kWh.

    >>> kwh = energy_kwh(1, 35.0)
    >>> round(kwh), round(kwh * ELECTRICITY_EUR_KWH.value)
    (3174, 604)
    """
    share = Decimal(str(utilisation_percent)) / 100
    watts = HOST_IDLE_W.value + (HOST_FULL_W.value - HOST_IDLE_W.value) * share
    return hosts * watts * Decimal(str(HOURS_PER_YEAR)) / W_PER_KW * PUE.value


def utilisation(hosts: Sequence[Host]) -> tuple[float, bool]:
    """Give the mean CPU usage of hosts in percent, and whether it had to be assumed."""
    measured = [host.cpu_usage_percent for host in hosts if host.cpu_usage_percent is not None]
    if not measured:
        return float(ASSUMED_UTILISATION_PERCENT.value), True
    return sum(measured) / len(measured), False


def fleets_of(cluster: Members, sizing: Sizing, wish: Wish) -> list[Fleet]:
    """Give today's hosts and the planned ones.

    Planned hosts do the same work, so their CPU usage follows the cores.  To buy is what is missing;
    of a host that the asker described, all of them.
    """
    percent, assumed = utilisation(cluster.hosts)
    fleets = [_fleet_today(cluster.hosts, percent, assumed)] if cluster.hosts else []
    model = sizing.host_model
    if model is None or sizing.hosts_for_load is None:
        return fleets
    hosts = sizing.hosts_for_load + wish.failures
    cores = sum(host.cores for host in cluster.hosts)
    if not assumed and hosts:
        percent = min(100.0, percent * cores / (hosts * model.cores))
    planned = Fleet(
        scope="planned",
        hosts=hosts,
        cores_licensed=hosts * licensed_cores(cpus_of(model.sockets, model.cores)),
        utilisation_percent=percent,
        utilisation_assumed=assumed,
        to_buy=hosts if wish.names_host else max(0, hosts - len(cluster.hosts)),
    )
    return [*fleets, planned]


def _fleet_today(hosts: Sequence[Host], percent: float, assumed: bool) -> Fleet:
    return Fleet(
        scope="today",
        hosts=len(hosts),
        cores_licensed=sum(licensed_cores(cpus_of(host.sockets, host.cores)) for host in hosts),
        utilisation_percent=percent,
        utilisation_assumed=assumed,
        to_buy=0,
    )


def together(fleets: Sequence[Fleet]) -> list[Fleet]:
    """Join the fleets of one scope into one, as one order and one electricity bill."""
    joined = []
    for scope in SCOPES:
        group = [fleet for fleet in fleets if fleet.scope == scope]
        if not group:
            continue
        hosts = sum(fleet.hosts for fleet in group)
        work = sum(fleet.hosts * fleet.utilisation_percent for fleet in group)
        joined.append(
            Fleet(
                scope=scope,
                hosts=hosts,
                cores_licensed=sum(fleet.cores_licensed for fleet in group),
                utilisation_percent=work / hosts if hosts else 0.0,
                utilisation_assumed=any(fleet.utilisation_assumed for fleet in group),
                to_buy=sum(fleet.to_buy for fleet in group),
            )
        )
    return joined


def price(fleet: Fleet, prices: Prices) -> tuple[Money, ...]:
    """Give the lines of a fleet and their totals, one for each currency and rhythm."""
    buying = [_hosts(fleet, prices)] if fleet.scope == "planned" else []
    lines = [*buying, *_licences(fleet, prices), _energy(fleet)]
    return (*lines, *totals(lines))


def totals(lines: Sequence[Money]) -> tuple[Money, ...]:
    """Add up lines of one scope, currency and rhythm; unknown amounts are left out and the sum says so."""
    groups: dict[tuple[Scope, Per, str], list[Money]] = {}
    for line in lines:
        groups.setdefault((line.scope, line.per, line.currency), []).append(line)
    return tuple(_total(*key, group) for key, group in sorted(groups.items()))


def _total(scope: Scope, per: Per, currency: str, lines: Sequence[Money]) -> Money:
    unknown = sum(line.low is None for line in lines)
    known = [line for line in lines if line.low is not None and line.high is not None]
    low = sum((Decimal(line.low or 0) for line in known), Decimal(0))
    high = sum((Decimal(line.high or 0) for line in known), Decimal(0))
    said = Sentence("Amounts that are not known ({count}) are not in the sum", {"count": unknown})
    return Money(
        item="total",
        label=LABELS["total"],
        scope=scope,
        low=_cents(low) if known else None,
        high=_cents(high) if known else None,
        currency=currency,
        per=per,
        quantity=float(len(lines)),
        unit="lines",
        formula=Sentence("sum of the lines in the same currency"),
        source="",
        assumptions=(said,) if unknown else (),
    )


def _hosts(fleet: Fleet, prices: Prices) -> Money:
    known = prices.host_price is not None or fleet.to_buy == 0
    amount = _cents((prices.host_price or Decimal(0)) * fleet.to_buy) if known else None
    return Money(
        item="hosts",
        label=LABELS["hosts"],
        scope=fleet.scope,
        low=amount,
        high=amount,
        currency=prices.currency,
        per="once",
        quantity=float(fleet.to_buy),
        unit="hosts",
        formula=Sentence("hosts to buy x price of a host"),
        source="",
        assumptions=() if known else (Sentence("No price of a host is known: enter your quote"),),
    )


def _licences(fleet: Fleet, prices: Prices) -> list[Money]:
    if prices.licence not in PRICES:
        return []
    row = PRICES[prices.licence]
    cores = ordered_cores(fleet.cores_licensed)
    return [
        Money(
            item=f"licence_{prices.licence}",
            label=LABELS[f"licence_{prices.licence}"],
            scope=fleet.scope,
            low=_cents(row.low * cores),
            high=_cents(row.high * cores),
            currency="USD",
            per="year",
            quantity=float(cores),
            unit="cores",
            formula=Sentence("max(72, sum over CPUs of max(16, cores)) x list price of a core"),
            source=f"{COUNTING_SOURCE}; {row.source}, {row.date}",
            assumptions=(Sentence("List price; an order of its own"),),
        )
    ]


def _energy(fleet: Fleet) -> Money:
    kwh = energy_kwh(fleet.hosts, fleet.utilisation_percent)
    amount = _cents(kwh * ELECTRICITY_EUR_KWH.value)
    percent = round(fleet.utilisation_percent, 1)
    if fleet.utilisation_assumed:
        how = Sentence("No CPU usage was exported; assumed: {percent} %", {"percent": percent})
    else:
        how = Sentence(
            "CPU usage {percent} %: what the hosts report, spread over these hosts", {"percent": percent}
        )
    return Money(
        item="energy",
        label=LABELS["energy"],
        scope=fleet.scope,
        low=amount,
        high=amount,
        currency="EUR",
        per="year",
        quantity=float(round(kwh)),
        unit="kWh",
        formula=Sentence("hosts x (idle + (full - idle) x CPU usage) x 8760 h x PUE x price of a kWh"),
        source="; ".join(f"{row.source}, {row.date}" for row in (HOST_IDLE_W, PUE, ELECTRICITY_EUR_KWH)),
        assumptions=(
            how,
            Sentence("Power of vendor-tuned servers of 2021; hosts as bought draw more at idle"),
        ),
    )


def _cents(amount: Decimal) -> str:
    return str(amount.quantize(CENT))

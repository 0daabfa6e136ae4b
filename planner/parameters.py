"""What an asker may choose, within which limits, and what the rooms below make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from planner.catalogue.licences import Licence
from planner.cost.first import Prices
from planner.estate import Host
from planner.lost_together import FIELDS, is_known, tags_of, told
from planner.sentence import Sentence
from planner.sizing import Wish
from planner.units import MIB_PER_GIB

# Beyond these a parameter is a typing error; they stand far above every product's maximums.
FAILURES_MAX: Final = 1000
RATIO_MAX: Final = 1000
CORES_MAX: Final = 100_000
SOCKETS_MAX: Final = 1024
MEMORY_GIB_MAX: Final = 10**9
PRICE_MAX: Final = Decimal(10**12)
TAGS_SAID: Final = 20


class ParameterError(ValueError):
    """A parameter that makes no sense, or names what the estate does not have."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class Parameters(Struct, frozen=True, kw_only=True):
    """What the asker chose.  Host values None: the cluster's own host model (its most common one).

    `template` names a VM or template in which free room is counted; None: the average running VM.
    `host_price` is a decimal number in `currency`; None: no quote yet.
    """

    failures: int = 1
    vcpu_per_core: float = 4.0  # Ganeti's policy default; VMware publishes no universal ratio
    host_cores: int | None = None
    host_sockets: int | None = None
    host_memory_gib: float | None = None
    cluster: str | None = None
    template: str | None = None
    host_price: str | None = None
    currency: str = "EUR"
    licence: Licence = "vvf"


def check_parameters(parameters: Parameters) -> None:
    """Refuse what makes no sense, one sentence each."""
    cores, sockets, memory = parameters.host_cores, parameters.host_sockets, parameters.host_memory_gib
    wrong: list[tuple[bool, Sentence]] = [
        (
            not 0 <= parameters.failures <= FAILURES_MAX,
            Sentence(
                "failures: {value} is not between 0 and {most}",
                {"value": parameters.failures, "most": FAILURES_MAX},
            ),
        ),
        (
            not 0 < parameters.vcpu_per_core <= RATIO_MAX,
            Sentence(
                "vCPUs per core: {value} is not above 0 and at most {most}",
                {"value": str(parameters.vcpu_per_core), "most": RATIO_MAX},
            ),
        ),
        (
            cores is not None and not 0 < cores <= CORES_MAX,
            Sentence("host cores: {value} is not between 1 and {most}", {"value": cores, "most": CORES_MAX}),
        ),
        (
            sockets is not None and not 0 < sockets <= SOCKETS_MAX,
            Sentence(
                "host sockets: {value} is not between 1 and {most}", {"value": sockets, "most": SOCKETS_MAX}
            ),
        ),
        (
            cores is not None and sockets is not None and sockets > cores,
            Sentence(
                "a host of {cores} cores cannot have {sockets} sockets", {"cores": cores, "sockets": sockets}
            ),
        ),
        (
            memory is not None and not 1 <= memory <= MEMORY_GIB_MAX,
            Sentence(
                "host memory: {value} GiB is not between 1 and {most}",
                {"value": str(memory), "most": MEMORY_GIB_MAX},
            ),
        ),
    ]
    for is_wrong, sentence in wrong:
        if is_wrong:
            raise ParameterError(sentence)


def check_group(hosts: Sequence[Host], what: str) -> None:
    """Refuse a thing that hosts cannot be lost by, or that none of them tells.

    Raises:
        ParameterError: so, with what they can be lost by.
    """
    check_known(hosts, what)
    if hosts and all(told(host, what) is None for host in hosts):
        raise ParameterError(Sentence("no host tells its {by}", {"by": what}))


def check_known(hosts: Sequence[Host], what: str) -> None:
    """Refuse a thing that hosts cannot be lost by at all."""
    if not is_known(hosts, what):
        raise ParameterError(
            Sentence(
                "hosts cannot be lost by {value}; they can by host, {known}",
                {"value": what, "known": ", ".join((*FIELDS, *tags_of(hosts)[:TAGS_SAID]))},
            )
        )


def prices_of(parameters: Parameters) -> Prices:
    """Take the asker's prices; an amount that is none is refused."""
    currency = parameters.currency
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise ParameterError(Sentence("currency: {value} is not three capital letters", {"value": currency}))
    if parameters.licence not in ("vvf", "vcf", "none"):
        raise ParameterError(
            Sentence("licence: {value} is not vvf, vcf or none", {"value": parameters.licence})
        )
    if parameters.host_price is None:
        return Prices(currency=currency, licence=parameters.licence)
    try:
        amount = Decimal(parameters.host_price)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= PRICE_MAX):
        raise ParameterError(
            Sentence("host price: {value} is not an amount of money", {"value": parameters.host_price})
        )
    return Prices(host_price=amount, currency=currency, licence=parameters.licence)


def wish_of(parameters: Parameters) -> Wish:
    """Take what sizes hang on."""
    memory = parameters.host_memory_gib
    return Wish(
        failures=parameters.failures,
        vcpu_per_core=parameters.vcpu_per_core,
        host_cores=parameters.host_cores,
        host_sockets=parameters.host_sockets,
        host_memory_mib=None if memory is None else math.floor(memory * MIB_PER_GIB),
    )

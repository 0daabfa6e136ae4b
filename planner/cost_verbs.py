"""`python -m planner cost` and `size`: their arguments, and the questions that they ask."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import get_args

import msgspec

from planner.cost.answer import Asked, Compare
from planner.cost.assumptions import Assumptions
from planner.cost.book import BookError, PriceBook, Prices, layered
from planner.cost.book_csv import read_book
from planner.cost.machine import Machine
from planner.cost.platforms import PLATFORMS
from planner.cost.public import public_book
from planner.cost.study import Question
from planner.hardware.models import Models, read_models, shapes
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB
from planner.variant import Variant


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Give a verb the options that all cost questions share."""
    default = Assumptions()
    verb.add_argument(
        "--prices", metavar="BOOK", action="append", default=[],
        help="your prices as CSV (key,low,high,currency,unit,source,date); several: the later stands above",
    )  # fmt: skip
    verb.add_argument("--no-public-prices", action="store_true", help="leave the published prices out")
    verb.add_argument("--prices-day", metavar="DAY", help="take the prices of this day, as 2026-01-31")
    verb.add_argument("--years", metavar="N", type=int, default=default.years, help="1 to 7 (%(default)s)")
    verb.add_argument("--currency", metavar="EUR", default=default.currency, help="of the amounts")
    verb.add_argument(
        "--failures", metavar="K", type=int, default=default.failures,
        help="host failures to carry (%(default)s)",
    )  # fmt: skip
    verb.add_argument(
        "--growth", metavar="PERCENT", default="0",
        help="more VMs each year, as 20 or as a range 10..30 (%(default)s)",
    )  # fmt: skip
    verb.add_argument(
        "--discount-rate", metavar="PERCENT",
        help="what money costs in a year, as 5 or 3..7; without: as the price book says",
    )  # fmt: skip
    verb.add_argument(
        "--vcpu-per-core", metavar="R", type=float, default=default.vcpu_per_core,
        help="vCPUs that may share a core (%(default)s)",
    )  # fmt: skip
    verb.add_argument(
        "--protection", choices=("none", "ha", "ft"), default=default.protection,
        help="what a failed host does to its VMs (%(default)s)",
    )  # fmt: skip
    verb.add_argument("--windows-owned", action="store_true", help="Windows licences are there already")
    verb.add_argument("--buy-network", action="store_true", help="count switches for the hosts to buy")
    verb.add_argument("--buy-storage", action="store_true", help="count storage for all VMs")
    verb.add_argument(
        "--storage-layout", metavar="L", default="",
        help="raw for usable: copies:2, raid5:8, raid6:10, erasure:4+2, instead of the price book's ratio",
    )  # fmt: skip
    verb.add_argument(
        "--discount", metavar="CARD=PERCENT", action="append", default=[],
        help="your discount on a price, as vcf_core_year=38",
    )  # fmt: skip
    verb.add_argument("--cluster", metavar="NAME", help="this cluster alone")
    verb.add_argument(
        "--platform", metavar="P", action="append", default=[],
        help=f"a platform to price, several times: {', '.join(PLATFORMS)} (vmware)",
    )  # fmt: skip
    verb.add_argument(
        "--edition", metavar="PLATFORM=EDITION", action="append", default=[],
        help="order this edition, as vmware=vcf, instead of the one that the features in use decide",
    )  # fmt: skip


def add_host_arguments(verb: argparse.ArgumentParser) -> None:
    """Give a verb the options that describe one kind of host to buy."""
    verb.add_argument("--host-cores", metavar="C", type=int, help="cores of a host to buy, all sockets")
    verb.add_argument("--host-sockets", metavar="S", type=int, default=2, help="its sockets (%(default)s)")
    verb.add_argument("--host-memory-gib", metavar="M", type=int, help="its memory")
    verb.add_argument("--host-model", metavar="NAME", default="new host", help="its name in the price book")
    verb.add_argument(
        "--compare", choices=get_args(Compare), default="platforms",
        help="platforms; keep, shrink, refresh, leave (ways); none, HA, FT (protection); servers and hosts "
        "(physical) (%(default)s)",
    )  # fmt: skip
    verb.add_argument(
        "--variant", metavar="JSON", action="append", default=[],
        help="compare the estate with changes, as the variants page gives them; several times",
    )  # fmt: skip


def add_model_arguments(verb: argparse.ArgumentParser) -> None:
    """Give a verb the options of the search over host models."""
    verb.add_argument(
        "--models", metavar="CSV",
        help="host models to choose from (name,sockets,cores,memory_gib,price,currency,source); "
        "without: 200 plain shapes, priced by their parts",
    )  # fmt: skip
    verb.add_argument("--keep-hosts", action="store_true", help="try today's hosts with new ones beside them")


def models_of(options: argparse.Namespace, read: Callable[[Path], bytes] = Path.read_bytes) -> Models:
    """Read the asker's host models, or take plain shapes."""
    return read_models(read(Path(options.models)), Path(options.models).name) if options.models else shapes()


def assumptions_of(options: argparse.Namespace) -> Assumptions:
    """Take what all designs share from the command line."""
    growth = _ends("growth", options.growth)
    rate = _ends("discount rate", options.discount_rate) if options.discount_rate else (None, None)
    return Assumptions(
        years=options.years,
        currency=options.currency,
        failures=options.failures,
        growth_percent=growth[0],
        growth_high_percent=growth[1],
        discount_rate_percent=rate[0],
        discount_rate_high_percent=rate[1],
        vcpu_per_core=options.vcpu_per_core,
        protection=options.protection,
        windows="owned" if options.windows_owned else "buy",
        buy_network=options.buy_network,
        buy_storage=options.buy_storage,
        layout=options.storage_layout,
        prices_day=options.prices_day,
        discounts={card: _decimal(card, text) for card, text in _pairs("discount", options.discount)},
    )


def question_of(options: argparse.Namespace) -> Question:
    """Take what is to be priced from the command line."""
    return Question(
        platforms=tuple(options.platform) or ("vmware",),
        editions=dict(_pairs("edition", options.edition)),
        machine=_machine(options) if hasattr(options, "host_cores") else None,
        cluster=options.cluster,
    )


def prices_of(
    options: argparse.Namespace,
    read: Callable[[Path], bytes] = Path.read_bytes,
    quotes: PriceBook | None = None,
) -> Prices:
    """Lay the asker's price books over the published one, and quotes of host models over all.

    Raises:
        BookError: a book that makes no sense, by row.
        OSError: a book that cannot be read.
    """
    books: list[PriceBook] = [] if options.no_public_prices else [public_book()]
    books += [read_book(read(Path(name)), Path(name).name) for name in options.prices]
    return layered([*books, quotes] if quotes is not None else books, options.prices_day)


def _machine(options: argparse.Namespace) -> Machine | None:
    cores, memory, sockets = options.host_cores, options.host_memory_gib, options.host_sockets
    if cores is None and memory is None:
        return None
    if cores is None or memory is None:
        raise BookError(Sentence("a host to buy needs both --host-cores and --host-memory-gib"))
    if not 0 < sockets <= cores or not 0 < cores <= 100_000 or not 0 < memory <= 10**9:
        said = {"cores": cores, "sockets": sockets, "memory": memory}
        raise BookError(Sentence("no host has {cores} cores on {sockets} sockets and {memory} GiB", {**said}))
    return Machine(name=options.host_model, sockets=sockets, cores=cores, memory_mib=memory * MIB_PER_GIB)


def _pairs(option: str, given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise BookError(
                Sentence("--{option} {text}: not written as NAME=VALUE", {"option": option, "text": text})
            )
        pairs.append((name, value))
    return pairs


def _ends(name: str, text: str) -> tuple[Decimal, Decimal | None]:
    """One number, or a range with two points between its ends."""
    low, dots, high = text.partition("..")
    return _decimal(name, low), _decimal(name, high) if dots else None


def _decimal(name: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BookError(Sentence("{name}: {value} is not a number", {"name": name, "value": text})) from None


def asked_of(options: argparse.Namespace) -> Asked:
    """Take the whole question, as a page would ask it."""
    machine = _machine(options)
    return Asked(
        assumptions=assumptions_of(options),
        platforms=tuple(options.platform) or ("vmware",),
        editions=dict(_pairs("edition", options.edition)),
        cluster=options.cluster,
        host_cores=machine.cores if machine else None,
        host_sockets=machine.sockets if machine else 2,
        host_memory_gib=options.host_memory_gib if machine else None,
        host_model=machine.name if machine else "",
        compare=options.compare,
    )


def variants_of(
    options: argparse.Namespace, read: Callable[[Path], bytes] = Path.read_bytes
) -> tuple[Variant, ...]:
    """Read variants as the variants page gives them.

    Raises:
        BookError: a file that is no variant; says where in it.
    """
    found = []
    for name in options.variant:
        try:
            found.append(msgspec.json.decode(read(Path(name)), type=Variant, strict=False))
        except msgspec.MsgspecError as error:
            raise BookError(Sentence("{problem}", {"problem": str(error)}), Path(name).name) from None
    return tuple(found)

"""`python -m planner cost` and `size`: their arguments, and their answers as lines for a terminal."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, get_args

import msgspec

from planner.compared import Comparison
from planner.cost.answer import Asked, Compare, Shown
from planner.cost.assumptions import Assumptions
from planner.cost.bill import Bill, Line, card_label
from planner.cost.book import BookError, PriceBook, Prices, layered
from planner.cost.book_csv import read_book
from planner.cost.design import Design
from planner.cost.levels import Level
from planner.cost.machine import Machine
from planner.cost.money import Span
from planner.cost.platforms import PLATFORMS
from planner.cost.public import public_book
from planner.cost.study import Question, Study
from planner.cost.tipping import sentences
from planner.cost.units import per_unit
from planner.hardware.models import Models, read_models, shapes
from planner.hardware.search import Found
from planner.printout import aligned, clean, listed
from planner.sentence import Sentence
from planner.units import MIB_PER_GIB
from planner.variant import Variant

IMPOSSIBLE_SHOWN: Final = 6
EMPTY: Final = "enter your quote"
WAYS: Final = ("keep", "shrink", "refresh", "leave", "leave-refreshed")


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
    verb.add_argument("--growth", metavar="PERCENT", default="0", help="more VMs each year (%(default)s)")
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
    return Assumptions(
        years=options.years,
        currency=options.currency,
        failures=options.failures,
        growth_percent=_decimal("growth", options.growth),
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


def verdict_lines(designs: Sequence[Shown]) -> list[str]:
    """When each design pays against the first one."""
    said = [
        one
        for shown in designs
        if shown.verdict
        for one in sentences(shown.verdict, _called(shown.bill.design))
    ]
    return listed("When it pays", said)


def _called(design: Design) -> str:
    """What a terminal calls a design: of ways to go, which of them; else its name."""
    way = design.key.partition(":")[0]
    return f"{way} ({design.name})" if way in WAYS else design.name


def level_lines(levels: Sequence[Level]) -> list[str]:
    """What each level of protection costs and leaves."""
    rows: list[tuple[str, ...]] = [("level", "cost", "hosts min/VM/a", "all causes", "nines", "a nine more")]
    for level in levels:
        every = "-" if level.all_minutes is None else f"{level.all_minutes:.2f}"
        rows.append((
            level.key,
            "-" if level.bill is None else f"{level.bill.total.amount.middle:,.0f}",
            "-" if level.minutes_vm_year is None else f"{level.minutes_vm_year:.2f}",
            f">= {every}" if level.unknown and level.all_minutes is not None else every,
            "-" if level.nines is None else f"{level.nines:.2f}",
            "-" if level.cost_per_nine is None else f"{level.cost_per_nine:,.0f}",
        ))  # fmt: skip
    return ["", *aligned(rows)] if levels else []


def comparison_lines(found: Comparison) -> list[str]:
    """Variants side by side, then what each of them changes."""
    totals = {shown.bill.design.name: shown.bill.total.amount for shown in found.answer.designs}
    head = (
        "variant", "cost", "VMs", "hosts", "to buy", "needed", "tolerated", "vCPU:core", "VM:host",
        "min/VM/a", "kWh", "t CO2e",
    )  # fmt: skip
    rows: list[tuple[str, ...]] = [head]
    for row in found.rows:
        rows.append((
            clean(row.name),
            _span(totals[row.name]) if row.name in totals else "-",
            str(row.vms),
            str(row.hosts),
            _known(row.hosts_to_buy),
            _known(row.hosts_needed),
            f"{_known(row.failures_tolerated)} of {row.failures_asked}",
            _known(row.vcpu_per_core, 2),
            _known(row.vms_per_host, 1),
            (">= " if row.outage_unknown else "") + _known(row.outage_minutes, 2),
            _known(row.kwh),
            "-" if row.carbon_kg is None else f"{row.carbon_kg / 1000:,.1f}",
        ))  # fmt: skip
    lines = aligned(rows)
    for row in found.rows:
        lines += listed(clean(row.name), row.changes) if row.changes else []
    return [*lines, *listed("To know", found.answer.remarks)]


def _known(value: float | Decimal | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def study_lines(study: Study) -> list[str]:
    """Show each design's bill, then all of them side by side."""
    lines: list[str] = []
    for bill in study.bills:
        lines += [*_bill_lines(bill), ""]
    if not study.bills:
        lines += ["nothing could be priced", ""]
    lines += _side_by_side(study)
    missing = dict.fromkeys(card for bill in study.bills for card in bill.missing)
    wanted = [Sentence("{key}: {label}", {"key": key, "label": str(card_label(key))}) for key in missing]
    return [*lines, *listed("Empty cards of the price book", wanted), *listed("To know", study.remarks)]


def found_lines(found: Found, currency: str) -> list[str]:
    """Show the front as a table, the cheapest explained and priced."""
    head = ("platform", "hosts", "spare", "cost", currency, "free %", "t CO2e", "outage min", "model")
    rows: list[tuple[str, ...]] = [head]
    for option in found.front:
        rows.append((
            PLATFORMS[option.platform].name,
            str(option.hosts),
            str(option.extra),
            f"{option.cost:,.0f}",
            "",
            f"{option.spare_percent:.1f}",
            "-" if option.carbon_kg is None else f"{option.carbon_kg / 1000:,.1f}",
            "-" if option.outage_minutes is None else f"{option.outage_minutes:.2f}",
            clean(option.machine.name) + (f" beside {option.kept_hosts}" if option.kept_hosts else ""),
        ))  # fmt: skip
    lines = aligned(rows, left=(0, 8)) if found.front else ["no model carries this load"]
    lines += listed("The cheapest", found.why)
    if found.bill is not None:
        lines += ["", *_bill_lines(found.bill)]
    none = [Sentence("{model}", {"model": name}) for name in found.impossible[:IMPOSSIBLE_SHOWN]]
    if len(found.impossible) > IMPOSSIBLE_SHOWN:
        more = len(found.impossible) - IMPOSSIBLE_SHOWN
        none.append(Sentence("and {count} more; --json lists them", {"count": more}))
    searched = f"{found.models} models, {found.placed_closely} of them placed with all effort"
    return [*lines, "", searched, *listed("Too small for a VM", none), *listed("To know", found.remarks)]


def _bill_lines(bill: Bill) -> list[str]:
    design, edition = bill.design, bill.design.choice.edition
    head = f"{clean(_called(design))}: {design.choice.platform.name}"
    head += f", {edition.name}" if edition else ""
    rows: list[tuple[str, ...]] = [
        ("what", "quantity", "unit", "unit price", "", "amount", bill.assumptions.currency)
    ]
    rows += [_row(line) for line in bill.lines]
    rows.append(("known in all", "", "", "", "", _span(bill.total.amount), bill.assumptions.currency))
    hosts = f"{design.year(0).hosts} hosts, {bill.assumptions.years} years"
    return [head + f"; {hosts}", *(f"  {line}" for line in aligned(rows, left=(0, 2, 4, 6)))]


def _row(line: Line) -> tuple[str, ...]:
    return (
        clean(str(line.label)),
        "-" if line.quantity is None else f"{line.quantity.middle:,.1f}".removesuffix(".0"),
        line.unit,
        "-" if line.unit_price is None else _span(line.unit_price, digits=2),
        line.paid_in,
        EMPTY if line.amount is None else _span(line.amount),
        line.currency if line.amount is not None else "",
    )


def _side_by_side(study: Study) -> list[str]:
    head = ("design", "hosts", "known in all", "worth today", "a year", "a VM and year", "not known")
    rows = [head]
    for bill in study.bills:
        unit = per_unit(bill)
        rows.append((
            clean(_called(bill.design)),
            str(bill.design.year(0).hosts),
            _span(bill.total.amount),
            _span(bill.total.present),
            _span(bill.total.annuity),
            "-" if unit.vm_year is None else _span(unit.vm_year, digits=2),
            f"{sum(line.amount is None for line in bill.lines)} lines",
        ))  # fmt: skip
    return aligned(rows) if study.bills else []


def _span(span: Span, digits: int = 0) -> str:
    low, high = f"{span.low:,.{digits}f}", f"{span.high:,.{digits}f}"
    return low if low == high else f"{low} to {high}"

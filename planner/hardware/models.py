"""Host models to choose from: a list of the asker's own, or plain shapes priced by their parts."""

from __future__ import annotations

import csv
import io
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from planner.catalogue.cards import HOST
from planner.cost.book import BookError, Price, PriceBook, check_price
from planner.cost.machine import Machine
from planner.sentence import Sentence, Value
from planner.units import MIB_PER_GIB

COLUMNS: Final = (
    "name", "sockets", "cores", "cpu_mhz", "memory_gib", "idle_w", "full_w", "rack_units", "embodied_kg",
    "price", "price_high", "currency", "source", "date",
)  # fmt: skip
REQUIRED: Final = ("name", "sockets", "cores", "memory_gib")
LIMITS: Final = {
    "sockets": 1024, "cores": 100_000, "cpu_mhz": 10**6, "memory_gib": 10**9, "idle_w": 10**5,
    "full_w": 10**5, "rack_units": 50, "embodied_kg": 10**6,
}  # fmt: skip
WHOLE: Final = ("sockets", "cores", "memory_gib")
ROWS_MAX: Final = 5_000
BYTES_MAX: Final = 8 * 2**20

SHAPE_SOCKETS: Final = (1, 2)
SHAPE_CORES: Final = (8, 12, 16, 20, 24, 32, 48, 64, 96, 128)  # of one socket
SHAPE_MEMORY_GIB: Final = (128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)


class Models(Struct, frozen=True, kw_only=True):
    """Models and the quotes that came with them, as a book that lies over the others."""

    machines: tuple[Machine, ...]
    quotes: PriceBook


def shapes() -> Models:
    """Give 200 plain shapes of hosts; their price is that of their parts, where the book knows parts.

    >>> len(shapes().machines), shapes().machines[0].name
    (200, '1 x 8 cores, 128 GiB')
    """
    machines = tuple(
        Machine(
            name=f"{sockets} x {cores} cores, {memory} GiB",
            sockets=sockets,
            cores=sockets * cores,
            memory_mib=memory * MIB_PER_GIB,
        )
        for sockets in SHAPE_SOCKETS
        for cores in SHAPE_CORES
        for memory in SHAPE_MEMORY_GIB
    )
    return Models(machines=machines, quotes=PriceBook(name="shapes"))


def read_models(data: bytes, name: str) -> Models:
    """Read host models from CSV: name, sockets, cores, memory_gib; the rest may be empty or missing.

    Raises:
        BookError: names the row and what is wrong with it.

    >>> head = b"name,sockets,cores,memory_gib,price,currency,source"
    >>> found = read_models(head + b"\\nR660,2,64,1024,14000,EUR,quote 7\\n", "models.csv")
    >>> found.machines[0].cores, found.quotes.rows[0].key
    (64, 'host:R660')
    """
    if len(data) > BYTES_MAX:
        raise BookError(Sentence("larger than {most} bytes", {"most": BYTES_MAX}), name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BookError(Sentence("not a text in UTF-8"), name) from None
    first = text.partition("\n")[0]
    lines = csv.reader(
        io.StringIO(text, newline=""), delimiter=max((",", ";", "\t"), key=first.count), strict=True
    )
    machines: dict[str, Machine] = {}
    quotes: list[Price] = []
    try:
        head = [column.strip().lower() for column in next(lines, [])]
        _check_head(head, name)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            given = dict(zip(head, (cell.strip() for cell in cells), strict=False))
            machine, quote = _model(given, name, lines.line_num)
            if machine.name in machines:
                raise BookError(
                    Sentence("model {model} stands twice", {"model": machine.name}), name, lines.line_num
                )
            machines[machine.name] = machine
            quotes += [quote] if quote is not None else []
            if len(machines) > ROWS_MAX:
                raise BookError(Sentence("more than {most} rows", {"most": ROWS_MAX}), name)
    except csv.Error as error:
        raise BookError(Sentence("{problem}", {"problem": str(error)}), name, lines.line_num) from None
    if not machines:
        raise BookError(Sentence("no host model in it"), name)
    return Models(machines=tuple(machines.values()), quotes=PriceBook(name=name, rows=tuple(quotes)))


def _check_head(head: list[str], name: str) -> None:
    for column in REQUIRED:
        if column not in head:
            raise BookError(Sentence("no column {column} in the first row", {"column": column}), name)
    for column in head:
        if column and column not in COLUMNS:
            raise BookError(Sentence("unknown column {column} in the first row", {"column": column}), name)


def _model(given: dict[str, str], book: str, row: int) -> tuple[Machine, Price | None]:
    try:
        numbers = {column: _number(column, given.get(column, "")) for column in LIMITS}
        machine = _machine(given.get("name", ""), numbers)
        quote = _quote(machine, given)
        if quote is not None:
            check_price(quote)
    except BookError as error:
        raise BookError(error.message, book, row) from None
    return machine, quote


def _machine(name: str, numbers: dict[str, Decimal | None]) -> Machine:
    if not name or len(name) > 255:
        raise BookError(Sentence("a model needs a name of up to 255 characters"))
    sockets, cores, memory = (int(numbers[column] or 0) for column in ("sockets", "cores", "memory_gib"))
    if not 0 < sockets <= cores or not memory:
        raise BookError(
            Sentence(
                "no host has {cores} cores on {sockets} sockets and {memory} GiB",
                {"cores": cores, "sockets": sockets, "memory": memory},
            )
        )
    idle, full = numbers["idle_w"], numbers["full_w"]
    if (idle is None) != (full is None) or (idle is not None and full is not None and idle > full):
        raise BookError(Sentence("idle_w and full_w are given together, and idle is not above full"))
    return Machine(
        name=name,
        sockets=sockets,
        cores=cores,
        memory_mib=memory * MIB_PER_GIB,
        cpu_mhz=float(numbers["cpu_mhz"] or 0),
        idle_w=idle,
        full_w=full,
        rack_units=numbers["rack_units"],
        embodied_kg=numbers["embodied_kg"],
    )


def _quote(machine: Machine, given: dict[str, str]) -> Price | None:
    low = _amount(given.get("price", ""))
    if low is None:
        return None
    high = _amount(given.get("price_high", ""))
    return Price(
        key=f"{HOST}{machine.name}",
        low=low,
        high=low if high is None else high,
        currency=given.get("currency", ""),
        unit="host",
        source=given.get("source", ""),
        date=given.get("date", ""),
    )


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise BookError(Sentence("price: {value} is not a number", {"value": text})) from None


def _number(column: str, text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    whole = column not in WHOLE or (value.is_finite() and value == value.to_integral_value())
    if not (value.is_finite() and whole and 0 <= value <= LIMITS[column]):
        said: dict[str, Value] = {"column": column, "value": text, "most": LIMITS[column]}
        raise BookError(Sentence("{column}: {value} is not a number between 0 and {most}", said))
    return value

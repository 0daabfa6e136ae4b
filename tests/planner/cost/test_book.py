"""The price book keeps what sources say, and says where nobody says anything."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from planner.catalogue.cards import CARDS
from planner.cost.book import BookError, Price, PriceBook, check_price, empty_cards, layered
from planner.cost.book_csv import read_book, write_book
from planner.cost.money import Span
from planner.cost.public import public_book
from tests.planner.cost.books import quotes, row


def test_every_public_price_has_a_source_and_passes_its_own_check() -> None:
    for price in public_book().rows:
        check_price(price)
        assert price.source


def test_no_price_of_hardware_labour_or_outages_is_invented() -> None:
    empty = {card.key for card in empty_cards(public_book().at(None))}
    assert {"server", "storage_raw_tib", "switch", "administrator_year", "outage_hour"} <= empty
    assert empty < {card.key for card in CARDS}


def test_conflicting_list_prices_are_a_range_with_both_sources() -> None:
    book = PriceBook(name="two", rows=(row("server", "9000", source="a"), row("server", "11000", source="b")))
    entry = book.at(None).entry("server")
    assert entry.span == Span(Decimal(9000), Decimal(11000))
    assert entry.source == "a; b"


def test_a_price_holds_from_its_first_to_its_last_day() -> None:
    old = row("server", "9000", valid_from="2025-01-01", valid_to="2025-12-31")
    new = row("server", "9900", valid_from="2026-01-01")
    book = PriceBook(name="dated", rows=(old, new))
    values = {day: book.at(day).span("server") for day in ("2024-12-31", "2025-12-31", "2026-01-01", None)}
    assert [span and span.low for span in values.values()] == [
        None,
        Decimal(9000),
        Decimal(9900),
        Decimal(9900),
    ]


def test_a_quote_stands_over_a_list_price_and_an_empty_card_over_nothing() -> None:
    mine = PriceBook(
        name="mine",
        rows=(
            row("vvf_core_year", "120"),
            Price(key="vcf_core_year", low=None, high=None, unit="core/year", source=""),
        ),
    )
    prices = layered([public_book(), mine], None)
    assert prices.span("vvf_core_year") == Span(Decimal(120), Decimal(120))
    assert prices.span("vcf_core_year") == Span(Decimal(350), Decimal(350))


def test_a_rate_serves_both_directions() -> None:
    prices = public_book().at(None)
    there, back = prices.rate("EUR", "USD"), prices.rate("USD", "EUR")
    assert there is not None
    assert there.span is not None
    assert there.span.low == Decimal("1.0411")
    assert back is not None
    assert back.span is not None
    assert abs(back.span.low * there.span.low - 1) < Decimal("1e-20")
    assert prices.rate("USD", "GBP") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"low": Decimal(-1)}, "server: -1 is not between 0 and"),
        ({"low": Decimal("NaN")}, "server: NaN to 1 is not a number"),
        ({"high": Decimal("Infinity")}, "is not a number"),
        ({"low": Decimal(2), "high": Decimal(1)}, "server: low 2 is above high 1"),
        ({"high": None}, "both given or both empty"),
        ({"unit": "core"}, "server: the unit is host, not core"),
        ({"currency": "euro"}, "currency euro is not three capital letters"),
        ({"source": " "}, "a number needs a source"),
        ({"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, "until a day before it begins"),
        ({"valid_from": "soon"}, "soon is not a day"),
        ({"date": "2026-13"}, "is not a day"),
        ({"key": "lunch"}, "there is no card lunch"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_in_one_line(change: dict[str, object], says: str) -> None:
    given = {
        "key": "server",
        "low": Decimal(1),
        "high": Decimal(1),
        "unit": "host",
        "currency": "EUR",
        "source": "q",
    }
    with pytest.raises(BookError) as error:
        check_price(Price(**{**given, **change}))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_what_something_is_divided_by_cannot_be_zero() -> None:
    with pytest.raises(BookError, match="zero makes no sense"):
        check_price(row("vms_per_administrator", "0"))
    with pytest.raises(BookError, match="zero makes no sense"):
        check_price(row("rate:USD:EUR", "0", currency="", unit="EUR/USD"))


def test_one_card_in_two_currencies_at_once_is_refused() -> None:
    book = PriceBook(name="two", rows=(row("server", "1"), row("server", "1", currency="USD")))
    with pytest.raises(BookError, match="two currencies"):
        book.at(None)


def test_a_book_written_as_csv_is_read_back_the_same() -> None:
    for book in (public_book(), quotes()):
        assert read_book(write_book(book), book.name) == book


def test_a_french_spreadsheet_is_read_too() -> None:
    text = "\ufeffkey;low;high;currency;source\nserver;12 500,50;13\u202f000;EUR;devis 7\n\n;;;;\n"
    [price] = read_book(text.encode(), "devis.csv").rows
    assert (price.low, price.high) == (Decimal("12500.50"), Decimal(13000))


@dataclass(frozen=True)
class Bad:
    text: bytes
    says: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad(b"", "b.csv: no column key in the first row"),
        Bad(b"key,price\n", "b.csv: no column low"),
        Bad(b"key,low,colour\n", "unknown column colour"),
        Bad(b"key,low,low\n", "column low stands twice"),
        Bad(b"key,low\nserver,1\n", "b.csv, row 2: server: currency"),
        Bad(
            b"key,low,currency,source\nserver,1,EUR,q\nserver,cheap,EUR,q\n",
            "b.csv, row 3: server: cheap is not",
        ),
        Bad(b'key,low,currency,source\nserver,"1,250",EUR,q\n', "row 2: server: 1,250 could be two numbers"),
        Bad(b"key,low,currency,source\nserver,1,EUR,q,more\n", "row 2: more cells"),
        Bad(b"key,low,confidence\nserver,,sure\n", "confidence sure is not one of"),
        Bad(b"\xff\xfe\x00", "b.csv: not a text in UTF-8"),
        Bad(b'key,low\n"server,1\n', "row 2"),
        Bad(b"key,low,currency,source\nserver,1e400,EUR,q\n", "is not between 0 and"),
    ],
    ids=lambda bad: bad.says,
)
def test_a_bad_book_names_the_row_and_what_is_wrong(bad: Bad) -> None:
    with pytest.raises(BookError) as error:
        read_book(bad.text, "b.csv")
    assert bad.says in str(error.value)

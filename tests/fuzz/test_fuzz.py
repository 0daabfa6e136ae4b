"""A little of `python -m tests.fuzz`: every reader gets some damaged files, the same ones each time."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import Found, try_one
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import Reader, readers

INPUTS = 25
READERS = readers()


@pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])
def test_damaged_files_are_read_or_refused_in_words(reader: Reader) -> None:
    chance, found = random.Random(5), Found()  # noqa: S311
    for _ in range(INPUTS):
        try_one(reader, mutated(chance.choice(reader.seeds), chance), found, None)
    assert found.crashes == {}
    assert found.read + found.refused == INPUTS


def test_a_reader_that_breaks_is_noticed() -> None:
    found = Found()
    broken = Reader("broken", lambda data: data[10**6], ValueError, (b"x",))
    try_one(broken, b"x", found, None)
    assert list(found.crashes.values()) == [1]

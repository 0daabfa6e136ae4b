"""Changes a sound file a little: bytes, words of the formats, and parts of a zip that stays a sound zip."""

from __future__ import annotations

import random
from typing import Final

from tests.fuzz.readers import parts_of
from tests.workbooks import zipped

WORDS: Final = (
    b"\xff" * 4, bytes(4), b"<c r", b'"', b"NaN", b"1e999", b"-5", b"9" * 30, b"null", b"true", b"{}", b"[]",
    b"]]>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<row>", b"</c>", b'<c r="XFD9"/>', b";", b",", b"\n",
    b"\r\n", b"\t", b"'", b"\xef\xbb\xbf", b"\xff\xfe", b"1 234,5", b"\xe2\x80\xaf", b"\xe2\x80\xae",
    b"\xd8\x00",
    b"at 1e400 fail ", b"at nan ", b"#", b"\\u0000", b"\\ud800", b"\xc3\x28", b"../../", b"=1+1", b"0x10",
    b"\xd9\xa3", b"1_000", b"Infinity", b"--5", b"2026-02-30", b"0001-01-01", b"9999-12-31",
)  # fmt: skip


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A changed copy; half of the zips are changed inside, so that the change is read."""
    if seed.startswith(b"PK\x03\x04") and chance.random() < 0.9:
        return _inside(seed, chance)
    return _changed(seed, chance, chance.choice((1, 1, 1, 2, 3, 8)))


def _inside(seed: bytes, chance: random.Random) -> bytes:
    parts = parts_of(seed)
    for _ in range(chance.randrange(1, 3)):
        name = chance.choice(sorted(parts))
        match chance.randrange(12):
            case 0:
                del parts[name]
                parts = parts or {"x": b""}
            case 1:
                parts[name] = parts[chance.choice(sorted(parts))]
            case _:
                parts[name] = _changed(parts[name], chance, chance.choice((1, 1, 2, 5)))
    return zipped(parts)


def _changed(sound: bytes, chance: random.Random, changes: int) -> bytes:
    data = bytearray(sound)
    for _ in range(changes):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randrange(1, 60)]
            case 2:
                data[at:at] = chance.choice(WORDS)
            case 3:
                word = chance.choice(WORDS)
                data[at : at + len(word)] = word
            case 4:  # a piece again, elsewhere
                size = chance.randrange(1, 200)
                data[at:at] = data[chance.randrange(len(data) + 1) :][:size]
            case 5:  # a number becomes another
                _renumber(data, at, chance)
            case _:
                data[at : at + 1] = bytes([data[at] ^ (1 << chance.randrange(8))]) if at < len(data) else b""
    return bytes(data)


def _renumber(data: bytearray, at: int, chance: random.Random) -> None:
    """The next run of digits after the place is written anew."""
    start = next((place for place in range(at, len(data)) if 48 <= data[place] <= 57), None)
    if start is None:
        return
    end = start
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    new = chance.choice((b"0", b"-1", b"1e308", b"4294967296", b"18446744073709551616", b"0.5", b"1,5", b""))
    data[start:end] = new

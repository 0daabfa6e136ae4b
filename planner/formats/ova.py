"""An OVA -> the OVF descriptor inside it.  Nothing is extracted, and no disk is read.

An OVA is a ustar file with the descriptor first, then its manifest, then gigabytes of disks (DSP0243,
"Distribution").  Its headers are walked here, 512 bytes each; links, devices and names never matter, for
nothing is ever written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from planner.formats.findings import Findings
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError
from planner.sentence import Sentence

BLOCK: Final = 512
MAX_MEMBERS: Final = 2_000
MAX_DESCRIPTOR_BYTES: Final = 5 * 1024 * 1024
_MAGIC: Final = slice(257, 262)
_REGULAR: Final = (b"0", b"\0")
_DIGEST: Final = re.compile(r"SHA(1|256|512)\s*\(\s*(.+?)\s*\)\s*=\s*([0-9a-fA-F]+)")


class Member(Struct, frozen=True):
    """One entry of the tar: where its bytes stand."""

    name: str
    at: int
    size: int
    is_regular: bool


def is_tar(start: bytes) -> bool:
    """Whether a file begins as a ustar (or GNU tar) does."""
    return start[_MAGIC] == b"ustar"


def descriptor_of(source: bytes | Path, findings: Findings) -> bytes:
    """Give the one descriptor of an OVA, checked against its manifest where it has one.

    Raises:
        FormatError: no or several descriptors, a damaged tar, a descriptor that its manifest denies.
    """
    with _opened(source) as stream:
        members = [member for member in _members(stream) if member.is_regular]
        descriptors = [member for member in members if member.name.casefold().endswith(".ovf")]
        if len(descriptors) != 1:
            raise FormatError(
                Sentence("The OVA holds {count} OVF descriptors instead of one", {"count": len(descriptors)})
            )
        data = _content(stream, descriptors[0])
        manifests = [member for member in members if member.name.casefold().endswith(".mf")]
        if manifests:
            _check(data, descriptors[0].name, _content(stream, manifests[0]))
        else:
            findings.warn("The OVA has no manifest: nothing proves that the descriptor is unchanged")
        return data


def _opened(source: bytes | Path) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _members(stream: BinaryIO) -> Iterator[Member]:
    """Walk from header to header; a size that leads beyond the end ends the walk."""
    end = stream.seek(0, 2)
    at = 0
    for _ in range(MAX_MEMBERS):
        stream.seek(at)
        header = stream.read(BLOCK)
        if len(header) < BLOCK or not header.strip(b"\0"):
            return
        member = _member(header, at + BLOCK)
        if member.at + member.size > end:
            raise _damaged(f"{shortened(member.name, 60)}: {member.size}")
        yield member
        at = member.at + -(-member.size // BLOCK) * BLOCK
    raise FormatError(Sentence("The OVA has more than {limit} parts", {"limit": MAX_MEMBERS}))


def _member(header: bytes, at: int) -> Member:
    if not is_tar(header):
        raise _damaged("no header")
    try:
        checksum = int(header[148:156].strip(b"\0 ") or b"0", 8)
        size = _size(header[124:136])
    except ValueError as error:
        raise _damaged(str(error)) from error
    if checksum != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise _damaged("checksum")
    name = header[:100].split(b"\0", 1)[0].decode("utf-8", "replace")
    return Member(cleaned(name), at, size, header[156:157] in _REGULAR)


def _size(field: bytes) -> int:
    """Read a size: octal digits, or base 256 where the first bit is set (disks above 8 GiB)."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    return int(field.strip(b"\0 ") or b"0", 8)


def _content(stream: BinaryIO, member: Member) -> bytes:
    if member.size > MAX_DESCRIPTOR_BYTES:
        raise FormatError(
            Sentence(
                "{part} in the OVA has {bytes} bytes; the limit is {limit}",
                {"part": shortened(member.name, 60), "bytes": member.size, "limit": MAX_DESCRIPTOR_BYTES},
            )
        )
    stream.seek(member.at)
    return stream.read(member.size)


def _check(data: bytes, name: str, manifest: bytes) -> None:
    """Compare the descriptor with its line of the manifest."""
    for bits, file, digest in _DIGEST.findall(manifest.decode("utf-8", "replace")):
        if (
            file == name
            and hashlib.new(f"sha{bits}", data, usedforsecurity=False).hexdigest() != digest.lower()
        ):
            raise FormatError(
                Sentence(
                    "The descriptor {part} is not the one that the manifest names",
                    {"part": shortened(name, 60)},
                )
            )


def _damaged(reason: str) -> FormatError:
    return FormatError(Sentence("The OVA is a damaged or truncated tar: {reason}", {"reason": reason}))

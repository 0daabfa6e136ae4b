"""A zip that somebody sent: its directory is checked, and each part counted while it inflates.

A zip bomb is small until it is opened, and the sizes in its directory are claims.  So the claims must be
modest, and then each part is inflated in pieces and must come out exactly as large as claimed and with
its checksum.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from planner.quality import FormatError
from planner.sentence import Sentence

MAX_ENTRIES: Final = 2_000  # a workbook of 27 sheets has about 45
MAX_DIRECTORY_BYTES: Final = 1024 * 1024  # 2,000 entries of 512 bytes; read before any entry is looked at
# 100,000 VMs in vInfo inflate to 386 MB, the largest sheet of an export.
MAX_PART_BYTES: Final = 500 * 1024 * 1024
# All 27 sheets of such an export; they are streamed, so time is the limit here and not memory.
MAX_INFLATED_BYTES: Final = 2 * 1024 * 1024 * 1024
# Real sheets deflate 4 to 30 times, the bombs of the literature 379 to 1,032 times.  Below the floor a
# high ratio is harmless, and a small sheet of equal rows reaches it honestly.
MAX_RATIO: Final = 200
RATIO_FLOOR_BYTES: Final = 16 * 1024 * 1024

_PIECE_BYTES: Final = 1024 * 1024
_ENCRYPTED_FLAG: Final = 0x1
_LOCAL_HEADER: Final = b"PK\x03\x04"
_LOCAL_HEADER_BYTES: Final = 30
_END: Final = b"PK\x05\x06"
_END_SEARCH_BYTES: Final = 22 + 65_535  # the end record and the longest comment
_ZIP64_LOCATOR: Final = b"PK\x06\x07"


class Archive:
    """An open zip whose directory makes modest claims.

    Raises:
        FormatError: no zip, a damaged or encrypted one, too many parts, or parts that claim to inflate
            beyond the limits above.
    """

    def __init__(self, source: bytes | Path) -> None:
        self._stream: BinaryIO = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            _check_end(self._stream)
            with zipfile.ZipFile(self._stream) as directory:
                self.parts = {info.filename: info for info in directory.infolist()}
                _check_claims(directory.infolist())
        except (zipfile.BadZipFile, struct.error, ValueError, OverflowError, NotImplementedError) as error:
            self.close()
            if isinstance(error, FormatError):
                raise
            raise FormatError(
                Sentence("The file is a damaged or truncated zip: {reason}", {"reason": str(error)})
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def read(self, name: str, limit: int = MAX_PART_BYTES) -> bytes:
        """Inflate one part into memory."""
        if self.parts[name].file_size > limit:
            raise _too_large(self.parts[name], limit)
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Inflate one part piece by piece.

        `zipfile` stops reading at the size claimed, where another parser would go on; so this asks for
        the end of the compressed data itself.

        Raises:
            FormatError: it does not inflate, or not to exactly the size and checksum claimed; at the latest
                after the last piece, so nothing may be believed before.
        """
        info = self.parts[name]
        size = checksum = 0
        try:
            for piece in self._inflated(info):
                size += len(piece)
                checksum = zlib.crc32(piece, checksum)
                if size > info.file_size:
                    break
                yield piece
        except (
            zlib.error,
            struct.error,
            OSError,
            ValueError,
        ) as error:  # ValueError: a place before the file
            if isinstance(error, FormatError):
                raise
            raise _damaged(info, str(error)) from error
        if size != info.file_size:
            raise _damaged(info, f"{size} bytes instead of {info.file_size}")
        if checksum != info.CRC:
            raise _damaged(info, "wrong checksum")

    def _inflated(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        self._stream.seek(info.header_offset)
        header = self._stream.read(_LOCAL_HEADER_BYTES)
        if not header.startswith(_LOCAL_HEADER):
            raise _damaged(info, "its header is missing")
        name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
        start = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
        if info.compress_type == zipfile.ZIP_STORED:
            yield from self._compressed(info, start)
            return
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for piece in self._compressed(info, start):
            yield inflater.decompress(piece, _PIECE_BYTES)
            while inflater.unconsumed_tail and not inflater.eof:
                yield inflater.decompress(inflater.unconsumed_tail, _PIECE_BYTES)
        if not inflater.eof:
            raise _damaged(info, "its data end too early")

    def _compressed(self, info: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
        """Give the raw bytes of a part; several parts may be read by turns."""
        end = start + info.compress_size
        while start < end:
            self._stream.seek(start)
            piece = self._stream.read(min(end - start, _PIECE_BYTES))
            if not piece:
                return
            start += len(piece)
            yield piece


def _check_end(stream: BinaryIO) -> None:
    """Refuse a directory too long to be read at leisure; `zipfile` would read whatever it is told."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END_SEARCH_BYTES))
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("its directory is missing")
    (directory_bytes,) = struct.unpack("<L", tail[at + 12 : at + 16])
    is_zip64 = tail[max(0, at - 20) : at].startswith(_ZIP64_LOCATOR)
    if is_zip64:
        (record_at,) = struct.unpack("<Q", tail[at - 12 : at - 4])
        stream.seek(record_at)
        record = stream.read(56)
        stream.seek(0)
        (directory_bytes,) = struct.unpack("<Q", record[40:48])
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise FormatError(
            Sentence(
                "The zip has a directory of {bytes} bytes; the limit is {limit}",
                {"bytes": directory_bytes, "limit": MAX_DIRECTORY_BYTES},
            )
        )


def _check_claims(parts: list[zipfile.ZipInfo]) -> None:
    if len(parts) > MAX_ENTRIES:
        raise FormatError(
            Sentence(
                "The zip has {count} parts; the limit is {limit}",
                {"count": len(parts), "limit": MAX_ENTRIES},
            )
        )
    for info in parts:
        if info.flag_bits & _ENCRYPTED_FLAG:
            raise FormatError(
                Sentence("The zip is encrypted: save it without a password ({part})", {"part": info.filename})
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _damaged(info, f"unknown compression {info.compress_type}")
        if info.file_size > MAX_PART_BYTES:
            raise _too_large(info, MAX_PART_BYTES)
        if info.file_size > RATIO_FLOOR_BYTES and info.file_size > MAX_RATIO * info.compress_size:
            raise FormatError(
                Sentence(
                    "{part} claims to inflate {ratio} times, like a zip bomb; the limit is {limit}",
                    {
                        "part": info.filename,
                        "ratio": info.file_size // max(1, info.compress_size),
                        "limit": MAX_RATIO,
                    },
                )
            )
    total = sum(info.file_size for info in parts)
    if total > MAX_INFLATED_BYTES:
        raise FormatError(
            Sentence(
                "The zip claims to inflate to {bytes} bytes; the limit is {limit}",
                {"bytes": total, "limit": MAX_INFLATED_BYTES},
            )
        )


def _too_large(info: zipfile.ZipInfo, limit: int) -> FormatError:
    return FormatError(
        Sentence(
            "{part} claims to inflate to {bytes} bytes; the limit is {limit}",
            {"part": info.filename, "bytes": info.file_size, "limit": limit},
        )
    )


def _damaged(info: zipfile.ZipInfo, reason: str) -> FormatError:
    return FormatError(
        Sentence("{part} in the zip is damaged: {reason}", {"part": info.filename, "reason": reason})
    )

"""Reads a file that somebody sent in a process of its own, which may run out of memory or time, or crash.

    worker: read(...)  --- python -m cluster.quarantine PATH FILENAME --->  child: reader of planner.formats
            Reading    <--- length, SheetSeen | Refusal | Read ----------   own limits, empty environment

The child knows no database, no secret and no Django.  Whatever happens to it, the worker lives on and
has a `FormatError` to show.
"""

from __future__ import annotations

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeAlias

import msgspec
from msgspec import Struct

from planner.quality import FormatError, Reading
from planner.sentence import Sentence

CPU_S: Final = 120  # 100,000 VMs take 10-25 s of the processor; a busy machine stretches the clock alone
READ_WITHIN_S: Final = 600  # by the clock: a reader that only waits
MEMORY_MIB: Final = 4096  # address space; a workbook of 100,000 VMs keeps 1 GiB of it resident
HOLD_EVERY_S: Final = 5.0
_ROOT: Final = Path(__file__).resolve().parent.parent
_LENGTH_BYTES: Final = 8
_PIECE_BYTES: Final = 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


class SheetSeen(Struct, frozen=True, tag=True):
    """The reader begins a sheet."""

    name: str


class Refusal(Struct, frozen=True, tag=True, kw_only=True):
    """A FormatError on its way through the pipe."""

    message: Sentence
    sheet: str = ""
    row: int | None = None
    column: str = ""


class Read(Struct, frozen=True, tag=True):
    """The whole answer."""

    reading: Reading


Message: TypeAlias = SheetSeen | Refusal | Read


class ReaderFault(RuntimeError):
    """The reader ended in a way that its file does not explain: a fault of ours."""


def read(
    path: Path,
    filename: str,
    *,
    on_sheet: Callable[[str], None] = lambda _name: None,
    hold: Callable[[], None] = lambda: None,
    within_s: float = READ_WITHIN_S,
    memory_mib: int = MEMORY_MIB,
) -> Reading:
    """Read the file in a child; tell each sheet, and call `hold` every few seconds while it lasts.

    Raises:
        FormatError: the reader refused the file, or needed more memory or time than it may.
        Whatever `on_sheet` and `hold` raise; the child is then ended.
    """
    reader = [sys.executable, "-m", "cluster.quarantine"]
    command = [*reader, str(path), filename, str(memory_mib), str(os.getpid())]
    with subprocess.Popen(
        command, cwd=_ROOT, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as child:
        try:
            for message in _messages(child.stdout, within_s, hold):
                match message:
                    case SheetSeen(name):
                        on_sheet(name)
                    case Refusal():
                        raise FormatError(
                            message.message, sheet=message.sheet, row=message.row, column=message.column
                        )
                    case Read(reading):
                        return reading
            child.wait()
        finally:
            child.kill()
    raise _why_it_ended(child.returncode)


def _messages(answers: IO[bytes], within_s: float, hold: Callable[[], None]) -> Iterator[Message]:
    """What the child says, until it closes its end."""
    decoder = msgspec.msgpack.Decoder(Message)
    gives_up_at = time.monotonic() + within_s
    buffer = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(answers, selectors.EVENT_READ)
        held_at = time.monotonic()
        while True:
            if time.monotonic() > gives_up_at:
                raise FormatError(
                    Sentence("Reading takes longer than {seconds} s", {"seconds": round(within_s)})
                )
            if time.monotonic() - held_at > HOLD_EVERY_S:
                hold()
                held_at = time.monotonic()
            if not ready.select(timeout=1.0):
                continue
            piece = os.read(answers.fileno(), _PIECE_BYTES)
            if not piece:
                return
            buffer += piece
            while (message := _first(buffer, decoder)) is not None:
                yield message


def _first(buffer: bytearray, decoder: msgspec.msgpack.Decoder[Message]) -> Message | None:
    """Take the first message out of the buffer, once all of it has come."""
    end = _LENGTH_BYTES + int.from_bytes(buffer[:_LENGTH_BYTES])
    if len(buffer) < max(end, _LENGTH_BYTES):
        return None
    with memoryview(buffer)[_LENGTH_BYTES:end] as whole:
        message = decoder.decode(whole)
    del buffer[:end]
    return message


def _why_it_ended(returncode: int) -> Exception:
    """A killed reader has met its limits; one that ended by itself without an answer is a fault."""
    if returncode == -signal.SIGXCPU:
        return FormatError(
            Sentence("Reading takes more than {seconds} s of the processor", {"seconds": CPU_S})
        )
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return FormatError(
            Sentence("Reading ended by {signal}: the file needs more than a reader may use", {"signal": name})
        )
    return ReaderFault(f"the reader ended with status {returncode} and no answer")


def main(path: str, filename: str, memory_mib: str, worker: str) -> None:
    """Be the child."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    _limit_ourselves(int(memory_mib))
    if os.getppid() != int(worker):
        return  # the worker died before we asked to die with it
    try:
        from planner.formats.reader import read as read_file

        _say(answers, Read(read_file(Path(path), filename, lambda name: _say(answers, SheetSeen(name)))))
    except FormatError as error:
        _say(
            answers,
            Refusal(message=error.message, sheet=error.sheet, row=error.row, column=error.column),
        )
    except MemoryError:
        _say(
            answers,
            Refusal(message=Sentence("Reading needs more than {limit} MiB", {"limit": int(memory_mib)})),
        )


def _limit_ourselves(memory_mib: int) -> None:
    """No more memory and time than agreed, no core file, and no life after the worker's."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * 1024 * 1024,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))  # SIGXCPU, then SIGKILL
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(answers: BinaryIO, message: Message) -> None:
    encoded = msgspec.msgpack.encode(message)
    answers.write(len(encoded).to_bytes(_LENGTH_BYTES) + encoded)
    answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

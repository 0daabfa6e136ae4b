"""Many browsers at once, in one process of their own: raw WebSocket clients that count and time events.

    python -m tests.benchmarks.feed_clients PORT PATH COOKIE CLIENTS EVENTS

Prints "ready" when all have been greeted, then one line of JSON: delays in milliseconds, how many events
came, in how many frames, and how many never came although nothing more did for a while.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from array import array
from typing import Final

import msgspec
import uvloop

from tests.handshake import handshake

SILENT_S: Final = 10.0  # who hears nothing for so long has lost what is missing
GREETED: Final = b"\r\n\r\n"


class Values(msgspec.Struct):
    at_s: float | None = None  # other events happen meanwhile: their order counts, their delay is not known


class Told(msgspec.Struct):
    seq: int
    values: Values


class Frame(msgspec.Struct):
    type: str
    events: list[Told] = []


class Crowd:
    """What all clients have in common: the events seen so far, and each frame read once."""

    def __init__(self, clients: int, events: int) -> None:
        self.clients, self.events = clients, events
        self.greeted = self.frames = self.disordered = self.ended = 0
        self.late_s = array("d")
        self.heard_at = time.monotonic()
        self.is_ready = asyncio.Event()
        self._read = msgspec.json.Decoder(Frame).decode
        self._known: dict[bytes, tuple[str, int, int, tuple[float, ...]]] = {}

    def read(self, text: bytes) -> tuple[str, int, int, tuple[float, ...]]:
        """Kind, first and last number and times of a frame; equal frames are read once."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) > 256:
                self._known.clear()
            frame = self._read(text)
            seqs = [event.seq for event in frame.events] or [0]
            times = tuple(event.values.at_s for event in frame.events if event.values.at_s is not None)
            self.disordered += seqs != list(range(seqs[0], seqs[-1] + 1))
            known = self._known[text] = (frame.type, seqs[0], seqs[-1], times)
        return known

    def greet(self) -> None:
        self.greeted += 1
        if self.greeted == self.clients:
            self.is_ready.set()


class Client(asyncio.Protocol):
    """One browser."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self.crowd, self.request = crowd, request
        self.buffer = bytearray()
        self.is_open = False
        self.last: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.ended += 1
        if not self.crowd.is_ready.is_set():
            self.crowd.is_ready.set()

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self.buffer += data
        if not self.is_open:
            end = self.buffer.find(GREETED)
            if end < 0:
                return
            assert self.buffer.startswith(b"HTTP/1.1 101"), bytes(self.buffer)
            del self.buffer[: end + 4]
            self.is_open = True
        while self._take(now):
            pass

    def _take(self, now: float) -> bool:
        """Take one frame off the buffer."""
        buffer = self.buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1], 2
        if size == 126 and len(buffer) >= 4:
            size, start = struct.unpack_from(">H", buffer, 2)[0], 4
        elif size == 127 and len(buffer) >= 10:
            size, start = struct.unpack_from(">Q", buffer, 2)[0], 10
        elif size > 125:
            return False
        if len(buffer) < start + size:
            return False
        opcode, text = buffer[0] & 15, bytes(buffer[start : start + size])
        del buffer[: start + size]
        if opcode == 1:
            self._hear(text, now)
        elif opcode == 9:
            self.transport.write(bytes((0x8A, 0x80 | size, 0, 0, 0, 0)) + text)
        return True

    def _hear(self, text: bytes, now: float) -> None:
        crowd = self.crowd
        kind, first, last, times = crowd.read(text)
        if kind == "hello":
            crowd.greet()
        elif kind == "events":
            crowd.disordered += self.last is not None and first <= self.last
            self.last = last
            crowd.frames += 1
            crowd.heard_at = time.monotonic()
            crowd.late_s.extend([now - at_s for at_s in times])


async def follow(port: int, path: str, cookie: str, clients: int, events: int) -> Crowd:
    crowd = Crowd(clients, events)
    request = handshake(port, path, cookie)
    loop = asyncio.get_running_loop()
    for _ in range(clients):
        await loop.create_connection(lambda: Client(crowd, request), "127.0.0.1", port)
    await crowd.is_ready.wait()
    if crowd.ended:
        sys.exit(f"{crowd.ended} sockets were closed before they were greeted")
    print("ready", flush=True)
    crowd.heard_at = time.monotonic() + 30.0  # until the first event comes
    while len(crowd.late_s) < clients * events and time.monotonic() - crowd.heard_at < SILENT_S:
        await asyncio.sleep(0.1)
    return crowd


def main() -> None:
    port, path, cookie, clients, events = sys.argv[1:]
    crowd = uvloop.run(follow(int(port), path, cookie, int(clients), int(events)))
    late_ms = sorted(1000 * late_s for late_s in crowd.late_s)
    expected = crowd.clients * crowd.events
    found = {
        "came": len(late_ms),
        "lost": expected - len(late_ms),
        "frames": crowd.frames,
        "disordered": crowd.disordered,
        "ended": crowd.ended,
        "cpu_s": time.process_time(),
    }
    if late_ms:
        found |= {"p50_ms": late_ms[len(late_ms) // 2], "p99_ms": late_ms[int(len(late_ms) * 0.99)]}
        found["max_ms"] = late_ms[-1]
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()

"""A program that listens on a real socket for what Headroom tells it, and answers as a test asks it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Heard:
    """One delivery."""

    path: str
    headers: dict[str, str]
    body: bytes


class Listener(ThreadingHTTPServer):
    """`answers` are the next statuses, then 200; `drip_s`: seconds between the bytes of an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        self.location = ""
        self.drip_s = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class _Conversation(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(Heard(self.path, dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 200
        if self.server.drip_s:
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100:
                time.sleep(self.server.drip_s)
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return  # it was cut, as it should be
        self.send_response(status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.heard.append(Heard(f"GET {self.path}", dict(self.headers), b""))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

"""A mail server on this machine that speaks SMTP over a real socket, and behaves as a test asks it to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """`at_recipient` and `at_data` are its answers; `hangs_up`: it takes a mail and ends without a word."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[tuple[str, EmailMessage]] = []
        self.at_recipient = "250 ok"
        self.at_data = "250 taken"
        self.hangs_up = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 test")
        recipient = ""
        for line in self.rfile:
            word = line.split(b":")[0].split()[0].upper()
            if word == b"DATA":
                self._say("354 go on")
                content = self._content()
                if self.server.at_data.startswith("250"):
                    made = message_from_bytes(content, policy=policy.default)
                    self.server.mails.append((recipient, made))
                if self.server.hangs_up:
                    return
                self._say(self.server.at_data)
            elif word == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                self._say(self.server.at_recipient)
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _content(self) -> bytes:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

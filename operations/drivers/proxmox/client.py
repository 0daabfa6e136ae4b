"""One HTTPS connection to a Proxmox VE node's API, by an API token.

The standard library's client is enough, and is what the guard of addresses needs: the connected socket is
looked at before a byte of ours is sent, no redirect is ever followed, no proxy of the environment is used,
and an answer has a largest size.

Source: pve.proxmox.com/pve-docs/api-viewer; PVE::APIServer::AnyEvent: errors stand in the status line, and
595 to 599 say that the node asked for could not be reached from the one that answers.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import quote, urlencode

from operations.drivers.addresses import refusal_of
from operations.drivers.base import DriverError
from operations.drivers.remote import Login
from operations.drivers.trust import context_of, vetted
from planner.formats.text import cleaned, shortened
from planner.sentence import Sentence

TIMEOUT_S: Final = 30.0  # the API itself gives a node 30 s to answer
ANSWER_MAX: Final = 64 * 2**20  # all guests of the largest clusters are a few MiB
NODE_SILENT: Final = range(595, 600)
SAID_MAX: Final = 200


class Refused(Exception):
    """The API said no to one question: its status and its words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


class Client:
    """Asks, one question at a time, on a connection that is kept."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._where = f"{login.host}:{login.port}"
        self.token = login.username
        self._authorization = f"PVEAPIToken={login.username}={login.password}"
        self._connection = vetted(login.allowed, TIMEOUT_S)(
            login.host, login.port, timeout=TIMEOUT_S, context=context_of(login)
        )
        self._used = False

    def get(self, *path: str | int, **query: str | int) -> Any:
        """Ask for something; give its `data`.

        Raises:
            Refused: the API says no.
            DriverError: not reached, not trusted, not let in, or nonsense.
        """
        return self._ask("GET", path, query)

    def post(self, *path: str | int, **fields: str | int) -> Any:
        """Ask for something to be done; never asked twice, whatever happens."""
        return self._ask("POST", path, fields)

    def delete(self, *path: str | int) -> Any:
        """Ask for something to end."""
        return self._ask("DELETE", path, {})

    def close(self) -> None:
        """Hang up: a token has no session to end."""
        self._connection.close()

    def _ask(self, method: str, path: tuple[str | int, ...], fields: Mapping[str, str | int]) -> Any:
        with translated(self._where):
            status, reason, body = self._exchange(method, path, fields)
        if status == 200:
            return self._data(body)
        said = _said(reason, body, self._login.password)
        if status == 401:
            raise DriverError(
                Sentence("{where} does not know this token: {said}", {"where": self._where, "said": said}),
                permanent=True,
            )
        if 300 <= status < 400:
            raise DriverError(
                Sentence("{where} sends elsewhere, where nobody follows", {"where": self._where}),
                permanent=True,
            )
        raise Refused(status, said)

    def _exchange(
        self, method: str, path: tuple[str | int, ...], fields: Mapping[str, str | int]
    ) -> tuple[int, str, bytes]:
        """Ask once.  Reading is asked again when a kept connection turns out closed; acting never is."""
        try:
            return self._exchange_once(method, path, fields)
        except (ConnectionError, HTTPException):
            self._connection.close()
            if method != "GET" or not self._used:
                raise
        return self._exchange_once(method, path, fields)

    def _exchange_once(
        self, method: str, path: tuple[str | int, ...], fields: Mapping[str, str | int]
    ) -> tuple[int, str, bytes]:
        target = "/api2/json/" + "/".join(quote(str(part), safe="") for part in path)
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        body = None
        if method == "GET" and fields:
            target += "?" + urlencode(fields)
        elif method == "POST":
            body, headers["Content-Type"] = urlencode(fields), "application/x-www-form-urlencoded"
        self._connection.request(method, target, body, headers)
        answer = self._connection.getresponse()
        found = _read(answer)
        self._used = True
        return answer.status, answer.reason, found

    def _data(self, body: bytes) -> Any:
        try:
            told = json.loads(body)
            return told["data"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DriverError(
                Sentence("{where} does not answer as Proxmox VE does", {"where": self._where}), permanent=True
            ) from error


@contextmanager
def connected(login: Login) -> Iterator[Client]:
    """A client of an address that the site allows.

    Raises:
        DriverError: an address that it does not, or a token that is none.
    """
    refused = refusal_of(login.host, login.port, login.allowed)
    if refused:
        raise DriverError(refused, permanent=True)
    user, _, token = login.username.partition("!")
    spoken = login.username + login.password
    if "@" not in user or not token or not (spoken.isascii() and spoken.isprintable()):
        raise DriverError(
            Sentence("The user of a Proxmox connection is a token: user@realm!name"), permanent=True
        )
    with translated(f"{login.host}:{login.port}"):
        client = Client(login)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what goes wrong on the way into DriverError: one line, no body, no secret."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise DriverError(
            Sentence("{where} is not trusted: {why}", {"where": where, "why": error.verify_message}),
            permanent=True,
        ) from error
    except (OSError, HTTPException) as error:
        raise DriverError(
            Sentence("{where} cannot be reached: {why}", {"where": where, "why": type(error).__name__})
        ) from error


def _read(answer: HTTPResponse) -> bytes:
    found = answer.read(ANSWER_MAX + 1)
    if len(found) > ANSWER_MAX:
        raise DriverError(
            Sentence("An answer is larger than {mib} MiB", {"mib": ANSWER_MAX // 2**20}), permanent=True
        )
    return found


def _said(reason: str, body: bytes, secret: str) -> str:
    """Give the server's reason and the parameters it found wrong; never our secret, should it stand there."""
    try:
        wrong = json.loads(body).get("errors") or {}
        told = "; ".join(f"{key}: {value}" for key, value in sorted(wrong.items()))
    except (ValueError, AttributeError, RecursionError):
        told = ""
    text = " ".join(f"{reason} {told}".split()) or "no reason given"
    return shortened(cleaned(text.replace(secret, "***")), SAID_MAX)

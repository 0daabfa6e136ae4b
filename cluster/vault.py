"""Secrets at rest: AES-256-GCM under a key that is a file of its own, bound to the row they belong to.

    key file, mode 0600, one key a line, the newest first:   base64(32 bytes)
    ciphertext:   v1 . base64(nonce of 12 bytes + sealed text + tag)

A secret copied to another row does not open there, and a database without the key file opens nothing.
`manage.py connection_key rotate` changes the key: a new line on top, every secret sealed anew under it, and
the former lines dropped once each opens with the new one alone.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = "v1."


class Sealed(Exception):
    """The secret cannot be opened: the key file is another one, or the text was moved or changed."""


def seal(secret: str, place: str) -> str:
    """Encrypt a secret for a place, such as `connection/7`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_keys()[0]).encrypt(nonce, secret.encode(), place.encode())
    return VERSION + b64encode(nonce + sealed).decode()


def unseal(text: str, place: str, *, newest_alone: bool = False) -> str:
    """Decrypt what was sealed for this place, with any key of the site or with the newest alone.

    Raises:
        Sealed: it was not, or by a key that is gone.
    """
    try:
        raw = b64decode(text.removeprefix(VERSION), validate=True)
    except Base64Error as error:
        raise Sealed("the secret is damaged") from error
    for key in _keys()[: 1 if newest_alone else None]:
        try:
            return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            continue
    raise Sealed("no key of this site opens the secret")


def add_key() -> None:
    """Put a new key before the others."""
    path = Path(settings.CONNECTION_KEY_FILE)
    lines = [_new_key(), *(path.read_text().split() if path.exists() else ())]
    _write(path, lines)


def drop_old_keys() -> None:
    """Leave the newest key alone in the file."""
    path = Path(settings.CONNECTION_KEY_FILE)
    _write(path, path.read_text().split()[:1])


def count_keys() -> int:
    """How many keys the file holds."""
    return len(_keys())


def _keys() -> list[bytes]:
    path = Path(settings.CONNECTION_KEY_FILE)
    if not path.exists():
        _write(path, [_new_key()], only_if_missing=True)
    try:
        keys = [b64decode(line, validate=True) for line in path.read_text().split()]
    except ValueError as error:  # neither base 64 nor text
        raise Sealed(f"{path} is damaged") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise Sealed(f"{path} holds no key")
    return keys


def _new_key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _write(path: Path, lines: list[str], *, only_if_missing: bool = False) -> None:
    """Write the file whole, or not at all; of two processes that make it at once, the first one counts."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        if only_if_missing:
            os.link(draft, path)
        else:
            draft.replace(path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)

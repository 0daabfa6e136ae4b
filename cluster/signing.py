"""Signatures of what is told to programs: HMAC-SHA256 over the moment and the body, as one header.

    Headroom-Signature: t=1764360000,v1=5257a869e7ec...

The moment is signed too, so that who caught a delivery cannot send it again later.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HEADER: Final = "Headroom-Signature"
TOLERANCE_S: Final = 300  # ours: clocks of two machines may be apart, and a delivery may wait a little


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Sign a body as it is sent at a moment.

    >>> signature("s3cret", 1764360000, b"{}")[:16]
    't=1764360000,v1='
    """
    digest = hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def verified(secret: str, header: str, body: bytes, now_s: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether a delivery is ours, unchanged and of now.

    >>> told = signature("s3cret", 1764360000, b"{}")
    >>> verified("s3cret", told, b"{}", 1764360010), verified("s3cret", told, b"{ }", 1764360010)
    (True, False)
    >>> verified("s3cret", told, b"{}", 1764360000 + 3600)
    False
    """
    moment = header.partition("t=")[2].partition(",")[0]
    if not (moment.isascii() and moment.isdigit()) or abs(now_s - int(moment)) > tolerance_s:
        return False
    return hmac.compare_digest(signature(secret, int(moment), body).encode(), header.encode())

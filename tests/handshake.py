"""The request that opens a WebSocket, for tests that read or withhold every byte (RFC 6455, section 4.1)."""

from __future__ import annotations


def handshake(port: int, path: str, cookie: str) -> bytes:
    """Give what a browser on a page of that site sends; the key is the RFC's example."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        f"Cookie: {cookie}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return "\r\n".join([*lines, "", ""]).encode()

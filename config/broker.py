"""Where the embedded broker listens, and how each client spells its address."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

SOCKET_PATH_BYTES = 107  # sun_path of unix(7) holds 108 bytes with the closing NUL
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")  # what needs no escape in any client's address


def socket_path(data_dir: Path) -> Path:
    """The unix socket of this data folder's own broker.

    It lies in the data folder.  Where that path is too long for a socket, or holds characters that
    the clients escape differently, it lies in a private folder under the run-time or temporary folder.
    """
    inside = data_dir / "broker" / "valkey.sock"
    if len(os.fsencode(inside)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(inside)):
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"headroom-{os.getuid()}-{name}" / "valkey.sock"


def make_socket_folder(socket: Path) -> None:
    """Make the folder of the socket, ours alone: another user's folder of that name is refused."""
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = socket.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{socket.parent} is not a private folder of this user")


def redis_url(data_dir: Path) -> str:
    """The embedded broker's address as redis-py spells it."""
    return f"unix://{socket_path(data_dir)}"


def celery_url(url: str) -> str:
    """The same address as Celery spells it; any other kind of address passes unchanged."""
    return f"redis+socket://{url.removeprefix('unix://')}" if url.startswith("unix://") else url

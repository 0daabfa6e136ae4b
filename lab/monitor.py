"""QEMU's machine protocol, as far as the laboratory needs it: a command and its answer.

Source: qemu.org/docs, QEMU Machine Protocol Specification.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final

ANSWERS_WITHIN_S: Final = 60.0


def listens(path: Path) -> bool:
    """Whether a QEMU answers there already: its socket is a file before it is one to be spoken to."""
    with socket.socket(socket.AF_UNIX) as door:
        return door.connect_ex(str(path)) == 0


class Monitor:
    """One QEMU that is spoken to."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWERS_WITHIN_S)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rw")
        self._file.readline()  # it greets
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        """Give a command and return its answer; what happens meanwhile is passed over.

        Raises:
            RuntimeError: QEMU refuses, or is gone.
        """
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while line := self._file.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise RuntimeError(f"{command}: QEMU is gone")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

"""`kill -USR2 PID` makes a process of Headroom write where each of its threads stands, into its log.

For whoever meets a part that does not answer; the tests ask each process so when one of them fails.
"""

from __future__ import annotations

import faulthandler
import signal
from typing import Any, Final

STDERR: Final = 2  # a worker puts something else in the place of sys.stderr


def tell_when_asked(**_: Any) -> None:
    """Listen for the signal, in this process."""
    faulthandler.register(signal.SIGUSR2, file=STDERR, all_threads=True)

"""The third party: a machine on the VMs' network that pings them and asks guestd."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec import Struct

from config.child import tied_to
from lab import guest, network
from lab.machine import STATE

CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
INTERVALS_S: Final = (1.0, 0.1, 0.01)
ANSWER: Final = re.compile(r"^\[([\d.]+)\] \d+ bytes from .*?icmp_seq=(\d+) ", re.MULTILINE)
_libc: Final = ctypes.CDLL(None, use_errno=True)


class Pings(Struct, frozen=True):
    """What one series of pings says: how many went out and were lost, and the longest silence between two."""

    interval_s: float
    sent: int
    lost: int
    gap_s: float


class Pinging:
    """iputils' ping at several intervals at once, from the observer."""

    def __init__(self, tree: Path, number: int, intervals_s: Sequence[float] = INTERVALS_S) -> None:
        self._began: list[tuple[float, Path, subprocess.Popen[bytes]]] = []
        for interval_s in intervals_s:
            said = STATE / f"ping-{number}-{interval_s}"
            words = ["ping", "-D", "-n", "-i", str(interval_s), "-W", "1", guest.address(number)]
            with said.open("wb") as output:
                command = ["ip", "netns", "exec", network.OBSERVER, "chroot", str(tree), *words]
                process = subprocess.Popen(
                    command, stdout=output, stderr=output, preexec_fn=tied_to(os.getpid())
                )
            self._began.append((interval_s, said, process))

    def end(self) -> dict[float, Pings]:
        """Stop, and count; a second later, so that the last answers are in."""
        time.sleep(1.0)
        for _, _, process in self._began:
            process.send_signal(signal.SIGINT)
        for _, _, process in self._began:
            process.wait()
        return {interval_s: counted(interval_s, said.read_text()) for interval_s, said, _ in self._began}


def counted(interval_s: float, said: str) -> Pings:
    """Read ping's own words: what has no answer among what was sent before the last answer is lost.

    >>> said = '''[10.00] 64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.3 ms
    ... [13.00] 64 bytes from 10.0.0.1: icmp_seq=4 ttl=64 time=0.3 ms'''
    >>> counted(1.0, said)
    Pings(interval_s=1.0, sent=4, lost=2, gap_s=3.0)
    """
    answers = [(float(at_s), int(number)) for at_s, number in ANSWER.findall(said)]
    numbers = {number for _, number in answers}
    last = max(numbers, default=0)
    times = sorted(at_s for at_s, _ in answers)
    gaps = [after - before for before, after in pairwise(times)]
    return Pings(interval_s, last, last - len(numbers), round(max(gaps, default=0.0), 3))


def asked(number: int, question: str, within_s: float = 2.0) -> dict[str, str] | None:
    """What guestd of a VM answers; None: nothing, in that time."""
    with ThreadPoolExecutor(1) as pool:  # a thread of its own: it changes its network
        return pool.submit(_ask, number, question, within_s).result()


def _ask(number: int, question: str, within_s: float) -> dict[str, str] | None:
    space = os.open(f"/run/netns/{network.OBSERVER}", os.O_RDONLY)
    try:
        if _libc.setns(space, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(space)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.settimeout(within_s)
        door.sendto(question.encode(), (guest.address(number), guest.PORT))
        try:
            said = door.recv(512).decode()
        except (TimeoutError, ConnectionRefusedError):
            return None
    return dict(word.split("=", 1) for word in said.split())

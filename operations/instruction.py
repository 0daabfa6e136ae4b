"""One line of a script: at a time, something happens to the world or an operator asks for something."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Verb: TypeAlias = Literal[
    "fail", "repair", "cut", "isolate", "join", "part", "heal", "fail-group", "repair-group",
    "lose-path", "restore-path", "apd", "pdl", "restore-storage", "fill", "free",
    "hang", "crash", "record-fail", "record-work", "load",
    "migrate", "migrate-storage", "start", "stop", "disable",
    "maintenance", "end-maintenance", "rolling", "shutdown", "reboot",
]  # fmt: skip
# What stands after the verb: a word a kind of name; `|` separates groups of hosts; `N` is a number.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "fail": ("host",), "repair": ("host",), "cut": ("host",), "isolate": ("host",), "join": ("host",),
    "part": ("groups",), "heal": (), "fail-group": ("group",), "repair-group": ("group",),
    "lose-path": ("host", "datastore", "path"), "restore-path": ("host", "datastore", "path"),
    "apd": ("host", "datastore"), "pdl": ("host", "datastore"), "restore-storage": ("host", "datastore"),
    "fill": ("datastore",), "free": ("datastore",),
    "hang": ("vm",), "crash": ("vm",),
    "record-fail": (), "record-work": (), "load": ("vm", "number"),
    "migrate": ("vm", "to", "host"), "migrate-storage": ("vm", "to", "datastore"),
    "start": ("vm",), "stop": ("vm",), "disable": ("vm",),
    "maintenance": ("host",), "end-maintenance": ("host",), "rolling": (), "shutdown": ("host",),
    "reboot": ("host",),
}  # fmt: skip
ASKED: Final = frozenset(
    {
        "migrate", "migrate-storage", "start", "stop", "disable",
        "maintenance", "end-maintenance", "rolling", "shutdown", "reboot",
    }
)  # fmt: skip


class Instruction(Struct, frozen=True):
    """`verb` at `at_s`; `names` are what it is about, `groups` the parts of a network.

    `line` is where a script says it; 0 where it was made otherwise.
    """

    at_s: float
    verb: Verb
    names: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    number: float = 0.0
    line: int = 0

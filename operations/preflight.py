"""Whether a real action may begin now: asked again at the moment of acting, of what the server says then."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from planner.sentence import Sentence

Kind: TypeAlias = Literal[
    "migrate", "power-on", "power-off", "reset", "enter", "leave", "protect", "unprotect", "ft-on", "ft-off",
    "restart",
]  # fmt: skip
MINUTES_A_DAY: Final = 24 * 60


class Now(Struct, frozen=True, kw_only=True):
    """What was observed of a subject, or of a destination."""

    exists: bool
    host: str = ""
    power: str = ""
    maintenance: bool = False
    connected: bool = True
    busy: bool = False
    protected: bool | None = None
    ft: bool | None = None
    hindered: Sentence | str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    kind: Kind
    subject: str
    source: str = ""
    destination: str = ""


def obstacle(asked: Asked, subject: Now, destination: Now | None) -> Sentence | None:
    """Say what stands in the way; None where nothing does.

    >>> asked = Asked(kind="migrate", subject="db", source="h1", destination="h2")
    >>> ready = Now(exists=True, host="h1", power="poweredOn")
    >>> obstacle(asked, ready, Now(exists=True))
    >>> str(obstacle(asked, ready, Now(exists=True, maintenance=True)))
    'h2 is in maintenance mode'
    """
    if not subject.exists:
        return Sentence("{subject} is not there any more", {"subject": asked.subject})
    if subject.busy:
        return Sentence("{subject} has another task under way", {"subject": asked.subject})
    if asked.kind == "restart":
        return _restart(asked, subject, destination)
    if not subject.connected:
        return Sentence("{subject} is not connected", {"subject": asked.subject})
    if asked.kind == "migrate":
        return _migration(asked, subject, destination)
    wanted = {"power-on": "poweredOff", "power-off": "poweredOn", "reset": "poweredOn"}.get(asked.kind)
    if wanted is not None and subject.power != wanted:
        return Sentence("{subject} is {power} now", {"subject": asked.subject, "power": subject.power})
    if asked.kind in ("enter", "leave") and subject.maintenance == (asked.kind == "enter"):
        return Sentence("{subject} is in that mode already", {"subject": asked.subject})
    if asked.kind in ("ft-on", "ft-off"):
        return _ft(asked, subject)
    return _protection(asked, subject) if asked.kind in ("protect", "unprotect") else None


def _ft(asked: Asked, subject: Now) -> Sentence | None:
    values = {"subject": asked.subject}
    if subject.ft is None:
        return Sentence("There is no FT for {subject} on this server", dict(values))
    if subject.ft == (asked.kind == "ft-on"):
        on, off = (
            Sentence("FT protects {subject} already", dict(values)),
            Sentence("FT does not protect {subject}", dict(values)),
        )
        return on if subject.ft else off
    return None


def _protection(asked: Asked, subject: Now) -> Sentence | None:
    values = {"subject": asked.subject}
    if subject.protected is None:
        return Sentence(
            "HA protects {subject} by its cluster's own settings: change them there", dict(values)
        )
    if subject.protected and asked.kind == "protect":
        return Sentence("HA keeps {subject} already", dict(values))
    if not subject.protected and asked.kind == "unprotect":
        return Sentence("HA does not keep {subject}", dict(values))
    return None


def _migration(asked: Asked, subject: Now, destination: Now | None) -> Sentence | None:
    values = {"subject": asked.subject, "host": asked.destination}
    if subject.host != asked.source:
        return Sentence(
            "{subject} runs on {found} now, no longer on {source}",
            {"subject": asked.subject, "found": subject.host, "source": asked.source},
        )
    if asked.source == asked.destination:
        return Sentence("{subject} is on {host} already", dict(values))
    closed = _closed(asked, destination)
    if closed is not None:
        return closed
    if isinstance(subject.hindered, Sentence):
        return subject.hindered
    if subject.hindered:
        return Sentence("{subject} cannot move to {host}: {why}", {**values, "why": subject.hindered})
    return None


def _restart(asked: Asked, subject: Now, destination: Now | None) -> Sentence | None:
    """Why HA must not start a VM elsewhere; that its own host is confirmed to be off, the act itself sees to.

    >>> asked = Asked(kind="restart", subject="db", source="h1", destination="h2")
    >>> str(_restart(asked, Now(exists=True, host="h1", power="poweredOn"), Now(exists=True)))
    'db runs on h1: nothing is to be restarted'
    >>> _restart(asked, Now(exists=True, host="h1", connected=False), Now(exists=True))
    """
    values = {"subject": asked.subject, "host": asked.destination}
    if subject.connected and subject.power != "poweredOff":
        return Sentence(
            "{subject} runs on {host}: nothing is to be restarted",
            {"subject": asked.subject, "host": subject.host},
        )
    if asked.source == asked.destination:
        return Sentence("{subject} is on {host} already", dict(values))
    if isinstance(subject.hindered, Sentence):
        return subject.hindered
    return _closed(asked, destination)


def _closed(asked: Asked, destination: Now | None) -> Sentence | None:
    """Why a host takes no VM."""
    values = {"host": asked.destination}
    if destination is None or not destination.exists:
        return Sentence("{host} is not there", dict(values))
    if not destination.connected:
        return Sentence("{host} is not connected", dict(values))
    if destination.maintenance:
        return Sentence("{host} is in maintenance mode", dict(values))
    return None


def in_blackout(windows: str, weekday: int, minute: int) -> bool:
    """Whether a moment lies in one of the windows in which nothing may begin.

    Args:
        windows: such as `mon-fri 08:00-18:00, sun 00:00-24:00`; a window may go over midnight.
        weekday: 0 is Monday.
        minute: of the day.

    Raises:
        ValueError: windows that are none.

    >>> in_blackout("mon-fri 08:00-18:00", 0, 9 * 60), in_blackout("mon-fri 08:00-18:00", 5, 9 * 60)
    (True, False)
    >>> in_blackout("fri 22:00-06:00", 5, 60), in_blackout("fri 22:00-06:00", 4, 60)
    (True, False)
    """
    return any(_inside(window, weekday, minute) for window in windows.split(",") if window.strip())


DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _inside(window: str, weekday: int, minute: int) -> bool:
    days, _, hours = window.strip().lower().partition(" ")
    first, _, last = days.partition("-")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    chosen = {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    start, stop = (_minute(text) for text in hours.split("-", 1))
    if start < stop:
        return weekday in chosen and start <= minute < stop
    return (weekday in chosen and minute >= start) or ((weekday - 1) % 7 in chosen and minute < stop)


def _minute(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    found = int(hour) * 60 + int(minute)
    if not 0 <= found <= MINUTES_A_DAY or not 0 <= int(minute) < 60:
        raise ValueError(f"{text} is no time of day")
    return found

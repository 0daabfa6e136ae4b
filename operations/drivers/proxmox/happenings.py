"""What happened on a Proxmox VE cluster: its tasks that ended, and what its list of resources says anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from operations.drivers.base import DriverError
from operations.drivers.proxmox.client import Client, Refused
from operations.drivers.proxmox.upid import read_upid
from operations.drivers.remote import Happening
from planner.formats.text import cleaned, shortened
from planner.sentence import Sentence, Value

TEXT_MAX: Final = 300
EVERY_S: Final = 5.0  # the cluster's own status is refreshed every 10 s: pvestatd
# Tasks about guests and nodes; consoles, sign-ins and the like are left to the server's own log.
TOLD: Final = frozenset(
    {"qmigrate", "vzmigrate", "hamigrate", "qmstart", "vzstart", "hastart", "qmstop", "vzstop", "hastop",
     "qmshutdown", "vzshutdown", "qmreboot", "qmcreate", "vzcreate", "qmdestroy", "vzdestroy", "migrateall",
     "startall", "stopall", "qmrestore", "vzrestore", "imgcopy", "srvstart", "srvstop"}
)  # fmt: skip
ALARMING: Final = ("error", "fence", "recovery", "gone", "unknown")  # states of the HA manager
WATCHED: Final = ("status", "node", "hastate", "name")


def happenings(client: Client, since: datetime, limit: int) -> list[Happening]:
    """Read which tasks ended since a time, the oldest first."""
    found = client.get("cluster", "tasks")
    told = [each for row in found or () if isinstance(row, dict) and (each := _task(row)) is not None]
    return sorted((each for each in told if each.at > since), key=lambda each: (each.at, each.key))[:limit]


def _task(row: Mapping[str, Any]) -> Happening | None:
    upid, ended = read_upid(row.get("upid")), row.get("endtime")
    if upid is None or upid.kind not in TOLD or not isinstance(ended, (int, float)):
        return None
    said = str(row.get("status", ""))
    good = said == "OK" or said.startswith("WARNINGS")
    about = f" {upid.about}" if upid.about else ""
    text = f"{upid.kind}{about} on {upid.node} by {row.get('user', '?')}: {said or '?'}"
    return Happening(
        at=datetime.fromtimestamp(ended, UTC),
        key=upid.text,
        kind=upid.kind,
        subject=upid.about or upid.node,
        text=shortened(cleaned(" ".join(text.split())), TEXT_MAX),
        grave=not good,
    )


def watch(client: Client, wait_s: int) -> Iterator[list[Happening]]:
    """Compare the list of resources with itself, every few seconds: the API has nothing that waits."""
    known = _states(client)
    while True:
        told: list[Happening] = []
        until = time.monotonic() + wait_s
        while not told and time.monotonic() < until:
            time.sleep(min(EVERY_S, max(0.0, until - time.monotonic())))
            now = _states(client)
            told = list(_became(known, now))
            known = now
        yield told


def _states(client: Client) -> dict[str, dict[str, str]]:
    try:
        rows = client.get("cluster", "resources")
    except Refused as refusal:
        raise DriverError(f"cluster/resources: {refusal.status} {refusal}") from refusal
    return {
        str(row["id"]): {key: str(row.get(key) or "") for key in WATCHED}
        for row in rows or ()
        if isinstance(row, dict) and row.get("type") in ("node", "qemu", "lxc") and row.get("id")
    }


def _became(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> Iterator[Happening]:
    at = datetime.now(UTC)

    def said(identity: str, kind: str, sentence: Sentence, *, grave: bool = False) -> Happening:
        return Happening(
            at=at, key=f"{identity}/{kind}/{at.timestamp()}", kind=kind, subject=called(identity),
            text=str(sentence), sentence=sentence, grave=grave,
        )  # fmt: skip

    def called(identity: str) -> str:
        row = after.get(identity) or before[identity]
        return shortened(cleaned(row["name"] or row["node"] or identity))

    for identity in sorted(before.keys() | after.keys()):
        values: dict[str, Value] = {"name": called(identity)}
        old, new = before.get(identity), after.get(identity)
        if old is None:
            yield said(identity, "appeared", Sentence("{name} is new", values))
        elif new is None:
            yield said(identity, "gone", Sentence("{name} is gone", values), grave=True)
        else:
            if old["node"] != new["node"]:
                yield said(
                    identity, "moved", Sentence("{name} is on {host} now", values | {"host": new["node"]})
                )
            if old["status"] != new["status"]:
                state = Sentence("{name} is {state} now", values | {"state": new["status"]})
                yield said(identity, "power", state, grave=new["status"] in ("offline", "unknown"))
            if old["hastate"] != new["hastate"]:
                told = Sentence("HA says of {name}: {state}", values | {"state": new["hastate"] or "-"})
                yield said(identity, "ha", told, grave=new["hastate"] in ALARMING)

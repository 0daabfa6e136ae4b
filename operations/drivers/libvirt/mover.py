"""One migration, in a process of its own, spoken to in JSON lines.

> {"uris": [SOURCE, DESTINATION], "uuid": ..., ...}    never on a command line: a password is in it
< {"ready": true}                                      both hosts are open
> {"go": true}                                         anything else, or an end: nothing is done
< {"done": true} or {"error": "..."}
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any, Final

from operations.drivers.addresses import networks_of
from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding
from operations.drivers.libvirt.fleet import connected, said
from operations.drivers.places import Place
from operations.drivers.remote import Login

LOOK_S: Final = 0.2
ROUNDS_FIRST: Final = 2  # memory that is not written is copied before, so post-copy fetches the rest alone


def main() -> int:
    """Do what the parent says."""
    task = json.loads(sys.stdin.readline() or "{}")
    if not task:
        return 1
    login = Login(
        uris=tuple(task["uris"]),
        allowed=networks_of(task["allowed"]),
        username=task["username"],
        password=task["password"],
    )
    try:
        with connected(login) as fleet:
            source, destination = fleet.places.values()
            for place in (source, destination):
                fleet.of(place.name)
            say({"ready": True})
            if json.loads(sys.stdin.readline() or "{}").get("go") is not True:
                return 1
            domain = fleet.of(source.name).lookupByUUIDString(task["uuid"])
            migrate(domain, fleet.of(destination.name), destination, task)
    except DriverError as error:
        say({"error": str(error)})
        return 1
    except binding.loaded().libvirtError as error:
        say({"error": said(error, login)})
        return 1
    say({"done": True})
    return 0


def migrate(domain: Any, destination: Any, place: Place, task: dict[str, Any]) -> None:
    """Make libvirt's call, which lasts until the migration has ended."""
    libvirt = binding.loaded()
    parameters: dict[str, Any] = {}
    if place.incoming:
        host = f"[{place.incoming}]" if ":" in place.incoming else place.incoming
        parameters[libvirt.VIR_MIGRATE_PARAM_URI] = f"tcp://{host}"
    if not task["live"]:
        flags = libvirt.VIR_MIGRATE_OFFLINE
    else:
        flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_AUTO_CONVERGE
    if domain.isPersistent():
        flags |= libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    if task["live"] and task["post_copy"]:
        flags |= libvirt.VIR_MIGRATE_POSTCOPY
        threading.Thread(target=_switch, args=(domain,), daemon=True).start()
    domain.migrate3(destination, parameters, flags)


def _switch(domain: Any) -> None:
    """Go over to post-copy once the memory that stands still has been copied."""
    libvirt = binding.loaded()
    pause = threading.Event()
    while not pause.wait(LOOK_S):
        try:
            if domain.jobStats().get("memory_iteration", 0) >= ROUNDS_FIRST:
                domain.migrateStartPostCopy(0)
                return
        except libvirt.libvirtError:
            return  # it has ended without: how, the call itself says


def say(message: dict[str, Any]) -> None:
    """Tell the parent, if it still lives: the migration does not depend on it."""
    try:
        print(json.dumps(message), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody hears what is flushed later


if __name__ == "__main__":
    sys.exit(main())

"""What happens to VMs: restarts, migrations, maintenance, fault tolerance.  The base is in `event.py`."""

from __future__ import annotations

from operations.event import Because, Event, Note, NoteBecause
from planner.sentence import Sentence

# -- restarts


class VmRestarting(Note, frozen=True, gc=False):
    kind = "vm-restarting"
    says = Sentence("on {host}, try {attempt}")
    host: str
    attempt: int
    moved: bool = False


class VmStarted(Event, frozen=True, gc=False):
    kind = "vm-started"
    says = Sentence("on {host}")
    host: str


class VmUp(Event, frozen=True, gc=False):
    kind = "vm-up"
    says = Sentence("on {host}, out for {outage_s} s")
    host: str
    outage_s: float


class StartFailed(Because, frozen=True, gc=False):
    kind = "start-failed"
    host: str


class VmOff(Because, frozen=True, gc=False):
    """A VM that stopped; `wanted`: it should run again."""

    kind = "vm-off"
    host: str
    wanted: bool = True
    moved: bool = False


class VmWaiting(NoteBecause, frozen=True, gc=False):
    """A VM that should run and cannot yet; `hold` says what would let it."""

    kind = "vm-waiting"
    hold: str


class VmGivenUp(NoteBecause, frozen=True, gc=False):
    """A VM that needs a person; HA does not touch it any more."""

    kind = "vm-given-up"


class VmDisabled(Note, frozen=True, gc=False):
    kind = "vm-disabled"
    says = Sentence("not wanted any more")


class VmWanted(Note, frozen=True, gc=False):
    kind = "vm-wanted"
    says = Sentence("shall run")


class VmHung(Because, frozen=True, gc=False):
    kind = "vm-hung"


class VmResetting(Note, frozen=True, gc=False):
    kind = "vm-resetting"
    says = Sentence("reset {count} of at most {most}")
    count: int
    most: int


class TierReleased(Note, frozen=True, gc=False):
    kind = "tier-released"
    says = Sentence("priorities above it took too long")
    tier: int


# -- migration and maintenance


class Migrating(NoteBecause, frozen=True, gc=False):
    kind = "migrating"
    source: str
    host: str


class Migrated(Event, frozen=True, gc=False):
    kind = "migrated"
    says = Sentence("{source} to {host} in {seconds} s, stopped {downtime_ms} ms; pings lost: {lost_pings}")
    tenths = ("seconds",)
    source: str
    host: str
    seconds: float
    downtime_ms: float
    lost_pings: int
    sent_mib: float
    rounds: int


class MigrationFailed(Because, frozen=True, gc=False):
    """A VM that runs on where it was; `is_missing`: it was not there."""

    kind = "migration-failed"
    source: str
    host: str
    is_missing: bool = False


class MoveWaiting(NoteBecause, frozen=True, gc=False):
    """A move that was asked for and waits for its turn."""

    kind = "move-waiting"
    host: str


class StorageMoving(Note, frozen=True, gc=False):
    kind = "storage-moving"
    says = Sentence("{source} to {datastore}, {size_mib} MiB")
    source: str
    datastore: str
    size_mib: int


class StorageMoved(Event, frozen=True, gc=False):
    kind = "storage-moved"
    says = Sentence("{source} to {datastore} in {seconds} s, no stop")
    source: str
    datastore: str
    seconds: float


class Preflight(NoteBecause, frozen=True, gc=False):
    """What a planned work costs in protection, said before it begins."""

    kind = "preflight"


class Emptying(Note, frozen=True, gc=False):
    """A host begins to be emptied; `then` is what follows: stay, reboot, off, standby."""

    kind = "emptying"
    says = Sentence("VMs to move: {vms}")
    vms: int
    then: str


class MaintenanceOn(Note, frozen=True, gc=False):
    kind = "maintenance-on"
    says = Sentence("empty after {seconds} s")
    tenths = ("seconds",)
    seconds: float


class MaintenanceBlocked(NoteBecause, frozen=True, gc=False):
    kind = "blocked"
    left: int


class MaintenanceOff(Note, frozen=True, gc=False):
    kind = "maintenance-off"
    says = Sentence("takes VMs again")


class RollingDone(NoteBecause, frozen=True, gc=False):
    kind = "rolling-done"


# -- fault tolerance


class FtFailover(Event, frozen=True, gc=False):
    kind = "ft-failover"
    says = Sentence("{host} goes on where {source} stopped, after {gap_ms} ms")
    source: str
    host: str
    gap_ms: float


class FtUnprotected(NoteBecause, frozen=True, gc=False):
    kind = "ft-unprotected"


class FtCopyLost(Because, frozen=True, gc=False):
    """A second copy, made or in the making, that the first no longer reaches."""

    kind = "ft-copy-lost"
    host: str


class FtSeeding(Note, frozen=True, gc=False):
    kind = "ft-seeding"
    says = Sentence("second copy on {host}")
    host: str


class FtProtected(Event, frozen=True, gc=False):
    kind = "ft-protected"
    says = Sentence("by {host}, seeded in {seconds} s")
    tenths = ("seconds",)
    host: str
    seconds: float

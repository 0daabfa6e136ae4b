"""What changes something on Proxmox VE, and what it says of what was asked: one call each, never two.

A guest that the HA manager keeps is moved and started by the manager: the call is answered with a short task
(`hamigrate`, `hastart`, `hastop`) that only hands the wish over, so its end is not the end of the operation.

Source: pve.proxmox.com/pve-docs/api-viewer; PVE::API2::Qemu, PVE::API2::LXC, PVE::API2::HA::Resources.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from operations.drivers.base import DriverError
from operations.drivers.proxmox.client import NODE_SILENT, Client, Refused
from operations.drivers.proxmox.upid import Upid, read_upid
from operations.drivers.remote import ABOUT_HOSTS, NotBegun, Order, SubjectNow, TaskNow
from planner.sentence import Sentence

Row: TypeAlias = dict[str, Any]
POWERS: Final = {
    "running": "poweredOn",
    "stopped": "poweredOff",
    "paused": "suspended",
    "suspended": "suspended",
}
TASKS: Final[dict[str, tuple[str, ...]]] = {
    "migrate": ("qmigrate", "vzmigrate", "hamigrate"),
    "power-on": ("qmstart", "vzstart", "hastart"),
    "power-off": ("qmstop", "vzstop", "hastop"),
}
HANDED_OVER: Final = frozenset({"hamigrate", "hastart", "hastop"})
SYNCHRONOUS: Final = "done at once"  # what changes HA's list has no task
NO_MAINTENANCE: Final = Sentence(
    "The API of Proxmox VE has no call for maintenance mode: on any node, type ha-manager crm-command "
    "node-maintenance enable NODE"
)
FORBIDDEN, NO_SUCH_METHOD = 403, 501
HINDERED_MAX: Final = 200
GONE: Final = (400, 404, 500)  # "no such task", by release


def look(client: Client, order: Order) -> SubjectNow:
    """Read the subject of an order: where the cluster says that it is, and how its node says it stands."""
    if order.kind in ABOUT_HOSTS:
        return host_now(client, order.subject)
    row = _row(client, order.subject_id)
    if row is None:
        return SubjectNow(exists=False)
    kind, number = _parts(order.subject_id)
    node = str(row.get("node", ""))
    try:
        now = client.get("nodes", node, kind, number, "status", "current")
    except Refused as refusal:
        if refusal.status in NODE_SILENT:
            return SubjectNow(exists=True, name=str(row.get("name", "")), host=node, connected=False)
        raise DriverError(f"{node}: {refusal.status} {refusal}") from refusal
    return SubjectNow(
        exists=True,
        name=str(row.get("name", "")),
        host=node,
        power=POWERS.get(str(now.get("status")), "unknown"),
        connected=True,
        busy=bool(now.get("lock")) or _has_task(client, node, number),
        protected=bool((now.get("ha") or {}).get("managed")),
        hindered=_hindered(client, order, node, kind, number) if order.kind == "migrate" else "",
    )


def _hindered(client: Client, order: Order, node: str, kind: str, number: int) -> str:
    """Ask the node whether a migration could begin: which storage, device or rule it would fail of."""
    try:
        told = client.get("nodes", node, kind, number, "migrate", target=order.destination)
    except Refused as refusal:
        # an older release has no such question for containers; one without the right is told when it acts
        return "" if refusal.status in (FORBIDDEN, NO_SUCH_METHOD) else f"{refusal.status} {refusal}"
    refused = (told.get("not_allowed_nodes") or {}).get(order.destination) or {}
    stores = ", ".join(map(str, refused.get("unavailable_storages") or ()))
    if stores:
        return f"no {stores} there"
    if refused:
        return str(refused)[:HINDERED_MAX]
    return _local(told) if told.get("running") else ""


def _local(told: Row) -> str:
    """Name what a running guest has of its node alone: it cannot come along."""
    devices = ", ".join(map(str, told.get("local_resources") or ()))
    disks = ", ".join(str(disk.get("volid", "?")) for disk in told.get("local_disks") or ())
    if disks:
        return f"local disks: {disks}"[:HINDERED_MAX]
    return f"local devices: {devices}" if devices else ""


def host_now(client: Client, name: str) -> SubjectNow:
    """Read a node by its name."""
    found = next((row for row in _resources(client, "node") if row.get("node") == name), None)
    if found is None:
        return SubjectNow(exists=False)
    return SubjectNow(
        exists=True,
        name=name,
        maintenance=found.get("hastate") == "maintenance",
        connected=found.get("status") == "online",
    )


def submit(client: Client, order: Order) -> str:
    """Ask for it, once; give the task's UPID.

    Raises:
        NotBegun: the API refused the request before it began a task.
        DriverError: nobody knows whether it was begun.
    """
    if order.kind in ABOUT_HOSTS:
        raise NotBegun(NO_MAINTENANCE)
    row = _row(client, order.subject_id)
    if row is None:
        raise NotBegun(Sentence("{subject} is not there any more", {"subject": order.subject}))
    try:
        found = _submit(client, order, str(row["node"]), row.get("status") == "running")
    except Refused as refusal:
        if refusal.status in NODE_SILENT:  # the node was asked through another one: it may have heard
            raise DriverError(f"{row['node']}: {refusal.status} {refusal}") from refusal
        raise NotBegun(f"{refusal.status} {refusal}") from refusal
    if order.kind in ("protect", "unprotect"):
        return SYNCHRONOUS
    upid = read_upid(found)
    if upid is None:
        raise DriverError("the answer holds no task id")
    return upid.text


def _submit(client: Client, order: Order, node: str, running: bool) -> Any:
    kind, number = _parts(order.subject_id)
    at = ("nodes", node, kind, number)
    sid = f"{'ct' if kind == 'lxc' else 'vm'}:{number}"
    match order.kind:
        case "migrate":
            how = {} if not running else {"restart": 1} if kind == "lxc" else {"online": 1}
            return client.post(*at, "migrate", target=order.destination, **how)
        case "power-on":
            return client.post(*at, "status", "start")
        case "power-off":
            return client.post(*at, "status", "stop")
        case "protect":
            return client.post("cluster", "ha", "resources", sid=sid, state="started")
        case "unprotect":
            return client.delete("cluster", "ha", "resources", sid)
        case "enter" | "leave":
            raise NotBegun(NO_MAINTENANCE)
        case "ft-on" | "ft-off":
            raise NotBegun(Sentence("Proxmox VE has no FT"))
        case "restart":
            raise NotBegun(Sentence("HA restarts VMs here by itself"))


def task_now(client: Client, identity: str) -> TaskNow:
    """Read a task that was asked for; of one handed to the HA manager, only the guest tells the end."""
    upid = read_upid(identity)
    if upid is None:
        return TaskNow("gone")
    try:
        told = client.get("nodes", upid.node, "tasks", upid.text, "status")
    except Refused as refusal:
        if refusal.status in GONE:
            return TaskNow("gone")
        raise DriverError(f"{upid.node}: {refusal.status} {refusal}") from refusal
    if told.get("status") != "stopped":
        return TaskNow("running")
    said = str(told.get("exitstatus", ""))
    good = said == "OK" or said.startswith("WARNINGS")
    if good and upid.kind in HANDED_OVER:
        return TaskNow("handed over")
    return TaskNow("success" if good else "error", "" if good else said, _seconds(client, upid))


def find_task(client: Client, order: Order, since: datetime) -> str | None:
    """Find the newest task of this kind on the guest that was begun since a time, on any node.

    What the HA manager really began counts before the handing over.
    """
    kinds = TASKS.get(order.kind, ())
    _, number = _parts(order.subject_id)
    found = [
        upid
        for row in _tasks(client)
        if (upid := read_upid(row.get("upid"))) is not None
        and upid.kind in kinds
        and upid.about == str(number)
        and upid.began >= since
    ]
    found.sort(key=lambda upid: (upid.kind not in HANDED_OVER, upid.began))
    return found[-1].text if found else None


def abort(client: Client, identity: str) -> None:
    """Ask that a task end; one that is over, or gone, needs no end."""
    upid = read_upid(identity)
    if upid is None:
        return
    try:
        client.delete("nodes", upid.node, "tasks", upid.text)
    except Refused as refusal:
        if refusal.status not in GONE:
            raise DriverError(f"{upid.node}: {refusal.status} {refusal}", permanent=True) from refusal


def _has_task(client: Client, node: str, number: int) -> bool:
    try:
        return bool(client.get("nodes", node, "tasks", source="active", vmid=number))
    except Refused:
        return False


def _tasks(client: Client) -> list[Row]:
    found = client.get("cluster", "tasks")
    return [row for row in found or () if isinstance(row, dict)]


def _seconds(client: Client, upid: Upid) -> float | None:
    """How long a task took; the list tells its end, the status only its beginning."""
    try:
        rows = client.get("nodes", upid.node, "tasks", source="all", limit=50, vmid=upid.about)
    except Refused:
        return None
    for row in rows or ():
        if row.get("upid") == upid.text and isinstance(row.get("endtime"), (int, float)):
            ended = datetime.fromtimestamp(row["endtime"], UTC)
            return max(0.0, (ended - upid.began).total_seconds())
    return None


def _resources(client: Client, kind: str) -> list[Row]:
    found = client.get("cluster", "resources", type=kind)
    return [row for row in found or () if isinstance(row, dict)]


def _row(client: Client, identity: str) -> Row | None:
    return next((row for row in _resources(client, "vm") if row.get("id") == identity), None)


def _parts(identity: str) -> tuple[str, int]:
    """Read an id such as `qemu/100`; it is the inventory's own, never what somebody typed."""
    kind, _, number = identity.partition("/")
    if kind not in ("qemu", "lxc") or not (number.isascii() and number.isdecimal()):
        raise NotBegun(f"{identity[:60]} is no guest of Proxmox VE")
    return kind, int(number)

"""A Proxmox VE cluster's whole inventory -> Observed: what is asked, and what an answer that fails means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from operations.drivers.base import DriverError
from operations.drivers.proxmox.client import NODE_SILENT, Client, Refused
from operations.drivers.proxmox.usage import usage_of_guests
from operations.drivers.remote import Observed, OnStage
from operations.drivers.usage import tell_measured, with_demand
from planner.estate import Estate
from planner.formats import proxmox
from planner.formats.findings import Findings
from planner.formats.proxmox_words import NODE_UNREACHED, PARTLY_SEEN, SEES_NOTHING
from planner.sentence import Sentence

Row: TypeAlias = dict[str, Any]
AUDITS: Final = ("VM.Audit", "Datastore.Audit", "Sys.Audit")  # what the role PVEAuditor holds
FORBIDDEN: Final = 403
NO_SUCH_METHOD: Final = (404, 501)  # of an older release


def observe_inventory(client: Client, on_stage: OnStage, recorded: Estate | None = None) -> Observed:
    """Read nodes, guests, storage, HA and a day's use.

    Args:
        client: a connection that is open.
        on_stage: is told what is asked for next.
        recorded: what was seen before: a node that is offline, and its guests, stay as they were seen last.

    Returns:
        The estate, what of it is odd, and the use.

    Raises:
        DriverError: the server falls silent, or the token may see nothing.
    """
    findings = Findings()
    on_stage("permissions")
    _check_permissions(client, findings)
    on_stage("resources")
    rows: list[Row] = [*_rows(client.get("cluster", "status")), *_rows(client.get("cluster", "resources"))]
    if not any(row.get("type") == "node" and "node" in row for row in rows):
        raise DriverError(Sentence(SEES_NOTHING, {"token": client.token}), permanent=True)
    nodes = [row for row in rows if row.get("type") == "node" and "node" in row]
    on_stage("nodes")
    reached = [row for row in nodes if _with_hardware(client, row, findings)]
    on_stage("storage")
    for row in reached:
        rows += [{**each, "node": row["node"]} for each in _of_node(client, row, findings, "storage")]
    on_stage("guests")
    names = {row["node"] for row in reached}
    guests = [row for row in rows if "vmid" in row and row.get("node") in names]
    clock = {row["node"]: _mhz(row) for row in reached}
    for row in guests:
        row["config"] = _config(client, row)
        row["node_mhz"] = clock[row["node"]]
    on_stage("HA")
    rows += _optional(client, "cluster", "ha", "resources") + _optional(client, "cluster", "ha", "rules")
    on_stage("measured use")
    usage = usage_of_guests(client, guests)
    reading = proxmox.reading_of(rows, findings, recorded)
    called = {vm.id: vm.name for vm in reading.estate.vms}
    usage = tuple(replace(each, vm=called[each.vm]) for each in usage if each.vm in called)
    tell_measured(findings, usage, sum(row.get("status") == "running" for row in guests))
    quality = replace(reading.quality, assumptions=findings.assumptions)
    estate = with_demand(reading.estate, usage)
    return Observed(reading=replace(reading, estate=estate, quality=quality), usage=usage)


def _check_permissions(client: Client, findings: Findings) -> None:
    """Tell what the token lacks: an answer is an empty list, not an error, where nothing may be seen."""
    granted = _optional_map(client, "access", "permissions")
    if granted is None:
        return
    held = {name for rights in granted.values() if isinstance(rights, Mapping) for name in rights}
    at_root = granted.get("/") or {}
    if not held & set(AUDITS):
        raise DriverError(Sentence(SEES_NOTHING, {"token": client.token}), permanent=True)
    missing = [name for name in AUDITS if name not in at_root]
    if missing:
        findings.warn(PARTLY_SEEN, token=client.token, missing=", ".join(missing))


def _with_hardware(client: Client, row: Row, findings: Findings) -> bool:
    """Add what a node says of itself; False where it is not reached."""
    if row.get("status") == "offline":
        return False
    told = _asked_of_node(client, row, findings, lambda: client.get("nodes", row["node"], "status"))
    if isinstance(told, dict):
        row["cpuinfo"] = told.get("cpuinfo")
        row["pveversion"] = told.get("pveversion")
    return bool(row.get("status") != "offline")


def _of_node(client: Client, row: Row, findings: Findings, what: str) -> list[Row]:
    return _rows(_asked_of_node(client, row, findings, lambda: client.get("nodes", row["node"], what)))


def _asked_of_node(client: Client, row: Row, findings: Findings, ask: Callable[[], Any]) -> Any:
    """Ask a node; one that is silent counts as offline from here on."""
    try:
        return ask()
    except Refused as refusal:
        if refusal.status in NODE_SILENT:
            row["status"] = "offline"
            findings.warn(NODE_UNREACHED, node=str(row.get("node")), said=f"{refusal.status} {refusal}")
        elif refusal.status != FORBIDDEN:
            raise DriverError(f"{row.get('node')}: {refusal.status} {refusal}") from refusal
        return None


def _mhz(row: Row) -> float:
    """A node's clock; 0 where it does not tell."""
    told = row.get("cpuinfo")
    try:
        return float(told.get("mhz", 0)) if isinstance(told, dict) else 0.0
    except (TypeError, ValueError):
        return 0.0


def _config(client: Client, row: Row) -> Row:
    """Read a guest's configuration; one that was removed or moved meanwhile has none for now."""
    try:
        found = client.get("nodes", row["node"], str(row.get("type", "qemu")), int(row["vmid"]), "config")
    except Refused:
        return {}
    return found if isinstance(found, dict) else {}


def _optional(client: Client, *path: str) -> list[Row]:
    """Ask for what an older release, or a lesser token, does not have."""
    try:
        return _rows(client.get(*path))
    except Refused as refusal:
        if refusal.status == FORBIDDEN or refusal.status in NO_SUCH_METHOD:
            return []
        raise DriverError(f"{'/'.join(path)}: {refusal.status} {refusal}") from refusal


def _optional_map(client: Client, *path: str) -> Row | None:
    try:
        found = client.get(*path)
    except Refused:
        return None
    return found if isinstance(found, dict) else None


def _rows(found: Any) -> list[Row]:
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

"""What the Proxmox VE API answers -> Estate: nodes, guests, storage, HA resources and rules.

An answer is a list of rows, bare or under "data", as `/nodes`, `/nodes/NODE/qemu`, `/nodes/NODE/storage`,
`/cluster/resources`, `/cluster/status`, `/cluster/ha/resources` and `/cluster/ha/rules` give them; what a
row is, its keys say.  A node that is offline reports zeros: it is offline, never empty.

Source: pve.proxmox.com/pve-docs/api-viewer; PVE::ProcFSTools: `cores` are those of all sockets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from planner.estate import VM, Cluster, Datastore, Estate, EstateError, Host, Power
from planner.formats.amount import BYTES_PER_MIB, mib_of
from planner.formats.findings import Findings
from planner.formats.json_text import decoded_json
from planner.formats.proxmox_guest import with_config
from planner.formats.proxmox_rules import rules_of, with_priorities
from planner.formats.proxmox_words import GUEST_AS_LAST_SEEN
from planner.formats.text import cleaned, shortened
from planner.quality import FormatError, Quality, Reading, SheetRead
from planner.sentence import Sentence

FORMAT: Final = "proxmox-api"
CORES_MAX: Final = 100_000  # planner.estate.Host
MIB_MAX: Final = 10**12
SHARED_KINDS: Final = frozenset(
    {"nfs", "cifs", "rbd", "cephfs", "glusterfs", "iscsi", "iscsidirect", "pbs", "zfs"}
)
POWERS: Final[dict[str, Power]] = {
    "running": "on",
    "stopped": "off",
    "paused": "suspended",
    "suspended": "suspended",
}

Answer: TypeAlias = Mapping[str, object]


def is_proxmox(value: object) -> bool:
    """Whether a JSON value is rows of the Proxmox API."""
    rows = _rows(value)
    return bool(rows) and all(_kind(row) is not None for row in rows)


def read_proxmox(files: Mapping[str, bytes], recorded: Estate | None = None) -> Reading:
    """Read answers by file name.

    Raises:
        FormatError: no JSON, or rows that are none of these; the sheet is the file.
    """
    findings = Findings()
    rows: list[Answer] = []
    for name, data in sorted(files.items()):
        value = decoded_json(data, findings)
        if not is_proxmox(value):
            raise FormatError(
                Sentence("The JSON is neither an estate document nor an answer of the Proxmox API"),
                sheet=shortened(cleaned(name)),
            )
        rows.extend(_rows(value))
    return reading_of(rows, findings, recorded)


def reading_of(rows: Sequence[Answer], findings: Findings, recorded: Estate | None = None) -> Reading:
    """Join the rows of several answers.

    Args:
        rows: in any order; what stands twice is one thing.
        findings: collects what is odd.
        recorded: what was observed before; an offline node keeps the hardware that it had.
    """
    of: dict[str, list[Answer]] = {}
    for row in rows:
        of.setdefault(_kind(row) or "", []).append(row)
    known = {host.name: host for host in recorded.hosts} if recorded else {}
    cluster = next((_text(row, "name") for row in of.get("cluster", ())), None)
    hosts = [
        host
        for row in _once(of.get("node", ()), "node")
        if (host := _host(row, cluster, known, findings)) is not None
    ]
    seen = {vm.id: vm for vm in recorded.vms} if recorded else {}
    away = {_text(row, "node") for row in of.get("node", ()) if row.get("status") == "offline"}
    stores = _called(of.get("storage", ()))
    vms = _named_apart(
        [_guest(row, cluster, seen, away, stores, findings) for row in _once(of.get("guest", ()), "vmid")]
    )
    names = {vm.id: vm.name for vm in vms if vm.id}
    vms = with_priorities(vms, of.get("ha-resource", ()))
    estate = Estate(
        clusters=(Cluster(name=cluster, ha_enabled=bool(of.get("ha-resource")) or None),) if cluster else (),
        hosts=tuple(hosts),
        vms=tuple(vms),
        datastores=_as_seen(_datastores(of.get("storage", ()), findings), recorded, away),
        rules=rules_of(of.get("ha-rule", ()), names, cluster, findings),
    )
    for field in ("hosts", "vms", "datastores", "rules"):
        findings.sheet_read(SheetRead(name=field, rows_read=len(getattr(estate, field))))
    try:
        estate = estate.sorted()
    except EstateError as error:
        raise FormatError(Sentence("{reason}", {"reason": str(error)})) from error
    quality = Quality(
        format=FORMAT, sheets=findings.sheets, warnings=findings.warnings, assumptions=findings.assumptions
    )
    return Reading(estate=estate, quality=quality)


# -- rows


def _rows(value: object) -> list[Answer]:
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    return value if isinstance(value, list) and all(isinstance(row, dict) for row in value) else []


def _kind(row: Answer) -> str | None:
    """Say what a row is: the ha-manager's rows have a sid or a rule, guests a vmid, and so on."""
    if "sid" in row:
        return "ha-resource"
    if "rule" in row:
        return "ha-rule"
    if "vmid" in row:
        return "guest"
    if "storage" in row:
        return "storage"
    if row.get("type") in ("cluster", "pool", "sdn", "network", "quorum"):
        return str(row["type"])
    return "node" if "node" in row or row.get("type") == "node" else None


def _once(rows: Iterable[Answer], key: str) -> list[Answer]:
    """Join rows of one thing; the later one adds what it knows."""
    joined: dict[object, dict[str, object]] = {}
    for row in rows:
        joined.setdefault(row.get(key) or row.get("name"), {}).update(row)
    return list(joined.values())


def _text(row: Answer, key: str) -> str | None:
    value = row.get(key)
    return shortened(cleaned(value)) or None if isinstance(value, str) else None


def _number(row: Answer, key: str) -> int | None:
    """Give a whole number that is not negative; None where it is missing.

    Raises:
        FormatError: it is something else.
    """
    value = row.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**63:
        raise FormatError(
            Sentence("{key} of {row} is no number: {found}",
                     {"key": key, "row": _name_of(row), "found": shortened(cleaned(str(value)), 60)})
        )  # fmt: skip
    return int(value)


def _name_of(row: Answer) -> str:
    return next(
        (shortened(str(row[key]), 60) for key in ("name", "node", "storage", "vmid") if row.get(key)), "-"
    )


# -- things


def _host(row: Answer, cluster: str | None, known: Mapping[str, Host], findings: Findings) -> Host | None:
    name = _text(row, "node") or _text(row, "name") or "node"
    memory = (_number(row, "maxmem") or 0) // BYTES_PER_MIB
    raw = row.get("cpuinfo")
    told: Answer = raw if isinstance(raw, dict) else {}
    cores = _number(told, "cores") or _number(row, "maxcpu") or 0
    if row.get("status") == "offline" or not memory or not cores:
        return _offline(name, known.get(name), findings)
    if cores > CORES_MAX or memory > MIB_MAX:
        raise FormatError(Sentence("The CPUs or memory of {node} make no sense", {"node": name}))
    if not told:
        findings.assume(
            "The API tells logical CPUs of nodes, not cores: each counts as a core, of unknown speed"
        )
    usage, used = row.get("cpu"), _number(row, "mem")
    return Host(
        name=name,
        cluster=cluster,
        sockets=min(max(1, _number(told, "sockets") or 1), 1024),
        cores=cores,
        cpu_mhz=_mhz(told),
        memory_mib=memory,
        cpu_model=_text(told, "model"),
        version=_text(row, "pveversion"),
        cpu_usage_percent=min(100.0, usage * 100.0)
        if isinstance(usage, (int, float)) and usage >= 0
        else None,
        memory_usage_percent=None if used is None else min(100.0, 100.0 * used / (memory * BYTES_PER_MIB)),
        maintenance=row.get("hastate") == "maintenance",
    )


def _offline(name: str, was: Host | None, findings: Findings) -> Host | None:
    """Keep an offline node with the hardware it had when it was last seen; without any it cannot be shown."""
    if was is None:
        findings.warn(
            "The node {node} is offline and was never seen: its size is unknown, so it was left out",
            node=name,
        )
        return None
    findings.warn("The node {node} is offline; its hardware is as last seen", node=name)
    return replace(was, connected=False, cpu_usage_percent=None, memory_usage_percent=None)


def _mhz(told: Answer) -> float:
    """Give the speed: the API writes it as text, and as it is at this moment."""
    try:
        mhz = float(str(told.get("mhz", 0)))
    except ValueError:
        return 0.0
    return mhz if 0 <= mhz < 10**6 else 0.0


def _vm(row: Answer, cluster: str | None, findings: Findings) -> VM:
    number = _number(row, "vmid") or 0
    status = _text(row, "status") or "unknown"
    name = _text(row, "name") or f"VM {number}"
    if status not in POWERS:
        findings.warn("{vm} has the state {state}; it counts as off", sheet="vms", vm=name, state=status)
    kind = "lxc" if row.get("type") == "lxc" else "qemu"
    vcpus = _number(row, "cpus")
    if vcpus is None:
        vcpus = _number(row, "maxcpu") or 0
    return VM(
        name=name,
        id=f"{kind}/{number}",
        cluster=cluster,
        host=_text(row, "node"),
        power=POWERS.get(status, "off"),
        template=_number(row, "template") == 1,
        vcpus=min(vcpus, CORES_MAX),
        memory_mib=min(mib_of(_number(row, "maxmem") or 0), MIB_MAX),
        disk_mib=min(mib_of(_number(row, "maxdisk") or 0), MIB_MAX),
    )


def _guest(
    row: Answer,
    cluster: str | None,
    seen: Mapping[str | None, VM],
    away: Collection[str | None],
    stores: Mapping[tuple[str, str], str],
    findings: Findings,
) -> VM:
    """Read a guest; on a node that is offline it stays as it was seen last, for nobody knows better."""
    node = _text(row, "node")
    known = seen.get(f"{'lxc' if row.get('type') == 'lxc' else 'qemu'}/{_number(row, 'vmid')}")
    if node in away and known is not None and row.get("status") not in POWERS:
        findings.warn(GUEST_AS_LAST_SEEN, sheet="vms", vm=known.name, node=node)
        return replace(known, host=node)
    config = row.get("config")
    vm = _vm(row, cluster, findings)
    local = {name: called for (at, name), called in stores.items() if at == node}
    return with_config(vm, config, local) if isinstance(config, dict) else vm


def _called(rows: Sequence[Answer]) -> Mapping[tuple[str, str], str]:
    """What each node's storage is called in the estate."""
    found = {}
    for row in rows:
        name, node = _text(row, "storage"), _text(row, "node")
        if name and node:
            found[node, name] = _storage_name(row)
    return found


def _storage_name(row: Answer) -> str:
    """Give a shared storage its name, a local one its node's besides."""
    name, node = _text(row, "storage") or "storage", _text(row, "node")
    return name if _is_shared(row) or node is None else shortened(f"{name} ({node})")


def _is_shared(row: Answer) -> bool:
    return _number(row, "shared") == 1 or _storage_kind(row) in SHARED_KINDS


def _storage_kind(row: Answer) -> str | None:
    kind = _text(row, "plugintype") or _text(row, "type")
    return kind if kind != "storage" else None


def _named_apart(vms: Sequence[VM]) -> list[VM]:
    """Add its number to each guest whose name another one bears: Proxmox tells guests by number alone."""
    count: dict[str, int] = {}
    for vm in vms:
        count[vm.name] = count.get(vm.name, 0) + 1
    return [vm if count[vm.name] == 1 else _renamed(vm) for vm in vms]


def _renamed(vm: VM) -> VM:
    return replace(vm, name=f"{shortened(vm.name, 230)} ({vm.id})")


def _as_seen(
    told: Sequence[Datastore], recorded: Estate | None, away: Collection[str | None]
) -> tuple[Datastore, ...]:
    """Keep what offline nodes were seen to mount: a node that is away says nothing of its storage."""
    found = {store.name: store for store in told}
    for store in recorded.datastores if recorded else ():
        mounted = [host for host in store.hosts if host in away]
        now = found.get(store.name)
        if now is not None and mounted:
            found[store.name] = replace(now, hosts=tuple(dict.fromkeys((*now.hosts, *mounted))))
        elif mounted and len(mounted) == len(store.hosts):
            found[store.name] = store
    return tuple(found.values())


def _datastores(rows: Sequence[Answer], findings: Findings) -> tuple[Datastore, ...]:
    """Join the rows that each node gives of a shared storage; a local one bears its node's name."""
    found: dict[str, Datastore] = {}
    silent: dict[str, None] = {}  # a node that is offline tells no size, but another one may
    sized: set[str] = set()
    for row in rows:
        name = _text(row, "storage") or "storage"
        kind, shared, node = _storage_kind(row), _is_shared(row), _text(row, "node")
        total = _number(row, "total") or _number(row, "maxdisk") or 0
        used = _number(row, "used")
        used = (_number(row, "disk") or 0) if used is None else used
        if not total:
            silent[name] = None
            continue
        sized.add(name)
        full = _storage_name(row)
        before = found[full].hosts if full in found else ()
        found[full] = Datastore(
            name=full,
            capacity_mib=min(total // BYTES_PER_MIB, MIB_MAX),
            used_mib=min(mib_of(used), MIB_MAX),
            shared=shared,
            kind=kind,
            hosts=tuple(dict.fromkeys((*before, *((node,) if node else ())))),
        )
    for name in silent:
        if name not in sized:
            findings.warn(
                "The storage {name} tells no size (offline?); it was left out", sheet="datastores", name=name
            )
    return tuple(found.values())

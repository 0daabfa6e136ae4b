"""A server that answers as the API of Proxmox VE does: a small cluster, tasks that take time, and faults.

Written from the API's public description.  It speaks HTTPS with a certificate of its own, knows tokens and
their privileges, runs migrations as tasks, and can be slow, silent (595), broken or lose its answers.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from operations.drivers.addresses import networks_of
from operations.drivers.remote import Login

TOKEN, SECRET = "headroom@pve!reader", "0f9c1c1e-5f0a-4a5e-9b3b-6b7a6f1d2c3e"
AUDITOR = {"/": {"VM.Audit": 1, "Datastore.Audit": 1, "Sys.Audit": 1}}
ADMIN = {"/": {**AUDITOR["/"], "VM.Migrate": 1, "VM.PowerMgmt": 1, "Sys.Console": 1, "Sys.Modify": 1}}
GIB = 2**30
LOOPBACK = networks_of(["127.0.0.1/32"])


class Fault(Exception):
    """An answer that is an error: a status and, as Proxmox does, the words in the status line."""

    def __init__(self, status: int, said: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(said)
        self.status, self.said, self.errors = status, said, errors


@dataclass
class Guest:
    node: str
    name: str
    status: str = "running"
    kind: str = "qemu"
    maxcpu: int = 2
    maxmem: int = 4 * GIB
    config: dict[str, str] = field(default_factory=dict)
    lock: str = ""


@dataclass
class Task:
    upid: str
    node: str
    kind: str
    about: str
    began: float
    lasts_s: float
    fails: str = ""
    stopped: str = ""
    then: Callable[[], None] | None = None
    ended: float = 0.0


@dataclass
class Pve:
    """The cluster, and how the server misbehaves."""

    nodes: dict[str, bool] = field(default_factory=lambda: {"pve1": True, "pve2": True, "pve3": True})
    guests: dict[int, Guest] = field(default_factory=dict)
    ha: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    permissions: dict[str, dict[str, int]] = field(default_factory=lambda: dict(ADMIN))
    migration_s: float = 0.2
    ha_delay_s: float = 0.3
    delay_s: float = 0.0
    silent: set[str] = field(default_factory=set)  # nodes that the answering one cannot reach: 595
    maintenance: set[str] = field(default_factory=set)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    lose: str = ""  # a pattern of "METHOD path": done, and its answer lost
    busy: float = 1.0
    tells_cost: bool = True
    fail_migrations: str = ""
    only_here: set[str] = field(default_factory=set)  # storages that no other node has
    calls: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    release: str = "9.0.3"
    port: int = 0
    ca_file: Path = Path()

    def __post_init__(self) -> None:
        self.guard = threading.RLock()
        self._numbers = itertools.count(0x1000)

    def login(self, **given: Any) -> Login:
        usual = {"host": "127.0.0.1", "port": self.port, "username": TOKEN, "password": SECRET,
                 "ca_file": str(self.ca_file), "allowed": LOOPBACK}  # fmt: skip
        return Login(**{**usual, **given})

    def begin(self, node: str, kind: str, about: str, lasts_s: float, then: Callable[[], None] | None,
              fails: str = "") -> str:  # fmt: skip
        now = time.time()
        upid = f"UPID:{node}:{next(self._numbers):08X}:00ABCDEF:{int(now):08X}:{kind}:{about}:{TOKEN}:"
        self.tasks.append(Task(upid, node, kind, about, now, lasts_s, fails, then=then))
        return upid

    def turn(self) -> None:
        """Let time pass: tasks end, what they did has happened."""
        with self.guard:
            for task in list(self.tasks):
                if task.ended or not (task.stopped or time.time() >= task.began + task.lasts_s):
                    continue
                task.ended = time.time()
                guest = self.guests.get(int(task.about)) if task.about.isdecimal() else None
                if guest is not None and task.kind in ("qmigrate", "vzmigrate"):
                    guest.lock = ""
                if task.then and not task.fails and not task.stopped:
                    task.then()


# -- answers


def answer(  # noqa: C901  one line a route
    pve: Pve, method: str, path: list[str], query: dict[str, str]
) -> Any:
    pve.turn()
    match method, path:
        case "GET", ["version"]:
            return {"version": pve.release, "release": pve.release[:3], "repoid": "abc"}
        case "GET", ["access", "permissions"]:
            return pve.permissions
        case "GET", ["cluster", "status"]:
            return _status(pve)
        case "GET", ["cluster", "resources"]:
            return [row for row in _resources(pve) if _of_type(row, query.get("type"))]
        case "GET", ["cluster", "ha", "resources"]:
            _needs(pve, "Sys.Audit")
            return [{"sid": sid, "digest": "0", **row} for sid, row in pve.ha.items()]
        case "GET", ["cluster", "ha", "rules"]:
            if pve.release.startswith("8"):
                raise Fault(501, "Method 'GET /cluster/ha/rules' not implemented")
            return pve.rules
        case "POST", ["cluster", "ha", "resources"]:
            _needs(pve, "Sys.Console")
            if query["sid"] in pve.ha:
                raise Fault(500, f"resource ID '{query['sid']}' already defined")
            pve.ha[query["sid"]] = {"type": "vm", "state": query.get("state", "started")}
            return None
        case "DELETE", ["cluster", "ha", "resources", sid]:
            _needs(pve, "Sys.Console")
            if pve.ha.pop(sid, None) is None:
                raise Fault(500, f"service '{sid}' is not HA managed")
            return None
        case "GET", ["cluster", "tasks"]:
            return [_task_row(task) for task in reversed(pve.tasks)][:25]
        case _, ["nodes", node, *rest]:
            if node not in pve.nodes:
                raise Fault(500, f"hostname lookup '{node}' failed")
            if not pve.nodes[node] or node in pve.silent:
                raise Fault(595, "No route to host")
            return _of_node(pve, method, node, rest, query)
    raise Fault(501, f"Method '{method} /{'/'.join(path)}' not implemented")


def _needs(pve: Pve, privilege: str) -> None:
    if privilege not in pve.permissions.get("/", {}):
        raise Fault(403, f"Permission check failed (/, {privilege})")


def _of_type(row: dict[str, Any], wanted: str | None) -> bool:
    kind = "vm" if row["type"] in ("qemu", "lxc") else row["type"]
    return wanted is None or kind == wanted


def _status(pve: Pve) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "type": "cluster",
            "id": "cluster",
            "name": "lab",
            "nodes": len(pve.nodes),
            "quorate": 1,
            "version": 3,
        }
    ]
    for number, (name, online) in enumerate(pve.nodes.items(), 1):
        rows.append(
            {"type": "node", "id": f"node/{name}", "name": name, "nodeid": number, "online": int(online),
             "ip": f"10.0.0.{number}", "level": "", "local": int(number == 1)}
        )  # fmt: skip
    return rows


def _resources(pve: Pve) -> list[dict[str, Any]]:
    seen = any("VM.Audit" in rights for rights in pve.permissions.values())
    if not seen:
        return []
    rows: list[dict[str, Any]] = []
    for number, guest in pve.guests.items():
        row = {"id": f"{guest.kind}/{number}", "type": guest.kind, "vmid": number, "node": guest.node,
               "name": guest.name, "template": 0}  # fmt: skip
        if pve.nodes[guest.node]:
            row |= {"status": guest.status, "maxcpu": guest.maxcpu, "maxmem": guest.maxmem, "cpu": 0.1,
                    "mem": guest.maxmem // 4, "maxdisk": 32 * GIB, "disk": 0, "uptime": 100}  # fmt: skip
        else:
            row |= {"status": "unknown"}
        rows.append(row)
    for name, online in pve.nodes.items():
        row = {"id": f"node/{name}", "type": "node", "node": name, "level": ""}
        if online:
            row |= {"status": "online", "maxcpu": 16, "maxmem": 64 * GIB, "cpu": 0.25, "mem": 20 * GIB,
                    "maxdisk": 100 * GIB, "disk": 9 * GIB, "uptime": 1000}  # fmt: skip
        else:
            row |= {"status": "offline", "maxcpu": 0, "maxmem": 0, "cpu": 0, "mem": 0, "uptime": 0}
        row["hastate"] = "maintenance" if name in pve.maintenance else "online" if online else "unknown"
        rows.append(row)
        shared = {"storage": "ceph", "type": "storage", "plugintype": "rbd", "shared": 1, "node": name,
                  "id": f"storage/{name}/ceph", "content": "images", "status": "available"}  # fmt: skip
        if online:
            shared |= {"maxdisk": 1000 * GIB, "disk": 300 * GIB}
        rows.append(shared)
    return rows


def _of_node(pve: Pve, method: str, node: str, rest: list[str], query: dict[str, str]) -> Any:
    match method, rest:
        case "GET", ["status"]:
            cpu = {"cpus": 16, "cores": 8, "sockets": 2, "mhz": "2400.000", "model": "AMD EPYC 7402P"}
            return {"cpuinfo": cpu, "pveversion": f"pve-manager/{pve.release}/abc", "uptime": 1000}
        case "GET", ["storage"]:
            return [
                {"storage": "ceph", "type": "rbd", "shared": 1, "active": 1, "enabled": 1,
                 "total": 1000 * GIB, "used": 300 * GIB, "avail": 700 * GIB},
                {"storage": "local-lvm", "type": "lvmthin", "shared": 0, "active": 1, "enabled": 1,
                 "total": 200 * GIB, "used": 20 * GIB, "avail": 180 * GIB},
            ]  # fmt: skip
        case "GET", ["tasks"]:
            rows = [_task_row(task) for task in reversed(pve.tasks) if task.node == node]
            if query.get("vmid"):
                rows = [row for row in rows if row["id"] == query["vmid"]]
            return [row for row in rows if query.get("source") != "active" or "endtime" not in row]
        case "GET", ["tasks", upid, "status"]:
            task = _task(pve, upid)
            row = _task_row(task)
            found = {
                "upid": upid,
                "status": "stopped" if task.ended else "running",
                "starttime": row["starttime"],
            }
            return found | ({"exitstatus": row["status"]} if task.ended else {})
        case "GET", ["tasks", upid, "log"]:
            return _log(pve, _task(pve, upid))
        case "DELETE", ["tasks", upid]:
            _task(pve, upid).stopped = "unexpected status"
            pve.turn()
            return None
        case _, [("qemu" | "lxc") as kind, number, *deed]:
            guest = pve.guests.get(int(number))
            if guest is None or guest.node != node or guest.kind != kind:
                raise Fault(500, f"Configuration file 'nodes/{node}/{kind}/{number}.conf' does not exist")
            return _of_guest(pve, method, node, int(number), guest, deed, query)
    raise Fault(501, f"Method '{method} /nodes/{node}/{'/'.join(rest)}' not implemented")


def _of_guest(
    pve: Pve, method: str, node: str, number: int, guest: Guest, deed: list[str], query: dict[str, str]
) -> Any:
    sid = f"vm:{number}"
    match method, deed:
        case "GET", ["config"]:
            return {"name": guest.name, "cores": guest.maxcpu, **guest.config}
        case "GET", ["rrddata"]:
            more = pve.busy * (1.5 if query.get("cf") == "MAX" else 1.0)
            begin = int(time.time()) // 1800 * 1800 - 47 * 1800
            rows = [
                {"time": begin + 1800 * n, "maxcpu": guest.maxcpu, "maxmem": guest.maxmem,
                 "cpu": 0.01 * n * more, "mem": guest.maxmem // 4}
                for n in range(48)
            ]  # fmt: skip
            return rows[:4] + [{"time": row["time"]} for row in rows[4:8]] + rows[8:]
        case "GET", ["status", "current"]:
            lock = {"lock": guest.lock} if guest.lock else {}
            return {"status": guest.status, "vmid": number, "ha": {"managed": int(sid in pve.ha)}, **lock}
        case "GET", ["migrate"]:
            _needs(pve, "VM.Migrate")
            if pve.release.startswith("8") and guest.kind == "lxc":
                raise Fault(501, "not implemented")
            return _precondition(pve, guest, query.get("target", ""))
        case "POST", ["migrate"]:
            _needs(pve, "VM.Migrate")
            return _migrate(pve, node, number, guest, query)
        case "POST", ["status", ("start" | "stop") as verb]:
            _needs(pve, "VM.PowerMgmt")
            return _power(pve, node, number, guest, verb)
    raise Fault(501, "not implemented")


def _precondition(pve: Pve, guest: Guest, target: str) -> dict[str, Any]:
    texts = list(guest.config.values())
    missing = [store for store in pve.only_here if any(text.startswith(store) for text in texts)]
    return {
        "running": int(guest.status == "running"),
        "local_disks": [{"volid": text.split(",")[0]} for text in texts if text.startswith("local")],
        "local_resources": [text for key, text in guest.config.items() if key.startswith("hostpci")],
        "not_allowed_nodes": {target: {"unavailable_storages": missing}} if missing else {},
        "allowed_nodes": [name for name in pve.nodes if name != guest.node],
    }


def _migrate(pve: Pve, node: str, number: int, guest: Guest, query: dict[str, str]) -> str:
    target = query.get("target", "")
    if target not in pve.nodes or target == node:
        raise Fault(400, "Parameter verification failed.", {"target": "target is local node."})
    if guest.lock:
        raise Fault(500, f"VM is locked ({guest.lock})")
    if guest.status == "running" and guest.kind == "qemu" and query.get("online") != "1":
        raise Fault(500, "can't migrate running VM without --online")
    pve.calls.append(f"migrate {number} {target}")

    def moved() -> None:
        guest.node = target

    def really() -> None:
        guest.lock = "migrate"
        pve.begin(node, "qmigrate", str(number), pve.migration_s, moved, pve.fail_migrations)

    if f"vm:{number}" in pve.ha:

        def later() -> None:
            with pve.guard:
                really()

        threading.Timer(pve.ha_delay_s, later).start()
        return pve.begin(node, "hamigrate", str(number), 0.0, None)
    guest.lock = "migrate"
    kind = "vzmigrate" if guest.kind == "lxc" else "qmigrate"
    return pve.begin(node, kind, str(number), pve.migration_s, moved, pve.fail_migrations)


def _power(pve: Pve, node: str, number: int, guest: Guest, verb: str) -> str:
    if verb == "start" and guest.status == "running":
        raise Fault(500, f"VM {number} already running")
    pve.calls.append(f"{verb} {number}")

    def done() -> None:
        guest.status = "running" if verb == "start" else "stopped"

    kind = ("qm" if guest.kind == "qemu" else "vz") + verb
    return pve.begin(node, kind, str(number), pve.migration_s, done)


def _task(pve: Pve, upid: str) -> Task:
    found = next((task for task in pve.tasks if task.upid == upid), None)
    if found is None:
        raise Fault(400, "Parameter verification failed.", {"upid": "no such task"})
    return found


def _log(pve: Pve, task: Task) -> list[dict[str, Any]]:
    """What QemuMigrate.pm writes; a task of anything else says that it is OK."""
    lines = ["TASK OK"]
    guest = pve.guests.get(int(task.about)) if task.about.isdecimal() else None
    if task.kind == "qmigrate" and task.ended and guest is not None and pve.tells_cost:
        lines = [
            "2026-01-01 00:00:01 start migrate command to unix:/run/qemu-server/100.migrate",
            "2026-01-01 00:00:02 migration active, transferred 1.0 GiB of 2.0 GiB VM-state, 1.0 GiB/s",
            "2026-01-01 00:00:03 average migration speed: 806.6 MiB/s - downtime 59 ms",
            "2026-01-01 00:00:03 migration completed, transferred 1.5 GiB VM-state",
            *lines,
        ]
    return [{"n": number, "t": line} for number, line in enumerate(lines, start=1)]


def _task_row(task: Task) -> dict[str, Any]:
    row = {"upid": task.upid, "node": task.node, "type": task.kind, "id": task.about, "user": TOKEN,
           "starttime": int(task.began)}  # fmt: skip
    if task.ended:
        row |= {"endtime": int(task.ended), "status": task.fails or task.stopped or "OK"}
    return row


# -- HTTP


def _handler(pve: Pve) -> type[BaseHTTPRequestHandler]:  # noqa: C901
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            asked = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            text = asked.query if self.command == "GET" else self.rfile.read(length).decode()
            query = {key: values[0] for key, values in parse_qs(text).items()}
            line = f"{self.command} {asked.path.removeprefix('/api2/json/')}"
            pve.asked.append(line)
            if pve.delay_s:
                time.sleep(pve.delay_s)
            try:
                self._allowed()
                for number, (pattern, fault) in enumerate(pve.faults):
                    if re.search(pattern, line):
                        del pve.faults[number]
                        raise fault
                path = [unquote(part) for part in asked.path.removeprefix("/api2/json/").split("/")]
                with pve.guard:
                    found = answer(pve, self.command, path, query)
                if pve.lose and re.search(pve.lose, line):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self._send(200, "OK", {"data": found})
            except Fault as fault:
                told = {"data": None} | ({"errors": fault.errors} if fault.errors else {})
                self._send(fault.status, fault.said, told)

        do_GET = do_POST = do_DELETE = do_PUT = _answer

        def _allowed(self) -> None:
            if self.headers.get("Authorization") != f"PVEAPIToken={TOKEN}={SECRET}":
                raise Fault(401, "invalid token value!")

        def _send(self, status: int, said: str, told: dict[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response_only(status, said)
            if status == 302:
                self.send_header("Location", "https://127.0.0.1:1/api2/json/version")
            self.send_header("Content-Type", "application/json;charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    return Handler


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pve test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "pve.pem", folder / "pve.key"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


@contextmanager
def serving(folder: Path, pve: Pve | None = None) -> Iterator[Pve]:
    """Serve a cluster; it ends with the block."""
    pve = pve or Pve(guests=usual_guests())
    cert_file, key_file = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(pve))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up is part of the tests
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    pve.port, pve.ca_file = server.server_address[1], cert_file
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield pve
    finally:
        server.shutdown()
        server.server_close()


def usual_guests() -> dict[int, Guest]:
    disks = {"scsi0": "ceph:vm-100-disk-0,size=32G", "ide2": "none,media=cdrom",
             "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=20"}  # fmt: skip
    return {
        100: Guest("pve1", "db", config=disks),
        101: Guest(
            "pve1", "web", config={"scsi0": "local-lvm:vm-101-disk-0,size=8G", "net0": "virtio,bridge=vmbr0"}
        ),
        102: Guest("pve2", "files", kind="lxc", config={"rootfs": "ceph:vm-102-disk-0,size=8G"}),
        103: Guest("pve3", "mail", status="stopped"),
        104: Guest("pve3", "shop"),
    }

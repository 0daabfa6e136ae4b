"""A small estate written by hand, one thing a line: the `estate` file of a scenario.

    host esx1 esx2 esx3  cores=16 memory=64G nic=10000
    datastore san        size=2000G used=500G
    vm db1 db2           on=esx1 vcpus=4 memory=8G datastore=san priority=high
    rule spread db1 db2
    paths esx1 san       fabric-a fabric-b

Names come first, then what they share.  Sizes are MiB, or with G or T behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

import msgspec
from msgspec import structs

from operations.written import Line, ScenarioError, lines_of
from planner.estate import (
    VM,
    Cluster,
    Datastore,
    Estate,
    EstateError,
    Host,
    Nic,
    Path,
    PortGroup,
    Priority,
    Psu,
    Rule,
    RuleKind,
)

UPLINKS_MAX: Final = 64
_MIB: Final = {"M": 1, "G": 1024, "T": 1024 * 1024}
_HOST_KEYS: Final = frozenset(
    {
        "cores",
        "sockets",
        "mhz",
        "memory",
        "nic",
        "cluster",
        "rack",
        "site",
        "cpu",
        "evc",
        "maintenance",
        "feeds",
        "uplinks",
    }
)
_VM_KEYS: Final = frozenset(
    {
        "on", "vcpus", "memory", "disk", "datastore", "network", "priority", "ft", "power", "mhz", "demand",
        "cluster", "os",
    }
)  # fmt: skip


def parse_sketch(text: str, file: str = "estate") -> Estate:
    """Read a sketched estate.

    Raises:
        ScenarioError: with file, line and word.

    >>> parse_sketch("host a b cores=8 memory=32G").hosts[1].memory_mib
    32768
    """
    rows: dict[str, list[object]] = {}
    last: Line | None = None
    for line in lines_of(text, file):
        reader = _READERS.get(line.words[0])
        if reader is None:
            raise line.error(line.words[0], f"a line begins with one of {', '.join(_READERS)}")
        for kind, row in reader(line):
            rows.setdefault(kind, []).append(row)
        last = line
    try:
        made = Estate(**{kind: tuple(found) for kind, found in rows.items()})  # type: ignore[arg-type]
        return _with_clusters(made).sorted()
    except EstateError as error:
        raise ScenarioError(file, last.number if last else 0, "estate", str(error)) from error


def parse_document(data: bytes, file: str) -> Estate:
    """Read an estate document (`headroom-estate/1`)."""
    try:
        return msgspec.json.decode(data, type=Estate).sorted()
    except (msgspec.DecodeError, EstateError) as error:
        raise ScenarioError(file, 0, "estate", str(error)) from error


def _with_clusters(estate: Estate) -> Estate:
    names = sorted({host.cluster for host in estate.hosts if host.cluster is not None})
    return structs.replace(estate, clusters=tuple(Cluster(name=name) for name in names))


def _split(line: Line, keys: frozenset[str], first: int = 1) -> tuple[list[str], dict[str, str]]:
    """Divide a line into names and key=value words."""
    names: list[str] = []
    values: dict[str, str] = {}
    for word in line.words[first:]:
        key, equals, value = word.partition("=")
        if not equals:
            names.append(word)
        elif key not in keys:
            raise line.error(word, f"knows only {', '.join(sorted(keys))}")
        elif not value:
            raise line.error(word, "has no value")
        else:
            values[key] = value
    if not names:
        raise line.error(line.words[0], "names nothing")
    return names, values


def _mib(line: Line, word: str) -> int:
    scale = _MIB.get(word[-1:].upper(), 0)
    return round(line.number_of(word[:-1] if scale else word) * (scale or 1))


def _count(line: Line, word: str) -> int:
    return round(line.number_of(word, least=0, most=1_000_000))


_Rows = list[tuple[str, object]]


def _hosts(line: Line) -> _Rows:
    names, values = _split(line, _HOST_KEYS)
    feeds = values["feeds"].split(",") if "feeds" in values else []
    shared = Host(
        name="?",
        sockets=_count(line, values.get("sockets", "2")),
        cores=_count(line, values.get("cores", "16")),
        cpu_mhz=line.number_of(values.get("mhz", "2000")),
        memory_mib=_mib(line, values.get("memory", "64G")),
        cluster=values.get("cluster"),
        rack=values.get("rack"),
        site=values.get("site"),
        cpu_model=values.get("cpu"),
        evc=values.get("evc"),
        maintenance=values.get("maintenance") == "yes",
        nics=_nics(line, values),
        psus=tuple(Psu(device=f"psu{number}", feed=feed) for number, feed in enumerate(feeds, start=1)),
    )
    return [("hosts", structs.replace(shared, name=name)) for name in names]


def _nics(line: Line, values: dict[str, str]) -> tuple[Nic, ...]:
    """One NIC of a speed, or so many of them on one virtual switch."""
    speed = _count(line, values["nic"]) if "nic" in values else None
    if "uplinks" not in values:
        return () if speed is None else (Nic(device="nic0", speed_mbit=speed),)
    uplinks = range(min(_count(line, values["uplinks"]), UPLINKS_MAX))
    return tuple(Nic(device=f"nic{number}", speed_mbit=speed, switch="vSwitch0") for number in uplinks)


def _datastores(line: Line) -> _Rows:
    names, values = _split(line, frozenset({"size", "used", "hosts", "shared"}))
    return [
        (
            "datastores",
            Datastore(
                name=name,
                capacity_mib=_mib(line, values.get("size", "1T")),
                used_mib=_mib(line, values.get("used", "0")),
                shared=values.get("shared") != "no",
                hosts=tuple(values["hosts"].split(",")) if "hosts" in values else (),
            ),
        )
        for name in names
    ]


def _networks(line: Line) -> _Rows:
    names, values = _split(line, frozenset({"hosts"}))
    hosts = tuple(values["hosts"].split(",")) if "hosts" in values else ()
    return [("port_groups", PortGroup(name=name, hosts=hosts)) for name in names]


def _vms(line: Line) -> _Rows:
    names, values = _split(line, _VM_KEYS)
    row = VM(
        name="?",
        host=values.get("on"),
        power="off" if values.get("power") == "off" else "on",
        vcpus=_count(line, values.get("vcpus", "2")),
        memory_mib=_mib(line, values.get("memory", "4G")),
        disk_mib=_mib(line, values.get("disk", "40G")),
        datastores=tuple(values["datastore"].split(",")) if "datastore" in values else (),
        networks=tuple(values["network"].split(",")) if "network" in values else (),
        restart_priority=_priority(line, values.get("priority", "medium")),
        cpu_demand_mhz=line.number_of(values["mhz"]) if "mhz" in values else None,
        memory_demand_mib=_mib(line, values["demand"]) if "demand" in values else None,
        cluster=values.get("cluster"),
        guest_os=values.get("os"),
        ft="primary" if "ft" in values else "none",
    )
    rows: _Rows = []
    for name in names:
        rows.append(("vms", structs.replace(row, name=name)))
        if values.get("ft", "yes") != "yes":
            second = structs.replace(row, name=f"{name} (secondary)", host=values["ft"], ft="secondary")
            rows.append(("vms", second))
    return rows


def _priority(line: Line, word: str) -> Priority:
    for known in get_args(Priority):
        if word == known:
            return known  # type: ignore[no-any-return]
    raise line.error(word, f"is none of {', '.join(get_args(Priority))}")


def _rules(line: Line) -> _Rows:
    kind = line.known(line.word(1, "a kind of rule"), get_args(RuleKind), "kind of rule")
    names, values = _split(line, frozenset({"hosts", "name"}), first=2)
    hosts = tuple(values["hosts"].split(",")) if "hosts" in values else ()
    if kind not in ("spread", "gather") and not hosts:
        raise line.error(kind, "needs hosts=...")
    rule = msgspec.convert(
        {"kind": kind, "vms": names, "hosts": hosts, "name": values.get("name", "")}, type=Rule
    )
    return [("rules", rule)]


def _paths(line: Line) -> _Rows:
    host, datastore = line.word(1, "a host"), line.word(2, "a datastore")
    line.word(3, "the name of a path")
    return [
        ("paths", Path(host=host, lun=datastore, name=name, datastore=datastore, state="active"))
        for name in line.words[3:]
    ]


_READERS: Final[dict[str, Callable[[Line], _Rows]]] = {
    "host": _hosts,
    "datastore": _datastores,
    "network": _networks,
    "vm": _vms,
    "rule": _rules,
    "paths": _paths,
}

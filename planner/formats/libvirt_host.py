"""A host's hardware as libvirt tells it: capabilities, the node XML of its test driver, node devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from planner.estate import Hba, Host
from planner.formats.amount import BYTES_PER_MIB, factor_of, whole
from planner.formats.findings import Findings
from planner.formats.text import shortened
from planner.formats.xml_text import Element
from planner.quality import FormatError
from planner.sentence import Sentence

HZ_PER_MHZ: Final = 10**6
KIB: Final = 1024
CORES_MAX: Final = 100_000  # planner.estate.Host
MEMORY_MIB_MAX: Final = 10**12


def size_of(element: Element, default: int, attribute: str = "unit") -> int:
    """Give the bytes of an element such as `<memory unit='KiB'>8388608</memory>`.

    Raises:
        FormatError: no whole number, or a unit nobody knows.
    """
    amount = whole(element.text)
    unit = element.attributes.get(attribute)
    factor = default if unit is None else factor_of(unit)
    if amount is None or factor is None:
        raise FormatError(
            Sentence(
                "{what} is no size: {found}",
                {"what": element.name, "found": shortened(f"{element.text} {unit or ''}".strip(), 60)},
            ),
            row=element.line,
        )
    return amount * factor


def number_of(element: Element, name: str) -> int | None:
    """Give the whole number of a child; None where it has none."""
    return whole(element.word(name) or "")


def host_of_node(stem: str, root: Element, findings: Findings) -> Host | None:
    """Read the node XML: NUMA nodes, sockets a node, cores a socket, threads a core, as `virNodeInfo`.

    Where more CPUs follow from these than are active, the active ones count.
    """
    cpu = root.one("cpu")
    memory = root.one("memory")
    if cpu is None or memory is None:
        findings.warn("{file} tells no CPU or no memory; its host was left out", sheet=stem, file=stem)
        return None
    nodes, sockets, cores = (number_of(cpu, name) or 1 for name in ("nodes", "sockets", "cores"))
    threads = number_of(cpu, "threads") or 1
    active = number_of(cpu, "active")
    total = nodes * sockets * cores
    if active is not None and active < total * threads:
        findings.warn("{file}: fewer CPUs are active than its sockets and cores make", sheet=stem, file=stem)
        total = max(1, active // threads)
    hardware = root.one("device", "capability", "hardware")
    return _host(
        stem,
        sockets=min(nodes * sockets, total),
        cores=total,
        mhz=float(number_of(cpu, "mhz") or 0),
        memory=size_of(memory, KIB),
        findings=findings,
        vendor=hardware.word("vendor") if hardware else None,
        cpu_model=cpu.word("model"),
    )


def host_of_capabilities(stem: str, root: Element, findings: Findings) -> Host | None:
    """Read `virsh capabilities`: the cells say memory and which thread is on which core of which socket."""
    host = root.one("host")
    cells = host.one("topology", "cells") if host else None
    memory = [
        size_of(found, KIB) for cell in (cells.all("cell") if cells else ()) for found in cell.all("memory")
    ]
    if host is None or cells is None or not sum(memory):
        findings.warn("{file} tells no memory; its host was left out", sheet=stem, file=stem)
        return None
    threads = [
        cpu.attributes for cell in cells.all("cell") for cpus in cell.all("cpus") for cpu in cpus.all("cpu")
    ]
    sockets = {thread["socket_id"] for thread in threads if "socket_id" in thread}
    cores = {
        (thread["socket_id"], thread.get("die_id"), thread.get("cluster_id"), thread["core_id"])
        for thread in threads
        if {"socket_id", "core_id"} <= thread.keys()
    }
    if not cores:
        findings.warn(
            "{file} does not tell cores from threads; each CPU counts as a core", sheet=stem, file=stem
        )
    return _host(
        stem,
        sockets=len(sockets) or 1,
        cores=len(cores) or max(1, len(threads)),
        mhz=_counter_mhz(host),
        memory=sum(memory),
        findings=findings,
        vendor=host.word("cpu", "vendor"),
        cpu_model=host.word("cpu", "model"),
    )


def _counter_mhz(host: Element) -> float:
    """Give the rate of the time stamp counter, which turns at the nominal speed; 0: nobody told."""
    counter = host.one("cpu", "counter")
    hertz = whole(counter.attributes.get("frequency", "")) if counter else None
    return (hertz or 0) / HZ_PER_MHZ


def _host(
    name: str,
    *,
    sockets: int,
    cores: int,
    mhz: float,
    memory: int,
    findings: Findings,
    vendor: str | None,
    cpu_model: str | None,
) -> Host | None:
    mib = memory // BYTES_PER_MIB
    if not (1 <= cores <= CORES_MAX and 1 <= mib <= MEMORY_MIB_MAX and sockets <= 1024):
        findings.warn(
            "{file}: its CPUs or memory make no sense; its host was left out", sheet=name, file=name
        )
        return None
    if not mhz:
        findings.warn(
            "{file} tells no CPU speed; CPU reservations are not judged on it", sheet=name, file=name
        )
    return Host(
        name=shortened(name),
        sockets=max(1, sockets),
        cores=cores,
        cpu_mhz=min(mhz, 10.0**9),
        memory_mib=mib,
        vendor=vendor,
        cpu_model=cpu_model,
    )


def hbas_of(devices: Sequence[Element]) -> tuple[Hba, ...]:
    """Find the Fibre Channel ports among node devices, each with the fabric it is logged in to."""
    found = []
    for device in devices:
        for capability in device.all("capability"):
            for port in capability.all("capability"):
                name, wwn = device.word("name"), port.word("wwpn")
                if port.attributes.get("type") == "fc_host" and name:
                    found.append(
                        Hba(
                            device=shortened(name),
                            kind="Fibre Channel",
                            wwn=wwn,
                            fabric=port.word("fabric_wwn"),
                        )
                    )
    return tuple(found)

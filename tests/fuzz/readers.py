"""Each reader with small sound files to begin from: what it may raise, and nothing else."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from operations.scenario import read_scenario
from operations.script import parse_script
from operations.written import ScenarioError
from planner.cost.book import BookError
from planner.cost.book_csv import read_book, write_book
from planner.cost.public import public_book
from planner.forecast.trace import parse as read_trace
from planner.formats.reader import read
from planner.quality import FormatError
from tests.invented import Shape, tables
from tests.workbooks import csv_set, workbook, zipped

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared" / "data"
SEED_BYTES_MAX = 40_000  # a large seed costs more time than it finds
SHEETS = ("vInfo", "vDisk", "vHost", "vDatastore", "vMultiPath", "vNetwork")
DOCUMENT = (
    b'{"format":"headroom-estate/1","clusters":[{"name":"c"}],"hosts":[{"name":"h","cluster":"c","sockets":2,'
    b'"cores":16,"cpu_mhz":2600,"memory_mib":65536}],"vms":[{"name":"a","power":"on","vcpus":1,"memory_mib":1,'
    b'"disk_mib":1,"cluster":"c","host":"h"}]}'
)
BOOK = b"key,low,currency,source\nserver,9000,EUR,quote 17\n"
TRACE = (
    b"date,name,resource,value,capacity,unit\n"
    b"2026-03-01,c,memory,1,8,GiB\n2026-03-02T10:00,c,memory,2,8,GiB\n"
)
BITBRAINS = (
    b"Timestamp [ms];CPU usage [MHZ];CPU capacity provisioned [MHZ];Memory usage [KB];"
    b"Memory capacity provisioned [KB]\n"
    b"1376314846;99.1;11704;1000;67108864\n1376315146;80;11704;1000;67108864\n"
)
OVF = (
    b'<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"><DiskSection>'
    b'<Disk diskId="d" capacity="1" capacityAllocationUnits="byte * 2^30"/></DiskSection>'
    b'<VirtualSystem id="v"><Name>v</Name><VirtualHardwareSection>'
    b"<Item><ResourceType>3</ResourceType><VirtualQuantity>2</VirtualQuantity></Item>"
    b"<Item><ResourceType>4</ResourceType><VirtualQuantity>512</VirtualQuantity></Item>"
    b"<Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>"
    b"</VirtualHardwareSection></VirtualSystem></Envelope>"
)
DOMAIN = (
    b"<domain type='kvm'><name>d</name><memory unit='KiB'>1048576</memory><vcpu>2</vcpu>"
    b"<devices><disk type='file'><source file='/a'/><target dev='vda'/></disk></devices></domain>"
)
PROXMOX = (
    b'{"data":[{"type":"node","node":"n","status":"online","maxcpu":8,"maxmem":68719476736},'
    b'{"type":"qemu","vmid":100,"name":"v","node":"n","status":"running","maxcpu":2,"maxmem":2147483648}]}'
)


@dataclass(frozen=True)
class Reader:
    """One way into Headroom: the call, what it may refuse with, and sound files."""

    name: str
    call: Callable[[bytes], object]
    refuses: type[Exception] | tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]


def readers() -> list[Reader]:
    """Every reader of files and of texts that people send."""
    estate = read_scenario(ROOT / "scenarios" / "host-failure").estate
    invented = tables(Shape(vms=3, hosts=2), SHEETS)
    sheets = csv_set(tables(Shape(vms=3), ("vInfo", "vHost")))

    def estate_file(data: bytes) -> object:
        return read(data, "x")

    def vinfo(data: bytes) -> object:
        return read(data, "RVTools_tabvInfo.csv")

    def script(data: bytes) -> object:
        return parse_script(data.decode("utf-8", "replace"), estate)

    def book(data: bytes) -> object:
        return read_book(data, "book.csv")

    def trace(data: bytes) -> object:
        return read_trace(data, "trace.csv")

    return [
        Reader("workbook", estate_file, FormatError, (workbook(invented),)),
        Reader("CSV", vinfo, FormatError, (*sheets.values(), csv_set(invented, ";")["RVTools_tabvInfo.csv"])),
        Reader("zip of CSV", estate_file, FormatError, (zipped(sheets),)),
        Reader("estate document", estate_file, FormatError, (DOCUMENT, *_files(ROOT / "scenarios" / "demo"))),
        Reader("OVF", estate_file, FormatError, (OVF, *_shared("ovf/good"), *_shared("ovf/broken"))),
        Reader("OVA", estate_file, FormatError, (_ova(),)),
        Reader("libvirt", estate_file, FormatError, (DOMAIN, *_shared("libvirt"))),
        Reader("Proxmox", estate_file, FormatError, (PROXMOX, *_shared("proxmox"))),
        Reader("script", script, ScenarioError, _scripts()),
        Reader("price book", book, BookError, (BOOK, write_book(public_book()))),
        Reader("trace", trace, FormatError, (TRACE, BITBRAINS)),
    ]


def _shared(folder: str) -> tuple[bytes, ...]:
    """Files of others, where they are at hand; the seeds above stand without them."""
    return _files(SHARED / folder)


def _files(folder: Path) -> tuple[bytes, ...]:
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    contents = (file.read_bytes() for file in files if file.is_file())
    return tuple(content for content in contents if 0 < len(content) <= SEED_BYTES_MAX)


def _scripts() -> tuple[bytes, ...]:
    return tuple(file.read_bytes() for file in sorted((ROOT / "scenarios").glob("*/script")))


def _ova() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in (("a.ovf", OVF), ("a.vmdk", bytes(600))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    """The parts of a sound zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as sound:
        return {name: sound.read(name) for name in sound.namelist()}

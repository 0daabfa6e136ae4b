"""More than sixty hostile files, read one after the other; prints what came of them as one line of JSON.

python -m tests.planner.formats.hostile
"""

from __future__ import annotations

import io
import json
import os
import resource
import tarfile
import time

from planner.formats.reader import read
from planner.quality import FormatError
from tests.fuzz.readers import DOCUMENT, DOMAIN, OVF, PROXMOX
from tests.planner.formats.test_refusals import cell, handmade
from tests.workbooks import small, vm, workbook, zipped


def tar(*members: tuple[str, bytes, int, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, size, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, size, link
            if kind == tarfile.REGTYPE:
                archive.addfile(info, io.BytesIO(OVF[:size].ljust(size)))
            else:
                archive.addfile(info)
    return out.getvalue()


def xml(prologue: bytes) -> bytes:
    return prologue + OVF


R, L, H, C = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
laughs = "".join(f'<!ENTITY l{n} "{"&l%d;" % (n - 1) * 10}">' for n in range(1, 10))  # noqa: UP031
files = {
    "laughs": xml(f'<!DOCTYPE e [<!ENTITY l0 "ha">{laughs}]>'.encode()),
    "quadratic": xml(b'<!DOCTYPE e [<!ENTITY a "' + b"a" * 50000 + b'">]>') + b"&a;" * 5000,
    "xxe file": xml(b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "xxe http": xml(b'<!DOCTYPE e [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>'),
    "parameter entity": xml(b'<!DOCTYPE e [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>'),
    "external DTD": xml(b'<!DOCTYPE e SYSTEM "file:///etc/passwd">'),
    "xinclude": OVF.replace(
        b"<DiskSection>",
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/><DiskSection>',
    ),
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE e+AD4-' + OVF,
    "UTF-32": OVF.decode().encode("utf-32"),
    "deep": b"<Envelope>" + b"<a>" * 100000 + b"</a>" * 100000 + b"</Envelope>",
    "wide": OVF.replace(b"<Item>", b"<Item " + b" ".join(b'a%d="1"' % n for n in range(20000)) + b">", 1),
    "unclosed": OVF[:-20],
    "long name": OVF.replace(b"<Name>v", b"<Name>" + b"v" * 10**6),
    "NUL": OVF.replace(b"<Name>v", b"<Name>\0"),
    "huge disk": OVF.replace(b'capacity="1"', b'capacity="9' + b"9" * 40 + b'"'),
    "negative disk": OVF.replace(b'capacity="1"', b'capacity="-1"'),
    "units bomb": OVF.replace(b"2^30", b"2^999999999"),
    "no VM": b'<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"/>',
    "tar parent": tar(("../../evil.ovf", R, 600, "")),
    "tar absolute": tar(("/tmp/evil.ovf", R, 600, "")),
    "tar symlink": tar(("a.ovf", L, 0, "/etc/passwd")),
    "tar hardlink": tar(("a.ovf", H, 0, "/etc/passwd")),
    "tar device": tar(("a.ovf", C, 0, "")),
    "tar link over": tar(("x", L, 0, "/tmp"), ("x/a.ovf", R, 600, "")),
    "tar many": tar(*((f"f{n}.vmdk", R, 0, "") for n in range(20000))),
    "tar two descriptors": tar(("a.ovf", R, 600, ""), ("b.ovf", R, 600, "")),
    "tar cut": tar(("a.ovf", R, 600, ""))[:700],
    "tar large descriptor": tar(("a.ovf", R, 20_000_000, "")),
    "zip bomb": zipped({"xl/workbook.xml": bytes(100 * 2**20)}),
    "zip many": zipped({f"p{n}": b"" for n in range(5000)}),
    "zip parent": zipped({"../../RVTools_tabvInfo.csv": b"VM\nx\n", "vInfo.csv": b"VM\nx\n"}),
    "zip cut": workbook(small(vInfo=[vm()]))[:900],
    "zip of zip": zipped({"a.xlsx": workbook(small(vInfo=[vm()]))}),
    "far cells": handmade(cell("A1") + cell("XFD1048576")),
    "sheet deep": handmade("<row>" * 50000),
    "sheet entity": handmade('<row r="1"><c r="A1"><v>&x;</v></c></row>'),
    "sheet DTD": handmade("", head='<!DOCTYPE a [<!ENTITY b "c">]><worksheet>'),
    "workbook only vInfo empty": workbook({"vInfo": ((), [])}),
    "OLE": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096),
    "xlsb": zipped({"xl/workbook.bin": b"x"}),
    "pdf": b"%PDF-1.7\n",
    "gzip": b"\x1f\x8b" + bytes(50),
    "elf": b"\x7fELF" + bytes(50),
    "empty": b"",
    "nul": bytes(5000),
    "json deep": b"[" * 200000,
    "json deep object": b'{"a":' * 100000,
    "json NaN": DOCUMENT.replace(b'"vcpus":1', b'"vcpus":NaN'),
    "json infinity": DOCUMENT.replace(b'"memory_mib":1,', b'"memory_mib":1e999,'),
    "json huge": DOCUMENT.replace(b'"vcpus":1', b'"vcpus":' + b"9" * 5000),
    "json twice": DOCUMENT.replace(b'"name":"a"', b'"name":"a","name":"b"'),
    "json same VM": DOCUMENT.replace(
        b'"vms":[{', b'"vms":[{"name":"a","power":"on","vcpus":1,"memory_mib":1,"disk_mib":1},{'
    ),
    "json surrogate": DOCUMENT.replace(b'"a"', b'"\\ud800"'),
    "json bytes": DOCUMENT.replace(b'"a"', b'"\xff\xfe"'),
    "json not ours": b'{"hello": [1, 2, 3]}',
    "proxmox nonsense": PROXMOX.replace(b'"maxcpu":8', b'"maxcpu":"many"'),
    "proxmox negative": PROXMOX.replace(b'"maxmem":68719476736', b'"maxmem":-1'),
    "domain units": DOMAIN.replace(b"'KiB'", b"'parsecs'"),
    "domain laughs": b'<!DOCTYPE d [<!ENTITY a "b">]>' + DOMAIN,
    "csv NUL": b"VM,CPUs,Memory\na\0,1,1\n",
    "csv quote": b'VM,CPUs,Memory\n"a,1,1\n' * 2000,
    "csv wide": b"VM," * 100000 + b"\n",
    "csv of strangers": b"VM,CPUs,Memory,Powerstate,"
    + b",".join(b"column%d" % n for n in range(16000))
    + b"\na,1,1024,poweredOn\n",
    "csv wider": b"VM,CPUs,Memory,Powerstate,"
    + b",".join(b"c%d" % n for n in range(100000))
    + b"\na,1,1024,poweredOn\n",
    "csv long cell": b"VM,CPUs,Memory,Powerstate\n" + b"v" * 5_000_000 + b",1,1,poweredOn\n",
    "csv numbers": b"VM;CPUs;Memory;Powerstate\na;1e400;NaN;poweredOn\nb;-5;1.234,5;poweredOn\n",
    "csv bidi": "VM,CPUs,Memory,Powerstate\n\u202etxt.exe,1,1024,poweredOn\n".encode(),
    "csv formula": b"VM,CPUs,Memory,Powerstate\n=cmd|'/c calc'!A1,1,1024,poweredOn\n",
    "csv latin": "VM,CPUs,Memory,Powerstate\né,1,1024,poweredOn\n".encode("latin-1"),
    "csv UTF-16 cut": "VM,CPUs,Memory\na,1,1\n".encode("utf-16")[:-1],
}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30,) * 2)
    started_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told, slowest = {"read": 0, "refused": 0}, (0.0, "")
    for name, data in files.items():
        at = time.process_time()
        try:
            read(data, "x")
            told["read"] += 1
        except FormatError as refusal:
            assert str(refusal), name  # noqa: PT017
            assert "\n" not in str(refusal), name  # noqa: PT017
            told["refused"] += 1
        slowest = max(slowest, (time.process_time() - at, name))
    print(
        json.dumps(
            {
                "files": len(files),
                **told,
                "slowest_s": slowest[0],
                "slowest": slowest[1],
                "more_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - started_mib,
                "evil": [
                    p
                    for p in ("evil.ovf", "/tmp/evil.ovf", "../evil.ovf", "../../evil.ovf")
                    if os.path.exists(p)  # noqa: PTH110
                ],
            }
        )
    )


if __name__ == "__main__":
    main()

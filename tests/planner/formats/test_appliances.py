"""OVF and OVA: what they ask for, and that no hostile one gets further than one line of refusal."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import time
from pathlib import Path

import pytest

from planner.formats.findings import Findings
from planner.formats.ova import descriptor_of
from planner.formats.ovf import read_ovf
from planner.formats.reader import read
from planner.quality import FormatError
from tests.planner.small import SHARED

GOOD, BROKEN = SHARED / "ovf" / "good", SHARED / "ovf" / "broken"
needs_files = pytest.mark.skipif(not GOOD.exists(), reason=f"{GOOD} is not there")

DISK = "<Item><ResourceType>17</ResourceType><HostResource>ovf:/disk/d</HostResource></Item>"
ITEM = "<Item><ResourceType>{kind}</ResourceType><VirtualQuantity>{amount}</VirtualQuantity>{more}</Item>"


def item(kind: int, amount: object, more: str = "") -> str:
    return ITEM.format(kind=kind, amount=amount, more=more)


def descriptor(*items: str, disks: str = "", extra: str = "", systems: int = 1) -> bytes:
    system = "".join(
        f'<VirtualSystem id="vm{n}"><Name>vm{n}</Name>'
        f"<VirtualHardwareSection>{''.join(items)}</VirtualHardwareSection></VirtualSystem>"
        for n in range(systems)
    )
    return (
        '<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1">'
        f"<DiskSection>{disks}</DiskSection>{extra}"
        f"<VirtualSystemCollection>{system}</VirtualSystemCollection></Envelope>"
    ).encode()


def ova(*parts: tuple[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in parts:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        read(data, "appliance.ova")
    text = str(caught.value)
    assert "\n" not in text
    return text


# -- the files of others


@needs_files
def test_thirty_descriptors_of_many_products_are_read() -> None:
    found = {path.name: read(path).estate for path in sorted(GOOD.iterdir())}
    assert len(found) == 30
    crm = {vm.name: vm for vm in found["15-nvapp00n.ovf"].vms}
    assert sorted(crm) == ["Database Server", "SugarmCRM Server"]
    xp = found["04-Final XP Template.ovf"].vms[0]
    assert (xp.vcpus, xp.memory_mib, xp.disk_mib, xp.networks) == (2, 512, 2000, ("DirectOvDC",))
    twelve = found["05-nvapp-disks-12.ovf"].vms[0]
    assert (len(twelve.disks), twelve.disk_mib) == (12, 12 * 4096)
    assert found["22-maxwith_nonormal.ovf"].vms[0].memory_mib == 512  # 1,024 is the bound of a range


@needs_files
@pytest.mark.parametrize("number", range(6))
def test_each_malformed_descriptor_is_refused_in_one_line(number: int) -> None:
    path = sorted(BROKEN.iterdir())[number]
    with pytest.raises(FormatError) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


# -- what a descriptor may say


def test_units_are_those_of_the_standard_and_of_version_0_9() -> None:
    for unit, memory_mib in (
        ("byte * 2^20", 8), ("byte*2^30", 8192), ("MegaBytes", 8), ("byte * 2 ^ 10", 1), ("GB", 7630),
    ):  # fmt: skip
        reading = read_ovf(descriptor(item(3, 2), item(4, 8, f"<AllocationUnits>{unit}</AllocationUnits>")))
        assert reading.estate.vms[0].memory_mib == memory_mib, unit


def test_a_capacity_may_refer_to_a_property() -> None:
    disks = '<Disk diskId="d" capacity="${size}" capacityAllocationUnits="byte * 2^30"/>'
    product = '<ProductSection><Property key="size" type="uint64" value="40"/></ProductSection>'
    assert read_ovf(descriptor(DISK, disks=disks, extra=product)).estate.vms[0].disk_mib == 40 * 1024
    with pytest.raises(FormatError, match="refers to the property size, which has no value"):
        read_ovf(descriptor(DISK, disks=disks))


def test_only_the_default_configuration_counts_unless_another_is_asked_for() -> None:
    options = (
        '<DeploymentOptionSection><Configuration id="small"/>'
        '<Configuration id="large" default="true"/></DeploymentOptionSection>'
    )
    sizes = item(3, 2).replace("<Item>", '<Item configuration="small">') + item(3, 8).replace(
        "<Item>", '<Item configuration="large">'
    )
    data = descriptor(sizes, extra=options)
    assert read_ovf(data).estate.vms[0].vcpus == 8
    assert read_ovf(data, "small").estate.vms[0].vcpus == 2
    with pytest.raises(FormatError, match="no configuration huge; it has: small, large"):
        read_ovf(data, "huge")


def test_what_is_not_told_is_warned_of_and_never_invented() -> None:
    reading = read_ovf(descriptor())
    assert [str(finding.message) for finding in reading.quality.warnings] == [
        "The VM vm0 names no CPU; it counts with 0 vCPUs, so more may be needed",
        "The VM vm0 names no memory; it counts with 0 MiB, so more may be needed",
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (descriptor(item(4, -1)), "no whole number: -1"),
        (descriptor(item(4, "1e9")), "no whole number: 1e9"),
        (descriptor(item(4, 9 * 10**24)), "more than any store holds"),
        (descriptor(item(3, 10**6)), "more than any host has"),
        (descriptor(item(4, 1, "<AllocationUnits>parsec</AllocationUnits>")), "The unit parsec of"),
        (descriptor(DISK), "stands in no DiskSection"),
        (descriptor(disks='<Disk diskId="d"/>'), "has no capacity"),
        (descriptor(disks='<Disk capacity="1"/>'), "has no diskId"),
    ],
)  # fmt: skip
def test_a_number_or_reference_that_makes_no_sense_is_refused(data: bytes, why: str) -> None:
    assert why in refusal(data)


def test_two_vms_of_one_name_are_told_apart() -> None:
    two = descriptor(item(3, 1), systems=2).replace(b"<Name>vm1</Name>", b"<Name>vm0</Name>")
    assert [vm.name for vm in read_ovf(two).estate.vms] == ["vm0", "vm0 (2)"]


# -- hostile ones

LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY a{n} "{"&a;" if n == 0 else f"&a{n - 1};" * 10}">'.encode() for n in range(9)
) + b"]><Envelope>&a8;</Envelope>"  # fmt: skip
HOSTILE = {
    "billion laughs": LAUGHS,
    "external file": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><Envelope>&f;</Envelope>',
    "external DTD": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><Envelope/>',
    "parameter entity": b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><Envelope/>',
    "depth": b"<Envelope>" + b"<a>" * 200_000,
    "cut off": b"<Envelope><References>",
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?><Envelope/>',
    "unknown encoding": b'<?xml version="1.0" encoding="x-none"?><Envelope/>',
    "another document": b"<html><body/></html>",
    "NUL": b"<Envelope>\0</Envelope>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused_at_once(name: str) -> None:
    began = time.process_time()
    assert refusal(HOSTILE[name])
    assert time.process_time() - began < 5  # not a speed: a bomb would take hours


def test_names_with_controls_are_written_out() -> None:
    data = descriptor(item(3, 1)).replace(b"<Name>vm0</Name>", b"<Name>a&#x202e;b</Name>")
    assert read_ovf(data).estate.vms[0].name == "a\\u202Eb"


# -- the tar around it

DATA = descriptor(item(3, 2), item(4, 1024))


def test_an_ova_is_its_descriptor_whatever_the_paths_in_it(tmp_path: Path) -> None:
    for name in ("a.ovf", "../../a.ovf", "/etc/a.ovf"):
        (tmp_path / "in.ova").write_bytes(ova((name, DATA), ("a-disk1.vmdk", b"\0" * 5000)))
        before = sorted(tmp_path.rglob("*"))
        assert read(tmp_path / "in.ova").estate.vms[0].vcpus == 2
        assert sorted(tmp_path.rglob("*")) == before


def test_the_manifest_must_agree() -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    good = ova(("a.ovf", DATA), ("a.mf", f"SHA256(a.ovf)= {digest}\n".encode()))
    findings = Findings()
    assert descriptor_of(good, findings) == DATA
    assert findings.warnings == ()
    bad = ova(("a.ovf", DATA), ("a.mf", f"SHA256(a.ovf)= {'0' * 64}\n".encode()))
    assert "is not the one that the manifest names" in refusal(bad)


def test_gigabytes_of_disks_behind_the_descriptor_are_not_read(tmp_path: Path) -> None:
    """The disk claims 20 GiB, in base 256, and is a hole: reading it would take all day."""
    info = tarfile.TarInfo("disk.vmdk")
    info.size = 20 * 2**30
    head = ova(("a.ovf", DATA)).rstrip(b"\0")
    head += b"\0" * (-len(head) % 512) + info.tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "large.ova"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + info.size + 1024)
    assert read(path).estate.vms[0].memory_mib == 1024


def linked(kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.ovf")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (ova(("a.txt", b"")), "0 OVF descriptors"),
        (ova(("a.ovf", DATA), ("b.ovf", DATA)), "2 OVF descriptors"),
        (linked(tarfile.SYMTYPE), "0 OVF descriptors"),
        (linked(tarfile.LNKTYPE), "0 OVF descriptors"),
        (linked(tarfile.CHRTYPE), "0 OVF descriptors"),
        (ova(("a.ovf", b" " * 6 * 2**20)), "the limit is 5242880"),
        (ova(("a.ovf", DATA))[:700], "damaged or truncated"),
        (ova(*((f"{n}", b"") for n in range(2100))), "more than 2000 parts"),
        (ova(("a.ovf", DATA)).replace(b"00000000000", b"0000000000x", 1), "damaged or truncated"),
    ],
)
def test_a_tar_that_is_no_appliance_is_refused(data: bytes, why: str) -> None:
    assert why in refusal(data)


def test_every_cut_and_every_flipped_byte_ends_in_a_reading_or_a_refusal() -> None:
    whole = ova(("a.ovf", DATA), ("a.mf", b"SHA256(a.ovf)= 00"))
    for place in range(0, len(whole), 37):
        for mutant in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            with contextlib.suppress(FormatError):
                assert read(mutant, "a.ova").quality.format

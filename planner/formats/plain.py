"""JSON, XML and folders of them -> Reading: which of the formats it is, the content says."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from planner.formats import ovf
from planner.formats.document import read_document
from planner.formats.findings import Findings
from planner.formats.json_text import decoded_json
from planner.formats.libvirt import is_libvirt, read_libvirt
from planner.formats.proxmox import is_proxmox, read_proxmox
from planner.formats.text import shortened
from planner.formats.xml_text import decoded_xml
from planner.quality import FormatError, Reading
from planner.sentence import Sentence

MAX_ANSWERS: Final = 50_000  # a file a domain of 500 hosts


def read_json(data: bytes, name: str) -> Reading:
    """Read an estate document, or rows of the Proxmox API."""
    if is_proxmox(decoded_json(data, Findings())):
        return read_proxmox({name: data})
    return read_document(data)


def read_xml(data: bytes, name: str) -> Reading:
    """Read an OVF descriptor, or a document of libvirt."""
    root = decoded_xml(data)
    if ovf.is_ovf(root):
        return ovf.estate_of(root)
    if is_libvirt(root):
        return read_libvirt({name: data})
    raise FormatError(
        Sentence(
            "The XML is neither an OVF descriptor nor one of libvirt's documents; it begins with {found}",
            {"found": f"<{shortened(root.name, 60)}>"},
        ),
        row=root.line,
    )


def read_answers(folder: Path) -> Reading | None:
    """Read a folder of libvirt's XML, or of answers of the Proxmox API; None where it holds neither."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for ending, read in ((".xml", read_libvirt), (".json", read_proxmox)):
        chosen = [path for path in files if path.suffix.casefold() == ending]
        if len(chosen) > MAX_ANSWERS:
            raise FormatError(Sentence("The folder has more than {limit} files", {"limit": MAX_ANSWERS}))
        if chosen:
            return read({path.name: path.read_bytes() for path in chosen})
    return None

"""`headroom sbom [FILE]`: what Headroom is made of, as CycloneDX 1.6 JSON.

It comes from the lock and the vendored files.

The same lock gives the same bytes: the serial number is made of its content, and no date stands in it.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
LOCK, VENDORED = ROOT / "requirements.txt", ROOT / "static" / "vendor" / "README.md"
_PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)")
_ROW = re.compile(r"\| `[^`]+` \| npm `([^`]+)` (\S+) \| ([^|]+) \|")


@dataclass
class Pin:
    """A package of the lock: its files' hashes, and who brings it."""

    name: str
    version: str
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)


def pins(text: str) -> Iterator[Pin]:
    """The packages of a hash lock in its order; two versions for two Pythons are two packages."""
    pin = None
    for line in text.splitlines():
        found = _PIN.match(line)
        if found:
            if pin:
                yield pin
            pin = Pin(found[1], found[2])
        elif pin and "--hash=sha256:" in line:
            pin.hashes.append(line.split("sha256:")[1].split()[0])
        elif pin and line.strip().startswith("#"):
            pin.via += re.findall(r"[A-Za-z0-9._-]+", line.replace("# via", "").replace("#", ""))
    if pin:
        yield pin


def bom() -> Bom:
    """The whole bill."""
    text = LOCK.read_text()
    root = Component(name="headroom", version="0.1.0", type=ComponentType.APPLICATION, bom_ref="headroom")
    made = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, text + VENDORED.read_text()))
    made.metadata.component = root
    made.metadata.timestamp = None  # type: ignore[assignment]  # the same lock, the same bytes
    known: dict[str, list[tuple[Pin, Component]]] = {}
    for pin in pins(text):
        component = python_component(pin)
        made.components.add(component)
        known.setdefault(pin.name.lower(), []).append((pin, component))
    vendored = [vendored_component(*row) for row in sorted(set(_ROW.findall(VENDORED.read_text())))]
    for component in vendored:
        made.components.add(component)
    edges: dict[str, list[Component]] = {}
    for pairs in known.values():
        for pin, component in pairs:
            for parent in pin.via:
                edges.setdefault(parent.lower(), []).append(component)
    made.register_dependency(root, [*edges.get("requirements.in", []), *vendored])
    for name, pairs in known.items():
        for _, component in pairs:
            made.register_dependency(component, edges.get(name, []))
    return made


def python_component(pin: Pin) -> Component:
    purl = PackageURL("pypi", None, pin.name.lower(), pin.version)
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in sorted(pin.hashes)],
        licenses=licences_of(pin.name),
    )


def licences_of(name: str) -> list[LicenseExpression | DisjunctiveLicense]:
    """What the installed package says of its licence; nothing where it says nothing."""
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return []
    if said.get("License-Expression"):
        return [LicenseExpression(said["License-Expression"])]
    named = [
        one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith("License ::")
    ]
    short = (said.get("License") or "").strip()
    if named:
        return [DisjunctiveLicense(name=one) for one in sorted(set(named))]
    return [DisjunctiveLicense(name=short)] if short and "\n" not in short else []


def vendored_component(name: str, version: str, licence: str) -> Component:
    group, _, short = name.rpartition("/")
    purl = PackageURL("npm", group or None, short, version)
    return Component(
        name=short,
        group=group or None,
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        licenses=[DisjunctiveLicense(name=licence.partition("(")[0].strip())],
    )


def main() -> int:
    text = JsonV1Dot6(bom()).output_as_string(indent=2) + "\n"
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(text)
        print(f"{sys.argv[1]}: {text.count(chr(34) + 'purl' + chr(34))} components")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

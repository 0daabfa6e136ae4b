"""What a walk found: what was promised, predicted and measured, and whether it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

MARKS: Final = {True: "ok", False: "BROKEN", None: ""}


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was measured.  `holds` None: it is told, and nothing was promised."""

    what: str
    measured: str
    predicted: str = ""
    holds: bool | None = None


class Walk(Struct, frozen=True, kw_only=True):
    """One walk through the laboratory, with what it is for; `skipped`: why it was not walked."""

    name: str
    promise: str
    seconds: float
    findings: tuple[Finding, ...]
    skipped: str = ""

    @property
    def holds(self) -> bool:
        """Whether no promise was broken."""
        return all(finding.holds is not False for finding in self.findings)


def promise(what: str, measured: object, expected: object) -> Finding:
    """Find out whether something is as it was promised."""
    return Finding(what=what, measured=str(measured), predicted=str(expected), holds=measured == expected)


def at_most(what: str, measured: float, most: float) -> Finding:
    """Find out whether something stayed within what was promised."""
    return Finding(what=what, measured=f"{measured:g}", predicted=f"at most {most:g}", holds=measured <= most)


def told(what: str, measured: object, predicted: object = "") -> Finding:
    """Tell what was measured, beside what was predicted; the machine's load decides how near they are."""
    return Finding(what=what, measured=str(measured), predicted=str(predicted))


def printed(walk: Walk) -> str:
    """One walk, as lines of text."""
    if walk.skipped:
        return f"{walk.name}: not walked\n  {walk.skipped}"
    lines = [f"{walk.name}: {'ok' if walk.holds else 'BROKEN'} ({walk.seconds:.1f} s)", f"  {walk.promise}"]
    wide = max((len(finding.what) for finding in walk.findings), default=0)
    for finding in walk.findings:
        predicted = f"   (predicted: {finding.predicted})" if finding.predicted else ""
        lines.append(
            f"  {finding.what:<{wide}}  {finding.measured}{predicted}  {MARKS[finding.holds]}".rstrip()
        )
    return "\n".join(lines)


def written(walks: list[Walk], file: Path) -> None:
    """Keep them for a program."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(walks)))


def read(file: Path) -> list[Walk]:
    """What `written` kept."""
    return msgspec.json.decode(file.read_bytes(), type=list[Walk])

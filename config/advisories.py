"""`headroom advisories`: are there known vulnerabilities in what the lock pins?

pip-audit asks; we count the answers.

pip-audit says "No known vulnerabilities found", and ends with 0, where it could ask about no package at all.
Here an audit of nothing is a failure of its own: exit 0 all asked and clean, 1 vulnerable, 3 unaudited.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.txt"
CLEAN, VULNERABLE, UNAUDITED = 0, 1, 3
ANSWER_WITHIN_S, ALL_WITHIN_S = 10, 900


@dataclass(frozen=True)
class Audit:
    """What was asked about, what was answered."""

    audited: tuple[str, ...]
    unaudited: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def code(self) -> int:
        if self.found:
            return VULNERABLE
        return UNAUDITED if self.unaudited or not self.audited else CLEAN

    def lines(self) -> Iterator[str]:
        yield from self.found
        if self.unaudited:
            yield f"could not be audited: {', '.join(self.unaudited[:5])}{' ...' * (len(self.unaudited) > 5)}"
        verdict = {CLEAN: "clean", VULNERABLE: "VULNERABLE", UNAUDITED: "UNAUDITED: no verdict"}[self.code]
        whole = len(self.audited) + len(self.unaudited)
        yield f"{len(self.audited)} of {whole} packages audited, {len(self.found)} advisories: {verdict}"


def audit(lock: Path) -> Audit:
    """Ask about every package of a lock; where not even the first is answered, about no more."""
    packages = list(blocks(lock.read_text()))
    first = read(ask(packages[:1]))
    if not first.audited:
        return Audit((), tuple(block.partition("==")[0] for block in packages), ())
    return read(ask(packages))


def blocks(text: str) -> Iterator[str]:
    """The packages of a hash lock, each with its hashes."""
    lines: list[str] = []
    for line in [*text.splitlines(), "end=="]:
        if line and not line.startswith((" ", "#")):
            if lines:
                yield "\n".join(lines)
            lines = []
        if line and not line.lstrip().startswith("#"):
            lines.append(line)


def ask(packages: Sequence[str]) -> dict[str, Any]:
    """What pip-audit prints about these packages, as JSON."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(packages) + "\n")
        file.flush()
        quiet = ("--progress-spinner", "off", "--timeout", str(ANSWER_WITHIN_S), "--format", "json")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "-r",
            file.name,
            "--disable-pip",
            "--require-hashes",
            *quiet,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ALL_WITHIN_S)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"dependencies": [{"name": "pip-audit", "skip_reason": done.stderr.strip()[-200:]}]}
    return answer


def read(answer: dict[str, Any]) -> Audit:
    """Tell the packages that were asked about from those that were skipped."""
    known = answer.get("dependencies", [])
    return Audit(
        audited=tuple(one["name"] for one in known if "skip_reason" not in one),
        unaudited=tuple(one["name"] for one in known if "skip_reason" in one),
        found=tuple(
            f"{one['name']} {one['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or '-'}"
            for one in known
            for flaw in one.get("vulns", [])
        ),
    )


def main() -> int:
    found = audit(Path(sys.argv[1]) if sys.argv[1:] else LOCK)
    print("\n".join(found.lines()))
    return found.code


if __name__ == "__main__":
    sys.exit(main())

"""`headroom check`: what every change has to pass before it is tested; one line a check."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Message

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"


class Fault(Exception):
    """What a check found."""


class Unaudited(Exception):
    """A check that could not ask: no verdict, which is not a good one."""


def command(*words: str, **environment: str) -> Callable[[], None]:
    """A check that passes when this module's command line ends with 0."""

    def run() -> None:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Fault((done.stdout + done.stderr).strip())

    return run


def forbidden_arrows() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Fault(done.stdout.partition("Contracts\n")[2] + done.stderr)


def compiled_translations() -> None:
    """Every compiled catalogue says what its source says."""
    stale = [str(po.relative_to(ROOT)) for po in catalogues() if not _compiled_says_the_same(po)]
    if stale:
        raise Fault(f"compiled catalogue older than {', '.join(stale)}; run: ./headroom check --fix")


def known_vulnerabilities() -> None:
    """No advisory names what the lock pins; where nobody answers, that is said and is no pass.

    HEADROOM_ADVISORIES=required makes silence a fault, for a CI that reaches the advisories.
    """
    from config.advisories import CLEAN, LOCK, UNAUDITED, audit

    found = audit(LOCK)
    said = "\n".join(found.lines())
    if found.code == UNAUDITED and os.environ.get("HEADROOM_ADVISORIES") != "required":
        raise Unaudited(said)
    if found.code != CLEAN:
        raise Fault(said)


def catalogues() -> list[Path]:
    return sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))


def _compiled_says_the_same(po: Path) -> bool:
    from babel.messages.mofile import read_mo
    from babel.messages.pofile import read_po

    mo = po.with_suffix(".mo")
    if not mo.exists():
        return False
    with po.open("rb") as source, mo.open("rb") as compiled:
        return _texts(read_po(source)) == _texts(read_mo(compiled))


def _texts(catalogue: Iterable[Message]) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What is translated; the forms of a plural are a tuple to one reader and a list to the other."""
    return {
        (_context(message), _forms(message.id), _forms(message.string))
        for message in catalogue
        if message.id and any(message.string or ()) and not message.fuzzy
    }


def _context(message: Message) -> str:
    """The reader of compiled catalogues leaves it in bytes."""
    return message.context.decode() if isinstance(message.context, bytes) else message.context or ""


def _forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def compile_translations() -> None:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for po in catalogues():
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, read_po(source, locale=po.parent.parent.name))


def locks() -> None:
    """Both locks hold the same versions, every pin of the .in files is in them, and no place is named."""
    run, dev = (dict(pins(ROOT / name)) for name in ("requirements.txt", "requirements-dev.txt"))
    apart = sorted(name for name in run if dev.get(name) != run[name])
    asked = [*pins(ROOT / "requirements.in"), *pins(ROOT / "requirements-dev.in")]
    left_out = sorted(name for name, versions in asked if not versions <= dev.get(name, set()))
    if apart or left_out:
        raise Fault(f"locks differ on {apart}; missing from the development lock: {left_out}; compile again")
    places = [lock.name for lock in ROOT.glob("requirements*.txt") if "://" in lock.read_text()]
    if places:
        raise Fault(f"a lock names an address: {places}")


def pins(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Each package of a requirements file with the versions pinned for one or the other Python."""
    found: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        name, equals, rest = line.partition("==")
        if equals and not line.startswith(("#", " ")):
            name = name.partition("[")[0].strip().lower()
            found.setdefault(name, set()).add(rest.split()[0].rstrip(";"))
    yield from found.items()


A_LONG_KEY = "0123456789abcdefghijklmnopqrstuvwxyz-for-the-check-of-settings-alone"

CHECKS: dict[str, Callable[[], None]] = {
    "lint": command("ruff", "check", "."),
    "format": command("ruff", "format", "--check", "."),
    "types": command("mypy", "--strict", "planner", "operations"),
    "arrows": forbidden_arrows,
    "migrations": command("django", "makemigrations", "--check", "--dry-run"),
    "settings": command("django", "check", "--fail-level", "WARNING"),
    "deploy": command(
        *("django", "check", "--deploy", "--fail-level", "WARNING"),
        BEHIND_HTTPS="true",
        SECRET_KEY=A_LONG_KEY,
    ),
    "roles": command("django", "roles", "--check"),
    "advisories": known_vulnerabilities,
    "translations": compiled_translations,
    "locks": locks,
}


SILENT: dict[str, str] = {}  # checks that could not ask, and why


def fix() -> None:
    """Mend what a program can mend."""
    for words in (["check", "--fix", "."], ["format", "."]):
        subprocess.run([sys.executable, "-m", "ruff", *words], cwd=ROOT, check=False)
    compile_translations()


def judge(name: str) -> tuple[str, str, float]:
    """Run one check; its fault (empty when there is none) and its seconds.  Silence is told as such."""
    started_at = time.monotonic()
    try:
        CHECKS[name]()
    except Fault as fault:
        return name, str(fault) or "failed", time.monotonic() - started_at
    except Unaudited as silence:
        SILENT[name] = str(silence)
    return name, "", time.monotonic() - started_at


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "--fix" in sys.argv[1:]:
        fix()
    faults = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, fault, seconds in pool.map(judge, CHECKS):
            said = "FAULT" if fault else "silent" if name in SILENT else "ok"
            print(f"{said:<6} {name:<13} {seconds:5.1f} s", flush=True)
            if name in SILENT:
                print(f"{SILENT[name]}\n", flush=True)
            if fault:
                faults.append(name)
                print(f"{fault}\n", flush=True)
    passed = len(CHECKS) - len(faults) - len(SILENT)
    ends = (f"; no verdict: {', '.join(SILENT)}" if SILENT else "") + (
        f"; faults in: {', '.join(faults)}" if faults else "."
    )
    print(f"{passed} of {len(CHECKS)} checks passed{ends}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""What is to be rehearsed: a cluster or a scenario, and a script; judged before it is kept."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from msgspec import Struct, structs

from cluster.models import Rehearsal
from cluster.rehearsal.seen import Seen
from cluster.services import Refused
from operations.opening import open_state
from operations.policy import policies_of
from operations.scenario import begin, check_names, read_scenario
from operations.script import Script, parse_script
from operations.sketch import parse_document
from operations.timings import PRODUCTS, Product
from operations.written import ScenarioError, lines_of, written
from planner.consolidation import NO_CLUSTER
from planner.estate import Estate, EstateError
from planner.formats.document import write_document
from planner.sentence import Sentence

FOLDERS: Final = Path(settings.BASE_DIR) / "scenarios"
SCRIPT_MAX: Final = 64 * 1024  # characters: a script that a person wrote is far below
LINES_MAX: Final = 2_000
LASTS_MAX_S: Final = 7 * 24 * 3600.0  # a week of simulated time
DRILLS_MAX: Final = 20_000  # every pair of 200 hosts
DrillKind = Literal["each", "pairs"]


class BadScript(Refused):
    """A script that cannot be played: why, and at which word; `line` is 0 where no line is at fault."""

    def __init__(self, message: Sentence, line: int = 0, word: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.word = word


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a program asks for: a scenario, or a cluster with a script or drills; or a rehearsal again."""

    scenario: str = ""
    rehearsal: UUID | None = None
    estate: int | None = None
    cluster: str = ""
    script: str = ""
    drill: DrillKind | None = None
    product: Product = "vsphere"


class Example(Struct, frozen=True, kw_only=True):
    """A scenario folder as the pages list it."""

    name: str
    title: str
    promise: str
    product: str
    script: str


# -- what is rehearsed


def of_cluster(estate: Estate, cluster: str, script: str) -> Rehearsal:
    """Rehearse a script on one cluster of an estate, as it stands now.

    Raises:
        BadScript: see there.
    """
    part = part_of(estate, cluster)
    return _rehearsal(part, script, cluster_name=cluster)


def of_scenario(name: str) -> Rehearsal:
    """Rehearse a scenario folder; KeyError where there is none of this name."""
    example = examples()[name]
    return _rehearsal(read_estate_of(name), example.script, scenario=name)


def again(rehearsal: Rehearsal, script: str) -> Rehearsal:
    """Rehearse another script on the same estate as before, whatever has become of it meanwhile.

    Raises:
        BadScript: see there.
    """
    return _rehearsal(
        estate_of(rehearsal), script, cluster_name=rehearsal.cluster_name, scenario=rehearsal.scenario
    )


def drill_of(estate: Estate, cluster: str, product: Product, kind: DrillKind) -> Rehearsal:
    """Fail every host of a cluster in turn, or every pair.

    Raises:
        BadScript: the cluster cannot be opened, or there are too many drills.
    """
    part = part_of(estate, cluster)
    count = len(part.hosts) if kind == "each" else len(part.hosts) * (len(part.hosts) - 1) // 2
    if count > DRILLS_MAX:
        raise BadScript(
            Sentence(
                "{count} drills are more than the {max} that are done at once",
                {"count": count, "max": DRILLS_MAX},
            )
        )
    try:
        open_state(part, policies_of(product))
    except EstateError as error:
        raise BadScript(Sentence("{reason}", {"reason": str(error)})) from error
    return Rehearsal(
        cluster_name=cluster,
        script=f"profile {product}\n",
        drill=kind,
        product=product,
        document=_packed(part),
    )


def _rehearsal(estate: Estate, script: str, **fields: Any) -> Rehearsal:
    text = "\n".join(script.splitlines()).strip("\n") + "\n"
    read = script_of(estate, text)
    return Rehearsal(script=text, product=read.policies.product, document=_packed(estate), **fields)


# -- reading


def estate_of(rehearsal: Rehearsal) -> Estate:
    """The estate as it stood when the rehearsal was asked for."""
    return parse_document(zlib.decompress(bytes(rehearsal.document)), "estate")


def script_of(estate: Estate, text: str) -> Script:
    """Read and judge a script about an estate.

    Raises:
        BadScript: with the line and the word.
    """
    if len(text) > SCRIPT_MAX or text.count("\n") > LINES_MAX:
        raise BadScript(Sentence("A script has at most {lines} lines", {"lines": LINES_MAX}))
    try:
        script = parse_script(text, estate)
        state, _ = begin(estate, script)
        check_names(script, state, "script")
    except ScenarioError as error:
        raise _bad(text, error) from error
    except EstateError as error:
        raise BadScript(Sentence("{reason}", {"reason": str(error)})) from error
    _refuse_too_long(text, script)
    return script


def part_of(estate: Estate, cluster: str) -> Estate:
    """One cluster of an estate with all that its VMs need; what the screens show only is left out."""
    hosts = estate.hosts if cluster == NO_CLUSTER else estate.hosts_of(cluster)
    names = {host.name for host in hosts}
    vms = tuple(
        structs.replace(vm, partitions=(), nics=(), attributes={})
        for vm in estate.vms
        if vm.host in names and not vm.template
    )
    used = {name for vm in vms for name in vm.datastores} | {
        disk.datastore for vm in vms for disk in vm.disks if disk.datastore
    }
    inside = {vm.name for vm in vms}
    return Estate(
        hosts=hosts,
        vms=vms,
        datastores=tuple(
            store for store in estate.datastores if store.name in used or names & set(store.hosts)
        ),
        rules=tuple(rule for rule in estate.rules if inside & set(rule.vms)),
        paths=tuple(path for path in estate.paths if path.host in names),
        port_groups=estate.port_groups,
        feeds=estate.feeds,
    ).sorted()


def opening_of(estate: Estate) -> dict[str, Any]:
    """What a page shows of a cluster before anything happens.

    Raises:
        BadScript: the cluster has no host.
    """
    try:
        return Seen(open_state(estate, policies_of("vsphere"))).opening
    except EstateError as error:
        raise BadScript(Sentence("{reason}", {"reason": str(error)})) from error


def suggestion(hosts: Sequence[str], orders: str = "") -> str:
    """The script that a page begins with; `orders` are lines about who waits for whom."""
    return f"profile {PRODUCTS[0]}\n{orders}at 10 fail {written(hosts[0])}\n" if hosts else ""


def timed(script: str, product: Product, times: str) -> str:
    """The script with a cluster's own measured times, of the product that they were measured on."""
    first, _, rest = script.partition("\n")
    if not times or not first.startswith("profile "):
        return script
    return f"profile {product}\n{times}{rest}"


# -- scenarios


@cache
def examples() -> dict[str, Example]:
    """The scenario folders that have a script, by name."""
    return {
        folder.name: _example(folder)
        for folder in sorted(FOLDERS.glob("*/"))
        if (folder / "script").is_file()
    }


@cache
def examples_in(language: str) -> tuple[Example, ...]:
    """The examples with the README of a language, where a folder has one."""
    return tuple(_in(language, example) for example in examples().values())


def _in(language: str, example: Example) -> Example:
    readme = FOLDERS / example.name / f"README.{language}.md"
    if not readme.is_file():
        return example
    title, promise = _read(readme)
    return structs.replace(example, title=title, promise=promise)


def _read(readme: Path) -> tuple[str, str]:
    title, _, promise = readme.read_text(encoding="utf-8").strip().partition("\n")
    return title.removeprefix("# "), " ".join(promise.split())


def read_estate_of(name: str) -> Estate:
    """The estate of a scenario."""
    return read_scenario(FOLDERS / name).estate


def _example(folder: Path) -> Example:
    title, promise = _read(folder / "README.md")
    script = (folder / "script").read_text(encoding="utf-8")
    first = next(lines_of(script, "script"), None)
    product = first.words[1] if first and first.words[0] == "profile" else PRODUCTS[0]
    return Example(
        name=folder.name,
        title=title,
        promise=promise,
        product=product,
        script=script,
    )


# -- what is refused


def _bad(text: str, error: ScenarioError) -> BadScript:
    return BadScript(error.why, error.line or _line_of(text, error.word), error.word)


def _line_of(text: str, word: str) -> int:
    """The first line that has the word; 0 where none has."""
    return next((line.number for line in lines_of(text, "script") if word in line.words), 0)


def _refuse_too_long(text: str, script: Script) -> None:
    ends_s = max((one.at_s for one in script.instructions), default=0.0)
    if max(ends_s, script.until_s or 0.0) > LASTS_MAX_S:
        for line in lines_of(text, "script"):
            if line.words[0] in ("at", "until") and float(line.words[1]) > LASTS_MAX_S:
                message = Sentence("a rehearsal lasts at most {max} s", {"max": round(LASTS_MAX_S)})
                raise BadScript(message, line.number, line.words[1])


def _packed(estate: Estate) -> bytes:
    return zlib.compress(write_document(estate), 6)

"""The script of a scenario: how the rehearsal is set, and what happens when.

profile vsphere
policy ha.fencing power
timing boot_s 60
guest db1 dirty_mib_s 100 working_set_mib 2048
group row1 esx1 esx2
begin cold
until 900
at 120 fail esx3
at 150 fail-group row1     (a group of the script; or a rack, site, chassis or power feed of the estate)
at 200 migrate db1 to esx2
"""

from __future__ import annotations

from typing import Any, Final, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from operations.domains import domains_of
from operations.guest import Guest
from operations.instruction import WORDS, Instruction, Verb
from operations.policy import Policies, policies_of
from operations.timings import PRODUCTS, Product
from operations.written import Line, lines_of
from planner.estate import Estate
from planner.sentence import Sentence, Value

SETTINGS: Final = ("profile", "policy", "timing", "guest", "group", "begin", "cluster", "until", "at")
MOST: Final = 1e9
# What something is divided by, or what never ends when it is nothing; every other setting may be 0.
LEAST: Final = {
    "start_failures": -1,
    "memory_ratio": 0.01, "vcpu_per_core": 0.01, "link_share": 0.01, "cap_mib_s": 0.01,
    "storage_copy_mib_s": 0.01, "unknown_link_mbit": 1, "ping_interval_s": 0.001, "drs_interval_s": 1,
    "batch": 1, "host_units": 1, "slow_nic_units": 1, "fast_nic_units": 1, "datastore_units": 1,
}  # fmt: skip
HOST_WORDS: Final = frozenset({"host"})


class Script(Struct, frozen=True, kw_only=True):
    """What one rehearsal is to play."""

    policies: Policies
    instructions: tuple[Instruction, ...] = ()
    guests: dict[str, Guest] = {}
    groups: dict[str, tuple[str, ...]] = {}
    cluster: str | None = None
    until_s: float | None = None
    cold: bool = False
    begins_cut: tuple[str, ...] = ()


class _Names(Struct, frozen=True):
    """What a script may speak of."""

    hosts: frozenset[str]
    vms: frozenset[str]
    datastores: frozenset[str]
    paths: frozenset[tuple[str, str, str]]
    clusters: dict[str, frozenset[str]]
    domains: dict[str, tuple[str, ...]]

    def of_cluster(self, cluster: str | None) -> frozenset[str]:
        """The hosts of one cluster, or of all where none is chosen."""
        return self.hosts if cluster is None else self.clusters[cluster]


def parse_script(text: str, estate: Estate, file: str = "script") -> Script:
    """Read a script about an estate.

    Raises:
        ScenarioError: an unknown word, name or time, with file, line and word.
    """
    names = _Names(
        frozenset(host.name for host in estate.hosts),
        frozenset(vm.name for vm in estate.vms),
        frozenset(store.name for store in estate.datastores),
        frozenset((path.host, path.datastore or path.lun, path.name) for path in estate.paths),
        {name: frozenset(host.name for host in estate.hosts_of(name)) for name in _clusters(estate)},
        domains_of(estate),
    )
    script = Script(policies=policies_of("vsphere"))
    for line in lines_of(text, file):
        word = line.words[0]
        if word == "at":
            instruction = structs.replace(_instruction(line, names, script), line=line.number)
            script = structs.replace(script, instructions=(*script.instructions, instruction))
        else:
            line.known(word, SETTINGS, "beginning of a line")
            script = _setting(line, script, names)
    for line in lines_of(text, file):
        if line.words[0] == "at":
            _check_time(line, script.until_s)
    ordered = sorted(script.instructions, key=lambda instruction: instruction.at_s)
    return structs.replace(script, instructions=tuple(ordered))


def _clusters(estate: Estate) -> list[str]:
    return sorted({host.cluster for host in estate.hosts if host.cluster is not None})


# -- settings


def _setting(line: Line, script: Script, names: _Names) -> Script:
    value = line.word(1, "a value")
    match line.words[0]:
        case "profile":
            if script.policies != policies_of("vsphere"):
                raise line.error(value, Sentence("must come before what changes it: policies and timings"))
            return structs.replace(script, policies=policies_of(_product(line, value)))
        case "policy":
            return structs.replace(script, policies=_policy(line, script.policies, value))
        case "timing":
            times = _with_field(line, script.policies.timings, value, line.word(2, "a duration"))
            return structs.replace(script, policies=structs.replace(script.policies, timings=times))
        case "guest":
            line.known(value, sorted(names.vms), "VM")
            guest = _guest(line, script.guests.get(value, Guest()), names)
            return structs.replace(script, guests={**script.guests, value: guest})
        case "group":
            line.word(2, "a host")
            hosts = tuple(line.known(word, sorted(names.hosts), "host") for word in line.words[2:])
            return structs.replace(script, groups={**script.groups, value: hosts})
        case "cluster":
            return structs.replace(script, cluster=line.known(value, sorted(names.clusters), "cluster"))
        case "until":
            return structs.replace(script, until_s=line.number_of(value))
        case _:
            return _beginning(line, script, names)


def _beginning(line: Line, script: Script, names: _Names) -> Script:
    word = line.known(line.words[1], ("cold", "cut"), "beginning")
    if word == "cold":
        return structs.replace(script, cold=True)
    hosts = tuple(line.known(name, sorted(names.hosts), "host") for name in line.words[2:])
    return structs.replace(script, begins_cut=hosts)


def _product(line: Line, word: str) -> Product:
    for product in PRODUCTS:
        if word == product:
            return product
    raise line.error(word, Sentence("is none of {choices}", {"choices": ", ".join(PRODUCTS)}))


def _policy(line: Line, policies: Policies, path: str) -> Policies:
    group, dot, field = path.partition(".")
    if not dot or group not in ("ha", "ft", "drs", "migration", "capacity"):
        raise line.error(
            path, Sentence("is not like ha.fencing: ha, ft, drs, migration or capacity before the dot")
        )
    changed = _with_field(line, getattr(policies, group), field, line.word(2, "a value"))
    return structs.replace(policies, **{group: changed})


def _guest(line: Line, guest: Guest, names: _Names) -> Guest:
    if len(line.words) % 2 or len(line.words) < 4:
        raise line.error(line.words[-1], Sentence("name and value come in pairs"))
    for field, word in zip(line.words[2::2], line.words[3::2], strict=True):
        guest = _with_field(line, guest, field, word)
    for host in (*guest.home, *guest.licensed):
        line.known(host, sorted(names.hosts), "host")
    for vm in guest.after:
        if line.known(vm, sorted(names.vms), "VM") == line.words[1]:
            raise line.error(vm, Sentence("a VM cannot wait for itself"))
    return guest


def _with_field(line: Line, record: Any, field: str, word: str) -> Any:
    """Set one field of a record from a written word, checked by the field's type."""
    line.known(field, record.__struct_fields__, "setting")
    kind = get_type_hints(type(record))[field]
    value: object = word.split(",") if "tuple" in str(kind) else {"yes": True, "no": False}.get(word, word)
    try:
        setting = msgspec.convert(value, type=kind, strict=False)
        _check_limits(line, field, word, setting)
        return structs.replace(record, **{field: setting})
    except msgspec.ValidationError as error:
        raise line.error(
            word, Sentence("not a value of {field}: {error}", {"field": field, "error": str(error)})
        ) from error


def _check_limits(line: Line, field: str, word: str, setting: object) -> None:
    """No setting is negative or endless."""
    least = LEAST.get(field, 0)
    for number in setting if isinstance(setting, tuple) else (setting,):
        if isinstance(number, int | float) and not least <= number <= MOST:
            limits: dict[str, Value] = {"least": f"{least:g}", "most": f"{MOST:g}"}
            raise line.error(word, Sentence("is not between {least} and {most}", limits))


# -- instructions


def _instruction(line: Line, names: _Names, script: Script) -> Instruction:
    at_s = line.number_of(line.word(1, "a time"))
    verb = _verb(line, line.word(2, "what happens"))
    expected = WORDS[verb]
    if expected == ("groups",):
        return Instruction(at_s, verb, groups=_parts(line, names.of_cluster(script.cluster)))
    found: list[str] = []
    members: tuple[tuple[str, ...], ...] = ()
    number = 0.0
    for index, what in enumerate(expected, start=3):
        word = line.word(index, f"a {what}" if what != "to" else "'to'")
        if what == "number":
            number = line.number_of(word)
        elif what == "to":
            line.known(word, ("to",), "word here")
        elif what == "group":
            found.append(word)
            members = (_group(line, word, script, names),)
        else:
            found.append(_name(line, word, what, names))
    if len(line.words) > 3 + len(expected):
        raise line.error(line.words[3 + len(expected)], Sentence("is one word too many"))
    if "path" in expected and tuple(found) not in names.paths:
        raise line.error(
            found[-1],
            Sentence("{host} has no such path to {datastore}", {"host": found[0], "datastore": found[1]}),
        )
    return Instruction(at_s, verb, tuple(found), members, number)


def _group(line: Line, word: str, script: Script, names: _Names) -> tuple[str, ...]:
    """The hosts of a group: as the script says, or of a rack, site, chassis or feed of the estate."""
    if word in script.groups:
        return script.groups[word]
    line.known(word, [*script.groups, *names.domains], "group")
    there = names.of_cluster(script.cluster)
    return tuple(host for host in names.domains[word] if host in there)


def _verb(line: Line, word: str) -> Verb:
    for verb in get_args(Verb):
        if word == verb:
            return verb  # type: ignore[no-any-return]
    raise line.error(word, Sentence("is none of {choices}", {"choices": ", ".join(get_args(Verb))}))


def _name(line: Line, word: str, what: str, names: _Names) -> str:
    known = {"host": names.hosts, "vm": names.vms, "datastore": names.datastores}.get(what)
    return word if known is None else line.known(word, sorted(known), what)


def _parts(line: Line, hosts: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Read `esx1 esx2 | esx3`; every host must stand in one part."""
    parts: list[list[str]] = [[]]
    for word in line.words[3:]:
        if word == "|":
            parts.append([])
        else:
            parts[-1].append(line.known(word, sorted(hosts), "host"))
    named = [name for part in parts for name in part]
    if len(parts) < 2 or not all(parts):
        raise line.error(line.words[2], Sentence("needs at least two parts with | between them"))
    if sorted(named) != sorted(hosts):
        raise line.error(line.words[2], Sentence("every host must stand in exactly one part"))
    return tuple(tuple(part) for part in parts)


def _check_time(line: Line, until_s: float | None) -> None:
    if until_s is not None and line.number_of(line.words[1]) > until_s:
        raise line.error(
            line.words[1], Sentence("comes after the end of the run at {end}", {"end": f"{until_s:g}"})
        )

"""A scenario is a folder: README.md with its promise, an estate, a script, and the log it must give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from operations.books import look_at_service
from operations.drivers.simulated import SimulatedDriver
from operations.engine import run
from operations.event import Event
from operations.opening import open_state
from operations.script import Script, parse_script
from operations.sketch import parse_document, parse_sketch
from operations.state import ClusterState
from operations.written import ScenarioError
from planner.estate import Estate, EstateError
from planner.sentence import Sentence

LARGEST_FILE: Final = 64 * 1024 * 1024  # bytes; a script or an estate beyond it is a mistake


class Scenario(Struct, frozen=True, kw_only=True):
    """What a folder says.  `expected` is None while there is no log yet."""

    name: str
    promise: str
    estate: Estate
    script: Script
    expected: str | None = None


class Rehearsal(Struct, frozen=True):
    """What playing it gave: every event in order, and the state at the end."""

    events: tuple[Event, ...]
    state: ClusterState

    @property
    def log(self) -> str:
        """The log, one line an event."""
        return log_of(self.events)


def read_scenario(folder: Path) -> Scenario:
    """Read a scenario folder.

    Raises:
        ScenarioError: a file that is missing or wrong; with file, line and word.
    """
    if not folder.is_dir():
        raise ScenarioError(str(folder), 0, folder.name, "there is no such folder")
    estate = read_estate(_estate_file(folder))
    script = folder / "script"
    expected = folder / "log.expect"
    return Scenario(
        name=folder.name,
        promise=_text(folder / "README.md").strip(),
        estate=estate,
        script=parse_script(_text(script), estate, str(script)),
        expected=_text(expected) if expected.exists() else None,
    )


def read_estate(file: Path) -> Estate:
    """Read an estate: a document where the name ends in .json, otherwise a sketch."""
    if file.suffix == ".json":
        return parse_document(_text(file).encode(), str(file))
    return parse_sketch(_text(file), str(file))


def begin(estate: Estate, script: Script, file: str = "script") -> tuple[ClusterState, SimulatedDriver]:
    """Make the state and the simulated world that a script asks for.

    Raises:
        EstateError: the estate has no such cluster, or no host.
        ScenarioError: the script speaks of what is not in the cluster.
    """
    state = open_state(estate, script.policies, script.guests, cluster=script.cluster, cold=script.cold)
    check_names(script, state, file)
    for host in (state.hosts[name] for name in script.begins_cut):
        if host.powered:
            host.connected = False
            host.is_cut = True
            host.silent_at = 0.0
            for vm in host.vms:
                look_at_service(state, state.vms[vm], 0.0)
            for vm in host.lost:
                state.vms[vm].is_safe = False
    return state, SimulatedDriver(state, script.policies, script.instructions, script.until_s)


def play(estate: Estate, script: Script) -> Iterator[Event]:
    """Play a script over an estate, event by event."""
    state, driver = begin(estate, script)
    yield from run(state, script.policies, driver)


def rehearse(scenario: Scenario) -> Rehearsal:
    """Play a scenario to its end.

    Raises:
        ScenarioError: the script names what its cluster does not have.
    """
    try:
        state, driver = begin(scenario.estate, scenario.script, f"{scenario.name}/script")
    except EstateError as error:
        raise ScenarioError(scenario.name, 0, "estate", str(error)) from error
    return Rehearsal(tuple(run(state, scenario.script.policies, driver)), state)


def log_of(events: tuple[Event, ...]) -> str:
    """Give the log: one line an event, each ended."""
    return "".join(f"{event.line()}\n" for event in events)


def check_names(script: Script, state: ClusterState, file: str) -> None:
    """See that a script speaks of its own cluster alone; nothing else can be played.

    Raises:
        ScenarioError: an instruction about a host or a VM of another cluster, or about a template.
    """
    known = {*state.hosts, *state.vms, *state.datastores}
    for line, name in _names_of(script):
        if name not in known:
            why = Sentence("is not part of the cluster, a template, or runs on no host of it")
            raise ScenarioError(file, line, name, why)


def _names_of(script: Script) -> Iterator[tuple[int, str]]:
    """Yield every name that an instruction needs, with its line."""
    for name in script.begins_cut:
        yield 0, name
    for instruction in script.instructions:
        names = () if instruction.groups else instruction.names[:2]  # a group goes by its hosts
        for name in (*names, *(name for group in instruction.groups for name in group)):
            yield instruction.line, name


def _estate_file(folder: Path) -> Path:
    for name in ("estate", "estate.json"):
        if (folder / name).is_file():
            return folder / name
    raise ScenarioError(str(folder), 0, "estate", "neither estate nor estate.json is there")


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ScenarioError(str(file), 0, file.name, "is larger than 64 MiB")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ScenarioError(str(file), 0, file.name, str(reason)) from error

"""Rehearse from the command line.

    python -m operations scenarios/NAME [--json] [--tree] [--verdict] [--accept]
    python -m operations migrate --memory-mib 32768 --dirty-mib-s 100 --link-mbit 10000 [--json]
    python -m operations fit MEASURED.csv [--json]
    python -m operations evacuate ESTATE --host esx1 [--profile proxmox] [--cluster C] [--json]
    python -m operations movable ESTATE --vm db1 [--profile proxmox] [--cluster C] [--json]
    python -m operations drill ESTATE [--pairs] [--profile proxmox] [--cluster C] [--json]

ESTATE is an estate document (.json) or a sketch.  Exit 0: as expected, it converges, the host is empty,
nobody is lost.  Exit 1: not so.  Exit 2: bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import numpy as np
from msgspec import structs

from operations import vm_event as v
from operations.causes import tree_of
from operations.drills import DrillReport, Kind, drill
from operations.instruction import Instruction
from operations.journeys import Journeys
from operations.measurements import print_told, read_measured, told
from operations.migration import MigrationLoad, draw_lost_pings, predict
from operations.opening import MIB_PER_MBIT, open_state
from operations.pings import loss_chances
from operations.policy import Remedy, policies_of
from operations.prerequisites import Prerequisite, unmet
from operations.rescue import rescues
from operations.scenario import Rehearsal, Scenario, read_estate, read_scenario, rehearse
from operations.script import Script
from operations.summary import Summary, summarize
from operations.timings import PRODUCTS, ROWS
from operations.verdict import verdict_lines, verdict_record
from operations.written import ScenarioError
from planner.estate import EstateError
from planner.sentence import Sentence

FITS, DIFFERS, BAD_INPUT = 0, 1, 2
CASES_LEAST: Final = 2  # one is left out, and another is there to fit on
_TIMES: Final = {
    "setup-s": "migration_setup_s",
    "device-ms": "migration_device_ms",
    "announce-ms": "announce_ms",
}  # options of `migrate` that change a timing of the profile
VERBS: Final = ("migrate", "fit", "evacuate", "movable", "drill", "timings")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; give the exit code."""
    verb = arguments[0] if arguments and arguments[0] in VERBS else "play"
    rest = arguments[1:] if verb != "play" else arguments
    try:
        return _DOES[verb](rest)
    except (ScenarioError, EstateError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def play(arguments: Sequence[str]) -> int:
    """Play a scenario and print its log."""
    parser = argparse.ArgumentParser(
        prog="python -m operations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--tree", action="store_true", help="each event under the one that caused it")
    parser.add_argument("--verdict", action="store_true", help="after the log: who was out, what saves them")
    parser.add_argument("--accept", action="store_true", help="write the log as the expected one")
    asked = parser.parse_args(arguments)
    scenario = read_scenario(asked.scenario)
    played = rehearse(scenario)
    if asked.tree and not asked.json:
        print("\n".join(tree_of(played.events)))
    else:
        _print_events(played, as_json=asked.json)
    if asked.verdict:
        _print_verdict(scenario, played, as_json=asked.json)
    if asked.accept:
        (asked.scenario / "log.expect").write_text(played.log, encoding="utf-8")
        return FITS
    return _compare(scenario, played)


def _print_events(played: Rehearsal, *, as_json: bool) -> None:
    if not as_json:
        print(played.log, end="")
        return
    for number, event in enumerate(played.events, start=1):
        print(msgspec.json.encode(event.record(number)).decode())


def _print_verdict(scenario: Scenario, played: Rehearsal, *, as_json: bool) -> None:
    summary = summary_of(scenario, played)
    if as_json:
        print(msgspec.json.encode({"verdict": verdict_record(summary)}).decode())
    else:
        print("\n".join(verdict_lines(summary)))


def summary_of(scenario: Scenario, played: Rehearsal) -> Summary:
    """What a played scenario meant, with what would have saved those that are lost."""
    journeys = Journeys()
    for event in played.events:
        journeys.take(event)
    summary = summarize(played.state)
    return structs.replace(
        summary,
        rescues=rescues(scenario.estate, scenario.script, played.state, summary),
        moved=journeys.moved(),
        emptied=journeys.emptied(played.state, scenario.script.policies),
    )


def _compare(scenario: Scenario, played: Rehearsal) -> int:
    if scenario.expected is None or scenario.expected == played.log:
        return FITS
    print(f"{scenario.name}: the log is not the expected one; --accept writes it", file=sys.stderr)
    return DIFFERS


def migrate(arguments: Sequence[str]) -> int:
    """Say what one migration costs."""
    parser = argparse.ArgumentParser(prog="python -m operations migrate")
    parser.add_argument("--memory-mib", type=_positive, required=True, help="memory in use")
    parser.add_argument("--dirty-mib-s", type=_not_negative, default=0.0)
    parser.add_argument("--working-set-mib", type=_not_negative)
    parser.add_argument("--link-mbit", type=_positive, default=10_000.0)
    parser.add_argument("--concurrent", type=_positive, default=1.0, help="migrations that share the link")
    parser.add_argument("--link-share", type=_positive, help="part of the link that memory gets; 0.94")
    parser.add_argument("--cap-mib-s", type=_positive)
    parser.add_argument("--downtime-limit-ms", type=_positive, default=300.0)
    parser.add_argument("--remedy", choices=get_args(Remedy), default="none", help="if it does not end")
    parser.add_argument("--time-out-s", type=_positive, default=3600.0)
    parser.add_argument("--max-rounds", type=_count, default=30)
    parser.add_argument(
        "--look-s", type=_not_negative, default=0.0, help="how often it looks whether the rest fits; QEMU 0.1"
    )
    for name, of in _TIMES.items():
        parser.add_argument(f"--{name}", type=_not_negative, help=f"timing {of}")
    parser.add_argument("--ping-interval-s", type=_positive, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the phase of the pings")
    parser.add_argument("--profile", choices=PRODUCTS, default="vsphere")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    answer = _migration(asked)
    if asked.json:
        print(msgspec.json.encode(answer).decode())
    else:
        print("".join(f"{name:<22}{value}\n" for name, value in answer.items()), end="")
    return FITS if answer["converged"] else DIFFERS


def _migration(asked: argparse.Namespace) -> dict[str, Any]:
    policies = policies_of(asked.profile)
    times = structs.replace(
        policies.timings,
        **{
            of: given
            for name, of in _TIMES.items()
            if (given := getattr(asked, name.replace("-", "_"))) is not None
        },
    )
    load = MigrationLoad(
        memory_mib=asked.memory_mib,
        dirty_mib_s=asked.dirty_mib_s,
        working_set_mib=asked.working_set_mib,
        downtime_limit_ms=asked.downtime_limit_ms,
        max_rounds=asked.max_rounds,
        remedy=asked.remedy,
        setup_s=times.migration_setup_s,
        device_ms=times.migration_device_ms,
        announce_ms=times.announce_ms,
        cap_mib_s=asked.cap_mib_s,
        time_out_s=asked.time_out_s,
        look_s=asked.look_s,
    )
    share = policies.migration.link_share if asked.link_share is None else asked.link_share
    link = asked.link_mbit * MIB_PER_MBIT * share / asked.concurrent
    rate = link if asked.cap_mib_s is None else min(link, asked.cap_mib_s)
    found = predict(load, rate, asked.ping_interval_s, link)
    chance = np.random.Generator(np.random.PCG64(asked.seed))
    drawn = draw_lost_pings(found, times.announce_ms, asked.ping_interval_s, chance)
    return {
        "rounds": found.rounds,
        "seconds": found.seconds,
        "downtime_ms": found.downtime_ms,
        "lost_pings": found.lost_pings,
        "sent_mib": found.sent_mib,
        "converged": found.converged,
        "why": str(found.why),
        "precopy_s": found.precopy_s,
        "lost_pings_simulated": drawn,
        "lost_pings_chances": _chances(found.downtime_ms, times.announce_ms, asked.ping_interval_s),
        "risk_s": found.risk_s,
        "throttle_percent": 100 * found.throttle,
    }


def _chances(downtime_ms: float | None, announce_ms: float, interval_s: float) -> list[float] | None:
    """How likely it is that 0, 1, 2 ... pings are lost."""
    if downtime_ms is None:
        return None
    return [round(each, 4) for each in loss_chances([downtime_ms + announce_ms], interval_s)]


def fit(arguments: Sequence[str]) -> int:
    """Fit the model to measured migrations and tell its error on those it has not seen."""
    parser = argparse.ArgumentParser(prog="python -m operations fit")
    parser.add_argument("measured", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    measured = read_measured(asked.measured)
    if len({one.case for one in measured}) < CASES_LEAST:
        raise ScenarioError(str(asked.measured), 0, "", Sentence("fewer than two cases were measured"))
    answer = told(measured)
    if asked.json:
        print(msgspec.json.encode(answer).decode())
    else:
        print_told(answer)
    return FITS


def evacuate(arguments: Sequence[str]) -> int:
    """Empty a host and say how long that takes and what stays."""
    parser = _estate_parser("evacuate")
    parser.add_argument("--host", required=True)
    asked = parser.parse_args(arguments)
    estate = read_estate(asked.estate)
    script = Script(
        policies=policies_of(asked.profile),
        instructions=(Instruction(0.0, "maintenance", (asked.host,)),),
        cluster=asked.cluster,
    )
    if all(host.name != asked.host for host in estate.hosts):
        raise ScenarioError(str(asked.estate), 0, asked.host, "there is no such host")
    scenario = Scenario(name=str(asked.estate), promise="", estate=estate, script=script)
    played = rehearse(scenario)
    _print_events(played, as_json=asked.json)
    _print_verdict(scenario, played, as_json=asked.json)
    return FITS if any(isinstance(event, v.MaintenanceOn) for event in played.events) else DIFFERS


def movable(arguments: Sequence[str]) -> int:
    """Say of every other host whether a VM can move there now, and what forbids it."""
    parser = _estate_parser("movable")
    parser.add_argument("--vm", required=True)
    asked = parser.parse_args(arguments)
    policies = policies_of(asked.profile)
    state = open_state(read_estate(asked.estate), policies, cluster=asked.cluster)
    vm = state.vms.get(asked.vm)
    if vm is None:
        raise ScenarioError(str(asked.estate), 0, asked.vm, "there is no such VM on a host of the cluster")
    answers = {
        host.name: unmet(state, policies, vm, host) for host in state.hosts.values() if host.name != vm.host
    }
    if asked.json:
        print(msgspec.json.encode({name: _unmet_record(found) for name, found in answers.items()}).decode())
    else:
        print("\n".join(line for name, found in answers.items() for line in _unmet_lines(name, found)))
    return FITS if any(not found for found in answers.values()) else DIFFERS


def _unmet_lines(host: str, found: tuple[Prerequisite, ...]) -> Iterator[str]:
    yield f"{host:<20} {'no' if found else 'yes'}"
    yield from (f"  {one.id:<18} {one.words}; {one.remedy}" for one in found)


def _unmet_record(found: tuple[Prerequisite, ...]) -> list[dict[str, str]]:
    return [{"id": one.id, "words": str(one.words), "remedy": str(one.remedy)} for one in found]


def drills(arguments: Sequence[str]) -> int:
    """Fail every host, or every pair, and print who is out for how long."""
    parser = _estate_parser("drill")
    parser.add_argument("--pairs", action="store_true", help="fail every pair of hosts")
    asked = parser.parse_args(arguments)
    kind: Kind = "pairs" if asked.pairs else "each"
    report = drill(read_estate(asked.estate), policies_of(asked.profile), kind, cluster=asked.cluster)
    print(msgspec.json.encode(_drill_record(report)).decode() if asked.json else _drill_text(report))
    return FITS if report.is_survived else DIFFERS


def _drill_record(report: DrillReport) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "survived": report.is_survived,
        "worst": None if report.worst is None else list(report.worst.failed),
        "drills": [
            {
                "failed": list(each.failed),
                "worst_s": each.worst_s,
                "outages": {outage.vm: outage.outage_s for outage in each.outages if not outage.is_lost},
                "lost": {outage.vm: str(outage.why) for outage in each.lost},
            }
            for each in report.drills
        ],
    }


def _drill_text(report: DrillReport) -> str:
    lines = []
    for each in report.drills:
        back = len(each.outages) - len(each.lost)
        lines.append(
            f"{'+'.join(each.failed):<24} {back:4} back, longest {each.worst_s:7.1f} s, {len(each.lost)} lost"
        )
        lines.extend(f"    {outage.vm}: {outage.why}" for outage in each.lost)
    return "\n".join(lines)


def timings(arguments: Sequence[str]) -> int:
    """Print every duration with its source."""
    argparse.ArgumentParser(prog="python -m operations timings").parse_args(arguments)
    for row in ROWS:
        mark = "" if row.verified else "  (unverified)"
        print(f"{row.name:<26}{row.vsphere:>9g}{row.proxmox:>9g} {row.unit:<6}{row.source}{mark}")
    return FITS


def _estate_parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m operations {verb}")
    parser.add_argument("estate", type=Path)
    parser.add_argument("--profile", choices=PRODUCTS, default="vsphere")
    parser.add_argument("--cluster")
    parser.add_argument("--json", action="store_true")
    return parser


def _positive(word: str) -> float:
    value = _not_negative(word)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{word} is not above 0")
    return value


def _count(word: str) -> int:
    try:
        value = int(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word} is no whole number") from None
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{word} is not between 1 and 10000")
    return value


def _not_negative(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word} is no number") from None
    if not 0 <= value <= 1e15:
        raise argparse.ArgumentTypeError(f"{word} is not between 0 and 1e15")
    return value


_DOES: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "play": play,
    "migrate": migrate,
    "fit": fit,
    "evacuate": evacuate,
    "movable": movable,
    "drill": drills,
    "timings": timings,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

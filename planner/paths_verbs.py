"""The verbs of the command line about redundancy: paths and blast."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from planner.availability.assumed import AssumptionError, Assumptions, assumptions_of
from planner.availability.report import examine_availability, examine_services
from planner.availability_told import availability_document, availability_lines
from planner.blast import blast
from planner.nines_priced import price_nines
from planner.parameters import ParameterError, Parameters
from planner.paths.report import examine
from planner.paths_told import blast_document, blast_lines, paths_document, paths_lines
from planner.quality import Reading
from planner.report import failures_tolerated
from planner.sentence import Sentence

if TYPE_CHECKING:
    from argparse import _SubParsersAction

Clock: TypeAlias = Callable[[], float]
Verb: TypeAlias = Callable[[Reading, argparse.Namespace, Clock], tuple[str, int]]

WELL: Final = 0
NOT_WELL: Final = 1
YEARS_MOST: Final = 10_000_000
THREADS_MOST: Final = 64


def add_paths_verbs(verbs: _SubParsersAction[Any]) -> list[argparse.ArgumentParser]:
    """Add the verbs; FILE and --json are added to all verbs alike."""
    paths = verbs.add_parser("paths", help="single points of failure, pairs, unknowns, rules broken")
    radius = verbs.add_parser("blast", help="who stops and what HA does when components fail")
    radius.add_argument(
        "--fail", metavar="X[,Y]", required=True, help="components by name, or kind:name (host:esx1)"
    )
    uptime = verbs.add_parser("availability", help="minutes a year by cause, without protection, with HA, FT")
    uptime.add_argument("--years", metavar="Y", type=float, default=10_000.0, help="to play (%(default)s)")
    uptime.add_argument("--seed", metavar="S", type=int, default=1, help="of the chance (%(default)s)")
    uptime.add_argument(
        "--threads", metavar="T", type=int, default=1, help="that play side by side (%(default)s)"
    )
    uptime.add_argument(
        "--assume", metavar="NAME=VALUE", action="append", default=[],
        help="instead of the catalogue: mttr_h=8, crews=2, beta=0.02, human_errors_a_year=0.5, "
        "human_minutes_each=30, mtbf_h.switch=300000 ...; may be given several times",
    )  # fmt: skip
    return [paths, radius, uptime]


def _paths(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    report = examine(reading.estate)
    status = NOT_WELL if report.single_points else WELL
    if options.json:
        return json.dumps(paths_document(report), indent=2, allow_nan=False), status
    return "\n".join(paths_lines(report)), status


def _blast(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    names = [name for name in options.fail.split(",") if name.strip()]
    found = blast(reading.estate, names, vcpu_per_core=Parameters().vcpu_per_core)
    status = WELL if found.harmless else NOT_WELL
    if options.json:
        return json.dumps(blast_document(found), indent=2, allow_nan=False), status
    return "\n".join(blast_lines(found)), status


def _availability(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    if not 0 <= options.years <= YEARS_MOST:
        raise ParameterError(
            Sentence("--years takes 0 to {most}, not {found}", {"most": YEARS_MOST, "found": options.years})
        )
    if options.seed < 0:
        raise ParameterError(Sentence("--seed takes 0 or more, not {found}", {"found": options.seed}))
    tolerated = failures_tolerated(reading, Parameters(licence="none"))
    if not 1 <= options.threads <= THREADS_MOST:
        raise ParameterError(
            Sentence(
                "--threads takes 1 to {most}, not {found}", {"most": THREADS_MOST, "found": options.threads}
            )
        )
    chance = np.random.Generator(np.random.PCG64(options.seed))
    assumed = _assumed(options.assume)
    found = examine_availability(
        reading.estate, tolerated, chance, years=options.years, threads=options.threads, assumed=assumed
    )
    services = examine_services(
        reading.estate, tolerated, chance.spawn(1)[0], years=options.years, assumed=assumed
    )
    priced = {one.name: price_nines(reading, one, Parameters()) for one in found}
    if options.json:
        document = availability_document(found, priced, services, years=options.years, seed=options.seed)
        return json.dumps(document, indent=2, allow_nan=False), WELL
    return "\n".join(availability_lines(found, priced, services)), WELL


def _assumed(given: Sequence[str]) -> Assumptions:
    """Read NAME=VALUE; `mtbf_h.switch=300000` is the life of a kind."""
    values: dict[str, object] = {}
    lives: dict[str, float] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            raise ParameterError(
                Sentence("--assume takes NAME=NUMBER, not {found}", {"found": text})
            ) from None
        if name.startswith("mtbf_h."):
            lives[name.removeprefix("mtbf_h.")] = value
        else:
            values[name] = int(value) if value.is_integer() else value
    try:
        return assumptions_of({**values, "mtbf_h": lives})
    except AssumptionError as error:
        raise ParameterError(Sentence("--assume: {reason}", {"reason": str(error)})) from error


PATHS_VERBS: Final[dict[str, Verb]] = {"paths": _paths, "blast": _blast, "availability": _availability}

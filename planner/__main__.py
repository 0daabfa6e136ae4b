"""`python -m planner <verb> FILE [--json]`: the planner on a command line, without a database or a server.

Exit status: 0 fits, 1 does not fit, 2 bad input (one line on stderr).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from numpy.random import PCG64, Generator

from planner.appliance import Offer, offers
from planner.appliance_lines import appliance_document, appliance_lines
from planner.compared import compare
from planner.cost.answer import answer as answer_cost
from planner.cost.book import BookError
from planner.cost.study import TODAY, Study
from planner.cost_document import answer_document
from planner.cost_lines import (
    comparison_lines,
    doubt_lines,
    found_lines,
    level_lines,
    study_lines,
    verdict_lines,
)
from planner.cost_verbs import (
    add_arguments,
    add_host_arguments,
    add_model_arguments,
    asked_of,
    assumptions_of,
    models_of,
    prices_of,
    question_of,
    variants_of,
)
from planner.document import place_document, plan_document, summary_document
from planner.estate import EstateError
from planner.forecast_verbs import FORECAST_VERBS, add_forecast_verbs
from planner.formats.reader import read
from planner.hardware.document import found_document
from planner.hardware.search import search
from planner.lost_together import ALONE, FIELDS
from planner.parameters import ParameterError, Parameters, check_group
from planner.paths_verbs import PATHS_VERBS, add_paths_verbs
from planner.placing import place_estate
from planner.printout import clean, plan_lines, summary_lines
from planner.printout_placing import place_lines
from planner.quality import FormatError, Reading
from planner.report import plan
from planner.resilience.verbs import VERBS, add_verbs, answer
from planner.sentence import Sentence

FITS: Final = 0
DOES_NOT_FIT: Final = 1
BAD_INPUT: Final = 2
SEED: Final = 1  # of the draws: the same question has the same interval
FILES: Final = "RVTools workbook, CSV folder or zip, estate JSON, appliance, or answers of libvirt or Proxmox"
HISTORY: Final = "a folder of estates whose names hold their dates (2026-03-01.xlsx), or a CSV trace"

Clock: TypeAlias = Callable[[], float]  # seconds, as `time.monotonic` gives them


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {clean(message)} (see --help)", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def main(arguments: Sequence[str] | None = None, clock: Clock = time.monotonic) -> int:
    """Read, answer, print; give the exit status."""
    options = _parser().parse_args(arguments)
    try:
        text, status = _answer(options, clock)
    except (FormatError, EstateError, ParameterError, BookError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or options.file}: {error.strerror or error}")
    _print(text)
    return status


def _answer(options: argparse.Namespace, clock: Clock) -> tuple[str, int]:
    if options.verb not in FORECAST_VERBS:
        return ANSWERS[options.verb](_read(options.file), options, clock)
    path = Path(options.file)
    path.stat()
    document, lines, is_well = FORECAST_VERBS[options.verb](path, options)
    return _json(document) if options.json else "\n".join(lines), FITS if is_well else DOES_NOT_FIT


def _parser() -> Parser:
    parser = Parser(prog="python -m planner", description="Capacity planning of virtualization clusters.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    summary = verbs.add_parser("summary", help="what is there: counts, memory, storage, consolidation ratios")
    planning = verbs.add_parser("plan", help="hosts needed, failures tolerated, free room, a first price")
    placing = verbs.add_parser("place", help="who runs where on the fewest hosts, and the proof")
    costing = verbs.add_parser("cost", help="what it costs, line by line, today and on each platform")
    sizing = verbs.add_parser("size", help="which hosts to buy: least cost over many models, and the front")
    for verb in (summary, planning, placing, costing, sizing, *add_verbs(verbs), *add_paths_verbs(verbs)):
        _add_file(verb, FILES)
    for verb in add_forecast_verbs(verbs):
        _add_file(verb, HISTORY)
    add_arguments(costing)
    add_host_arguments(costing)
    add_arguments(sizing)
    add_model_arguments(sizing)
    default = Parameters()
    _add_appliance(verbs, default)
    for verb, failures in ((planning, default.failures), (placing, 0)):
        verb.add_argument("--cluster", metavar="NAME", help="this cluster alone")
        verb.add_argument(
            "--failures",
            metavar="K",
            type=int,
            default=failures,
            help="host failures to carry (%(default)s)",
        )
        verb.add_argument(
            "--vcpu-per-core", metavar="R", type=float, default=default.vcpu_per_core,
            help="vCPUs that may share a core (%(default)s)",
        )  # fmt: skip
        verb.add_argument("--host-cores", metavar="C", type=int, help="cores of a host to buy, all sockets")
        verb.add_argument("--host-sockets", metavar="S", type=int, help="its sockets")
        verb.add_argument("--host-memory-gib", metavar="M", type=float, help="its memory")
    placing.add_argument(
        "--failure-group",
        metavar="WHAT",
        default=ALONE,
        help=f"what fails at once (%(default)s): host, {', '.join(FIELDS)}, or a tag of the hosts",
    )
    placing.add_argument("--new-hosts", action="store_true", help="pack on identical new hosts")
    planning.add_argument("--template", metavar="VM", help="count free room in VMs like this one")
    planning.add_argument("--host-price", metavar="AMOUNT", help="your quote for one host")
    planning.add_argument("--currency", metavar="EUR", default=default.currency, help="of that quote")
    planning.add_argument(
        "--licence", choices=("vvf", "vcf", "none"), default=default.licence,
        help="core licence to price (%(default)s)",
    )  # fmt: skip
    return parser


def _add_file(verb: argparse.ArgumentParser, help_text: str) -> None:
    verb.add_argument("file", metavar="FILE", help=help_text)
    verb.add_argument("--json", action="store_true", help="print JSON instead of text")


def _add_appliance(verbs: argparse._SubParsersAction[Parser], default: Parameters) -> None:
    verb = verbs.add_parser(
        "appliance", help="an OVF or OVA: what it asks for, whether it fits, where, what it costs"
    )
    verb.add_argument("file", metavar="FILE", help="OVF or OVA; of an OVA only the descriptor is read")
    verb.add_argument("--into", metavar="ESTATE", help="the estate to ask for room")
    verb.add_argument("--cluster", metavar="NAME", help="ask this cluster alone")
    verb.add_argument(
        "--failures", metavar="K", type=int, default=default.failures, help="failures to carry (%(default)s)"
    )
    verb.add_argument(
        "--vcpu-per-core", metavar="R", type=float, default=default.vcpu_per_core,
        help="vCPUs that may share a core (%(default)s)",
    )  # fmt: skip
    verb.add_argument("--host-price", metavar="AMOUNT", help="your quote for one host")
    verb.add_argument("--currency", metavar="EUR", default=default.currency, help="of that quote")
    verb.add_argument("--json", action="store_true", help="print JSON instead of text")


def _read(name: str) -> Reading:
    path = Path(name)
    path.stat()  # a missing file is told before any format is tried
    return read(path, path.name)


def _summary(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    if options.json:
        return _json(summary_document(reading)), FITS
    return "\n".join(summary_lines(reading)), FITS


def _place(reading: Reading, options: argparse.Namespace, clock: Clock) -> tuple[str, int]:
    described = (options.host_cores, options.host_sockets, options.host_memory_gib)
    if not options.new_hosts and any(value is not None for value in described):
        raise ParameterError(Sentence("a host to buy is described, and --new-hosts is not asked for"))
    parameters = Parameters(
        failures=options.failures,
        vcpu_per_core=options.vcpu_per_core,
        host_cores=options.host_cores,
        host_sockets=options.host_sockets,
        host_memory_gib=options.host_memory_gib,
        cluster=options.cluster,
    )
    check_group(reading.estate.hosts, options.failure_group)
    began = clock()
    report = place_estate(reading.estate, parameters, options.failure_group, options.new_hosts)
    seconds = clock() - began
    status = FITS if report.fits else DOES_NOT_FIT
    if options.json:
        return _json(place_document(report, reading.quality, seconds)), status
    return "\n".join(place_lines(report, seconds)), status


def _plan(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    parameters = Parameters(
        failures=options.failures,
        vcpu_per_core=options.vcpu_per_core,
        host_cores=options.host_cores,
        host_sockets=options.host_sockets,
        host_memory_gib=options.host_memory_gib,
        cluster=options.cluster,
        template=options.template,
        host_price=options.host_price,
        currency=options.currency,
        licence=options.licence,
    )
    report = plan(reading, parameters)
    status = FITS if report.fits else DOES_NOT_FIT
    if options.json:
        return _json(plan_document(report)), status
    return "\n".join(plan_lines(report, colour=_colour())), status


def _resilience(reading: Reading, options: argparse.Namespace, clock: Clock) -> tuple[str, int]:
    began = clock()
    document, lines, is_well = answer(reading.estate, options)
    seconds = clock() - began
    text = _json(document(seconds)) if options.json else "\n".join(lines(seconds))
    return text, FITS if is_well else DOES_NOT_FIT


def _appliance(reading: Reading, options: argparse.Namespace, _clock: Clock) -> tuple[str, int]:
    found: tuple[Offer, ...] = ()
    if options.into is not None:
        parameters = Parameters(
            failures=options.failures,
            vcpu_per_core=options.vcpu_per_core,
            cluster=options.cluster,
            host_price=options.host_price,
            currency=options.currency,
        )
        found = offers(reading.estate, _read(options.into), parameters)
    status = DOES_NOT_FIT if found and not any(offer.fits for offer in found) else FITS
    if options.json:
        return _json(appliance_document(reading, found)), status
    return "\n".join(appliance_lines(reading, found)), status


def _cost(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    prices, asked = prices_of(options), asked_of(options)
    chance = Generator(PCG64(SEED))
    variants = variants_of(options)
    if variants:
        found = compare(reading.estate, variants, asked, prices, chance)
        answered, status = found.answer, FITS
        lines = comparison_lines(found)
    else:
        found, answered = None, answer_cost(reading.estate, asked, prices, chance)
        status = FITS if any(one.bill.design.key != TODAY for one in answered.designs) else DOES_NOT_FIT
        lines = []
    bills = tuple(shown.bill for shown in answered.designs)
    study = Study(assumptions=asked.assumptions, bills=bills, remarks=answered.remarks)
    if options.json:
        return _json(answer_document(answered, study, prices, found)), status
    lines = lines or [*study_lines(study), *level_lines(answered.levels)]
    lines += doubt_lines(answered.designs)
    return "\n".join([*lines, *verdict_lines(answered.designs)]), status


def _size(reading: Reading, options: argparse.Namespace, _: Clock) -> tuple[str, int]:
    models = models_of(options)
    prices = prices_of(options, quotes=models.quotes)
    found = search(
        reading.estate, models.machines, question_of(options), assumptions_of(options), prices,
        keep_hosts=options.keep_hosts,
    )  # fmt: skip
    status = FITS if found.front else DOES_NOT_FIT
    if options.json:
        return _json(found_document(found, options.currency)), status
    return "\n".join(found_lines(found, options.currency)), status


ANSWERS: Final = {
    "summary": _summary,
    "plan": _plan,
    "place": _place,
    "cost": _cost,
    "size": _size,
    "appliance": _appliance,
    **dict.fromkeys(VERBS, _resilience),
    **PATHS_VERBS,
}


def _json(document: object) -> str:
    return json.dumps(document, indent=2, allow_nan=False)


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _complain(message: str) -> int:
    print(f"planner: {clean(message)}", file=sys.stderr)
    return BAD_INPUT


def _print(text: str) -> None:
    """Write to a pipe that may close early, in whatever alphabet the terminal knows."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader has enough.  Python flushes again at exit, which must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    raise SystemExit(main())

"""`python -m planner <verb> FILE [--json]`: the planner on a command line, without a database or a server.

Exit status: 0 fits, 1 does not fit, 2 bad input (one line on stderr).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from planner.appliance import Offer, offers
from planner.appliance_lines import appliance_document, appliance_lines
from planner.document import plan_document, summary_document
from planner.estate import EstateError
from planner.formats.reader import read
from planner.parameters import ParameterError, Parameters
from planner.printout import clean, plan_lines, summary_lines
from planner.quality import FormatError, Reading
from planner.report import plan

FITS: Final = 0
DOES_NOT_FIT: Final = 1
BAD_INPUT: Final = 2
FILES: Final = "RVTools workbook, CSV folder or zip, estate JSON, appliance, or answers of libvirt or Proxmox"


class Parser(argparse.ArgumentParser):
    """An argument parser that complains in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {clean(message)} (see --help)", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, answer, print; give the exit status."""
    options = _parser().parse_args(arguments)
    try:
        answer = {"summary": _summary, "plan": _plan, "appliance": _appliance}[options.verb]
        text, status = answer(_read(options.file), options)
    except (FormatError, EstateError, ParameterError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{options.file}: {error.strerror or error}")
    _print(text)
    return status


def _parser() -> Parser:
    parser = Parser(prog="python -m planner", description="Capacity planning of virtualization clusters.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    summary = verbs.add_parser("summary", help="what is there: counts, memory, storage, consolidation ratios")
    planning = verbs.add_parser("plan", help="hosts needed, failures tolerated, free room, a first price")
    for verb in (summary, planning):
        verb.add_argument("file", metavar="FILE", help=FILES)
        verb.add_argument("--json", action="store_true", help="print JSON instead of text")
    default = Parameters()
    _add_appliance(verbs, default)
    planning.add_argument("--cluster", metavar="NAME", help="plan this cluster alone")
    planning.add_argument(
        "--failures",
        metavar="K",
        type=int,
        default=default.failures,
        help="host failures to carry (%(default)s)",
    )
    planning.add_argument(
        "--vcpu-per-core", metavar="R", type=float, default=default.vcpu_per_core,
        help="vCPUs that may share a core (%(default)s)",
    )  # fmt: skip
    planning.add_argument("--host-cores", metavar="C", type=int, help="cores of a host to buy, all sockets")
    planning.add_argument("--host-sockets", metavar="S", type=int, help="its sockets")
    planning.add_argument("--host-memory-gib", metavar="M", type=float, help="its memory")
    planning.add_argument("--template", metavar="VM", help="count free room in VMs like this one")
    planning.add_argument("--host-price", metavar="AMOUNT", help="your quote for one host")
    planning.add_argument("--currency", metavar="EUR", default=default.currency, help="of that quote")
    planning.add_argument(
        "--licence", choices=("vvf", "vcf", "none"), default=default.licence,
        help="core licence to price (%(default)s)",
    )  # fmt: skip
    return parser


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


def _summary(reading: Reading, options: argparse.Namespace) -> tuple[str, int]:
    if options.json:
        return _json(summary_document(reading)), FITS
    return "\n".join(summary_lines(reading)), FITS


def _plan(reading: Reading, options: argparse.Namespace) -> tuple[str, int]:
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


def _appliance(reading: Reading, options: argparse.Namespace) -> tuple[str, int]:
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

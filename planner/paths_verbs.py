"""The verbs of the command line about redundancy: paths and blast."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from planner.blast import blast
from planner.parameters import Parameters
from planner.paths.report import examine
from planner.paths_told import blast_document, blast_lines, paths_document, paths_lines
from planner.quality import Reading

if TYPE_CHECKING:
    from argparse import _SubParsersAction

Verb: TypeAlias = Callable[[Reading, argparse.Namespace], tuple[str, int]]

WELL: Final = 0
NOT_WELL: Final = 1


def add_paths_verbs(verbs: _SubParsersAction[Any]) -> list[argparse.ArgumentParser]:
    """Add the verbs; FILE and --json are added to all verbs alike."""
    paths = verbs.add_parser("paths", help="single points of failure, pairs, unknowns, rules broken")
    radius = verbs.add_parser("blast", help="who stops and what HA does when components fail")
    radius.add_argument(
        "--fail", metavar="X[,Y]", required=True, help="components by name, or kind:name (host:esx1)"
    )
    return [paths, radius]


def _paths(reading: Reading, options: argparse.Namespace) -> tuple[str, int]:
    report = examine(reading.estate)
    status = NOT_WELL if report.single_points else WELL
    if options.json:
        return json.dumps(paths_document(report), indent=2, allow_nan=False), status
    return "\n".join(paths_lines(report)), status


def _blast(reading: Reading, options: argparse.Namespace) -> tuple[str, int]:
    names = [name for name in options.fail.split(",") if name.strip()]
    found = blast(reading.estate, names, vcpu_per_core=Parameters().vcpu_per_core)
    status = WELL if found.harmless else NOT_WELL
    if options.json:
        return json.dumps(blast_document(found), indent=2, allow_nan=False), status
    return "\n".join(blast_lines(found)), status


PATHS_VERBS: Final[dict[str, Verb]] = {"paths": _paths, "blast": _blast}

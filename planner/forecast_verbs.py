"""The verbs of the command line about time: forecast and rightsize, from estates by date or a trace."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from planner.estate import Estate
from planner.forecast.history import measures, series_of
from planner.forecast.rightsizing import Rightsizing, Suggestion, demands_of, rightsize
from planner.forecast.runway import Project, Runway, ranked, runway
from planner.forecast.series import Series
from planner.forecast.trace import parse
from planner.formats.reader import read
from planner.parameters import ParameterError
from planner.printout import clean
from planner.sentence import Sentence

if TYPE_CHECKING:
    from argparse import _SubParsersAction

WELL: Final = 0
NOT_WELL: Final = 1
DATE_IN_NAME: Final = re.compile(r"(?<!\d)(\d{4})[-_]?(\d{2})[-_]?(\d{2})(?!\d)")
SHOWN: Final = 40
Dated: TypeAlias = tuple[tuple[float, Estate], ...]
Answer: TypeAlias = tuple[dict[str, Any], list[str], bool]  # document, lines, whether all is well


def add_forecast_verbs(verbs: _SubParsersAction[Any]) -> list[argparse.ArgumentParser]:
    """Add the verbs; FILE and --json are added to all verbs alike."""
    when = verbs.add_parser("forecast", help="until when: the day each cluster and datastore is full")
    when.add_argument("--today", metavar="DATE", help="count from this day (default: the newest date)")
    when.add_argument(
        "--failures", metavar="K", type=int, default=1, help="host failures to carry (%(default)s)"
    )
    when.add_argument(
        "--vcpu-per-core",
        metavar="R",
        type=float,
        default=4.0,
        help="vCPUs that may share a core (%(default)s)",
    )
    when.add_argument(
        "--project", metavar="DATE,NAME,RESOURCE,AMOUNT", action="append", default=[],
        help="from DATE on NAME wants so much more: 2026-09-01,Production,memory,512",
    )  # fmt: skip
    sizes = verbs.add_parser("rightsize", help="VMs that have more, or less, than they were measured to want")
    return [when, sizes]


def forecast(path: Path, options: argparse.Namespace) -> Answer:
    """Say until when everything in a history suffices."""
    found = _series(path, options)
    newest = max((point.at_days for one in found for point in one.points), default=0.0)
    today = float(_day(options.today, "--today")) if options.today else newest
    projects = _projects(options.project, found)
    runways = ranked([runway(one, today, projects.get((one.name, one.resource), ())) for one in found])
    document = {
        "today": date.fromordinal(int(today)).isoformat() if today >= 1 else None,
        "series": [_runway_document(one, today) for one in runways],
    }
    return document, _runway_lines(runways, today), not any(one.alarm for one in runways)


def sizes(path: Path, _options: argparse.Namespace) -> Answer:
    """Compare what VMs have with what they were measured to want."""
    dated = sorted(_dated(path), key=lambda each: each[0])
    found = rightsize(dated[-1][1], ((at_days, demands_of(estate)) for at_days, estate in dated))
    return msgspec.to_builtins(found), _sizes_lines(found), True


def _series(path: Path, options: argparse.Namespace) -> tuple[Series, ...]:
    if path.is_file() and path.suffix.lower() == ".csv":
        return parse(path.read_bytes(), path.name)
    return series_of(
        (at_days, measures(estate, failures=options.failures, vcpu_per_core=options.vcpu_per_core))
        for at_days, estate in _dated(path)
    )


def _dated(path: Path) -> Dated:
    """Read a folder of estates whose names hold a date, or one such file."""
    files = (
        sorted(each for each in path.iterdir() if not each.name.startswith(".")) if path.is_dir() else [path]
    )
    named = [(found, each) for each in files if (found := DATE_IN_NAME.search(each.name))]
    if not named:
        raise ParameterError(
            Sentence(
                "{file}: no name with a date in it; a history is a folder of estates such as 2026-03-01.xlsx",
                {"file": path.name},
            )
        )
    return tuple(
        (float(_day("-".join(found.groups()), each.name)), read(each, each.name).estate)
        for found, each in named
    )


def _day(text: str, where: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        wanted = Sentence(
            "{where}: {found} is not a date such as 2026-03-01", {"where": where, "found": text}
        )
        raise ParameterError(wanted) from None


def _projects(texts: Sequence[str], series: Sequence[Series]) -> dict[tuple[str, str], list[Project]]:
    known = {(one.name, one.resource) for one in series}
    found: dict[tuple[str, str], list[Project]] = {}
    for text in texts:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 4 or (parts[1], parts[2]) not in known or not _is_number(parts[3]):
            raise ParameterError(
                Sentence(
                    "--project {found}: wanted is DATE,NAME,RESOURCE,AMOUNT of what is in the history",
                    {"found": text},
                )
            )
        project = Project(name=text, at_days=float(_day(parts[0], "--project")), amount=float(parts[3]))
        found.setdefault((parts[1], parts[2]), []).append(project)
    return found


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", text) is not None


def _runway_document(one: Runway, today: float) -> dict[str, Any]:
    def day(ahead: int | None) -> str | None:
        return None if ahead is None else date.fromordinal(int(today) + ahead).isoformat()

    trend = one.trend
    return {
        "subject": one.series.subject,
        "name": one.series.name,
        "resource": one.series.resource,
        "unit": one.series.unit,
        "verdict": one.verdict,
        "days": one.days,
        "full_on": day(one.days),
        "earliest": day(one.earliest),
        "latest": day(one.latest),
        "confidence": one.confidence,
        "alarm": one.alarm,
        "value": None if trend is None else trend.level,
        "capacity": one.series.capacity,
        "per_day": None if trend is None else trend.slope_per_day,
        "points": 0 if trend is None else trend.points,
        "why": str(one.why),
        "remarks": [str(remark) for remark in one.remarks],
    }


def _runway_lines(runways: Sequence[Runway], today: float) -> list[str]:
    if not runways:
        return ["nothing was measured"]
    lines = [f"counted from {date.fromordinal(int(today)).isoformat()}"]
    lines += [line for one in runways[:SHOWN] for line in _runway_line(one)]
    if len(runways) > SHOWN:
        lines.append(f"and {len(runways) - SHOWN} more; --json lists them")
    return lines


def _runway_line(one: Runway) -> Iterator[str]:
    mark = "!" if one.alarm else " "
    sure = "" if one.confidence is None else f"; {100 * one.confidence:.0f} % of past forecasts came true"
    told = sure if one.verdict in ("soon", "later") else ""
    yield f"{mark} {clean(one.series.name)} {one.series.resource}: {one.why}{told}"
    for remark in one.remarks:
        yield f"      {remark}"


def _sizes_lines(found: Rightsizing) -> list[str]:
    lines = [
        f"{found.dates} dates, {found.vms} running VMs: "
        f"{found.judged_cpu} measured well enough in CPU, {found.judged_memory} in memory"
    ]
    lines += [_size_line(one) for one in found.suggestions[:SHOWN]]
    if len(found.suggestions) > SHOWN:
        lines.append(f"  and {len(found.suggestions) - SHOWN} more; --json lists them")
    return [*lines, *(f"  {remark}" for remark in found.remarks)]


def _size_line(one: Suggestion) -> str:
    parts = []
    if one.vcpus_wanted is not None and one.cpu is not None:
        parts.append(
            f"{one.vcpus} -> {one.vcpus_wanted} vCPUs (97th percentile {one.cpu.percentile:,.0f} MHz, "
            f"{one.cpu.samples} samples of {one.cpu.dates} over {one.cpu.span_days:.0f} days)"
        )
    if one.memory_wanted_mib is not None and one.memory is not None:
        parts.append(
            f"{one.memory_mib:,} -> {one.memory_wanted_mib:,} MiB "
            f"(97th percentile {one.memory.percentile:,.0f} MiB, "
            f"{one.memory.samples} samples of {one.memory.dates})"
        )
    return f"  {clean(one.vm)}: {'; '.join(parts)}"


FORECAST_VERBS: Final[dict[str, Callable[[Path, argparse.Namespace], Answer]]] = {
    "forecast": forecast,
    "rightsize": sizes,
}

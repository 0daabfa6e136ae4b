"""A table of measured migrations: read it, fit the model to it, tell the error.

The columns are those of a laboratory's CSV: case, filled_mib, working_set_mib, dirty_rate_mib_s,
bandwidth_cap_mib_s, link_shaping, downtime_limit_ms, mode, ok, total_ms, downtime_ms, transferred_mib; others
are passed over.  Rows that did not end, or were no pre-copy, are left out.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from operations.fitting import Fit, FitError, Measured, fitted, held_out, repeats
from operations.written import ScenarioError
from planner.sentence import Sentence

UNSHAPED: Final = "none"
# QEMU's software emulation on 2 cores, as a start; a wire of 1 Gbit/s carries 0.94 x 1000 / 8.389 MiB/s.
START: Final = Fit(
    setup_s=0.57,
    guest_mib=58.0,
    cap_share=1.0,
    stop_mib_s=500.0,
    links_mib_s={"1gbit": 112.05, UNSHAPED: 280.0},
    wires=("1gbit",),
)
KNOWN: Final = ("guest_mib", "1gbit")
WORST_SHOWN: Final = 8


def read_measured(path: Path) -> list[Measured]:
    """Read the rows of plain pre-copy that ended.

    Raises:
        ScenarioError: no such file, a column that is missing, or a word that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), 0, path.name, Sentence("cannot be read")) from error
    ended = [
        (line, row) for line, row in enumerate(rows, start=2) if (row.get("ok"), row.get("mode")) == _WANTED
    ]
    return [_measured(path, line, row) for line, row in ended]


_WANTED: Final = ("1", "pre-copy")


def _measured(path: Path, line: int, row: dict[str, str]) -> Measured:
    def number(name: str) -> float:
        word = row.get(name) or ""
        try:
            return float(word)
        except ValueError:
            raise ScenarioError(
                str(path), line, word or name, Sentence("{name} is no number", {"name": name})
            ) from None

    return Measured(
        case=row.get("case") or "",
        filled_mib=number("filled_mib"),
        dirty_mib_s=number("dirty_rate_mib_s"),
        working_set_mib=number("working_set_mib"),
        cap_mib_s=number("bandwidth_cap_mib_s") if row.get("bandwidth_cap_mib_s") else None,
        link=row.get("link_shaping") or UNSHAPED,
        downtime_limit_ms=number("downtime_limit_ms"),
        total_s=number("total_ms") / 1000.0,
        downtime_ms=number("downtime_ms") if row.get("downtime_ms") else None,
        sent_mib=number("transferred_mib") if row.get("transferred_mib") else None,
    )


def told(measured: Sequence[Measured]) -> dict[str, Any]:
    """Say the parameters, and how far off they are on runs and cases they have not seen.

    Raises:
        ValueError: too few were measured: one run, one case.
    """
    start = _start(measured)
    fit = fitted(measured, start, KNOWN)
    answer: dict[str, Any] = {
        "fit": {
            "setup_s": fit.setup_s,
            "guest_mib": fit.guest_mib,
            "cap_share": fit.cap_share,
            "links_mib_s": fit.links_mib_s,
        },
        "run_left_out": _error(held_out(measured, start, KNOWN)),
        "case_left_out": _error(held_out(measured, start, KNOWN, "case")),
    }
    if len({one.case for one in measured}) < len(measured):
        answer["one_run_by_another"] = _error(repeats(measured))
    return answer


def _start(measured: Sequence[Measured]) -> Fit:
    """Where the fit begins; a link nobody knows begins as one that nothing bounds."""
    links = {one.link: START.links_mib_s[UNSHAPED] for one in measured} | START.links_mib_s
    return Fit(
        setup_s=START.setup_s, guest_mib=START.guest_mib, cap_share=START.cap_share,
        stop_mib_s=START.stop_mib_s, links_mib_s=links, wires=START.wires,
    )  # fmt: skip


def _error(found: FitError) -> dict[str, Any]:
    worst = [
        {
            "case": miss.case,
            "measured_s": miss.measured_s,
            "foretold_s": miss.foretold_s,
            "error": miss.error,
            "why": str(miss.why),
        }
        for miss in found.misses[:WORST_SHOWN]
    ]
    return {
        "count": found.count, "median": found.median, "p95": found.p95, "stop_bound": found.bound,
        "stops_held": found.held, "worst": worst,
    }  # fmt: skip


def print_told(answer: dict[str, Any]) -> None:
    """Print it for a person."""
    for name, value in answer["fit"].items():
        content = value if isinstance(value, dict) else {"": value}
        sys.stdout.write(
            f"{name:<14}{'  '.join(f'{key} {number:.4g}'.strip() for key, number in content.items())}\n"
        )
    for name in ("run_left_out", "case_left_out", "one_run_by_another"):
        found = answer.get(name)
        if found is None:
            continue
        sys.stdout.write(
            f"\n{name.replace('_', ' ')}: {found['count']} runs, total time off by "
            f"{found['median']:.1%} in the median, {found['p95']:.1%} at the 95th percentile\n"
        )
        if found["stop_bound"] is not None:
            sys.stdout.write(
                f"stops: at most {found['stop_bound']:.2f} x the one foretold; "
                f"{found['stops_held']:.1%} held\n"
            )
        for miss in found["worst"]:
            sys.stdout.write(
                f"  {miss['case']:<22}{miss['measured_s']:8.2f} s measured "
                f"{miss['foretold_s']:8.2f} s foretold {miss['error']:+7.1%}  {miss['why']}\n"
            )

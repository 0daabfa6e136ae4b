"""The answers as lines for a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from planner.printout import clean
from planner.resilience.balance import Balance
from planner.resilience.documents import said
from planner.resilience.evacuation import Evacuation
from planner.resilience.failures import Failures, Loss
from planner.resilience.moving import Cost
from planner.resilience.power import PowerSaving
from planner.resilience.reboots import RebootGroups
from planner.sentence import Sentence

UNITS_SHOWN: Final = 40
VMS_SHOWN: Final = 8
PAIRS_SHOWN: Final = 20
MOVES_SHOWN: Final = 60
GIB: Final = 1024


def failures_lines(found: Sequence[Failures], seconds: float) -> list[str]:
    """Each cluster: how many losses it survives, then every loss that it does not."""
    lines: list[str] = []
    for one in found:
        lines += [*_failures(one), *_notes(one.notes), ""]
    return [*(lines or ["no cluster, no host, no VM: nothing to lose"]), f"tried in {seconds:.2f} s"]


def _failures(found: Failures) -> Iterator[str]:
    verdict = f"survives {found.survived} of {len(found.singles)} losses of one {found.by}"
    if found.pairs is not None:
        verdict += f", {found.pairs - len(found.lost_pairs)} of {found.pairs} losses of two"
    unknown = f"; not known of {found.unseen} VMs on no known host" if found.unseen else ""
    yield f"{clean(found.cluster)}: {verdict}{unknown}"
    lost = [loss for loss in found.singles if loss.lost]
    for loss in lost[:UNITS_SHOWN]:
        yield from _loss(loss)
    yield from _more(len(lost) - UNITS_SHOWN, "losses")
    for pair in found.lost_pairs[:PAIRS_SHOWN]:
        names = " and ".join(clean(unit) for unit in pair.units)
        yield f"  without {names}: {pair.lost} of {pair.vms} VMs lost{_proof(pair)}"
    yield from _more(len(found.lost_pairs) - PAIRS_SHOWN, "pairs")


def _loss(loss: Loss) -> Iterator[str]:
    hosts = f" ({loss.hosts} hosts)" if loss.hosts > 1 else ""
    yield f"  without {clean(loss.units[0])}{hosts}: {loss.lost} of {loss.vms} VMs lost{_proof(loss)}"
    lost = [one for one in loss.restarts if one.host is None]
    for one in lost[:VMS_SHOWN]:
        runs = f"; {one.protected_by} runs on, unprotected" if one.protected_by else ""
        yield f"    {clean(one.vm)}: {clean(said(one.vm, one.reasons) + runs)}"
    if len(lost) > VMS_SHOWN:
        yield f"    and {len(lost) - VMS_SHOWN} more; --json lists them"


def _proof(loss: Loss) -> str:
    return "" if loss.proven else " (none of our ways found them a host; not proven that none does)"


def evacuation_lines(found: Evacuation, seconds: float) -> list[str]:
    """The verdict, every move in order, and who stays."""
    left = sum(move.source == found.host for move in found.moves)
    verdict = "can be emptied" if found.complete else "cannot be emptied"
    lines = [
        f"{clean(found.host)} ({clean(found.cluster)}) {verdict}: {left} of {found.vms} VMs leave, "
        f"at least {found.seconds:.0f} s of migration"
    ]
    lines += [
        f"  stage {move.stage}: {clean(move.vm)} {clean(move.source)} -> {clean(move.target)}, "
        f"{_cost(move.cost)}; {clean(str(move.reason))}"
        for move in found.moves[:MOVES_SHOWN]
    ]
    lines += _more(len(found.moves) - MOVES_SHOWN, "moves")
    lines += [f"  {clean(one.vm)} stays: {clean(said(one.vm, one.reasons))}" for one in found.refusals]
    return [*lines, *_notes(found.notes), f"found in {seconds:.2f} s"]


def reboots_lines(found: Sequence[RebootGroups], seconds: float) -> list[str]:
    """Each cluster: its groups, largest first, and the hosts that cannot be emptied."""
    lines: list[str] = []
    for one in found:
        unknown = f"; not known of {one.unseen} VMs on no known host" if one.unseen else ""
        groups = f"{len(one.groups)} groups; no plan has fewer than {one.at_least}"
        lines.append(f"{clean(one.cluster)}: {groups}{unknown}")
        lines += [
            f"  {number}: {clean(', '.join(group.hosts))} ({group.vms} moves in {group.stages} stages)"
            for number, group in enumerate(one.groups, 1)
        ]
        for stuck in one.stuck:
            lines.append(f"  {clean(stuck.host)} cannot be emptied:")
            lines += [
                f"    {clean(refusal.vm)}: {clean(said(refusal.vm, refusal.reasons))}"
                for refusal in stuck.refusals[:VMS_SHOWN]
            ]
        lines += [*_notes(one.notes), ""]
    return [*(lines or ["no cluster, no host: nothing to reboot"]), f"found in {seconds:.2f} s"]


def balance_lines(found: Sequence[Balance], seconds: float) -> list[str]:
    """Each cluster: the score before and after, and every move with what it brings and costs."""
    lines: list[str] = []
    for one in found:
        lines.append(
            f"{clean(one.cluster)}: score {one.score_before:.2f} -> {one.score_after:.2f} "
            f"with {len(one.moves)} moves"
        )
        if one.broken_before.must or one.broken_before.should:
            lines.append(
                f"  rules and hosts that do not hold: {one.broken_before.must} -> {one.broken_after.must}; "
                f"preferences: {one.broken_before.should} -> {one.broken_after.should}"
            )
        lines += [
            f"  {number}: {clean(move.vm)} {clean(move.source)} -> {clean(move.target)}, score "
            f"{move.score_after:.2f}; {clean(str(move.reason))}; {_cost(move.cost)}"
            for number, move in enumerate(one.moves[:MOVES_SHOWN], 1)
        ]
        lines += [*_more(len(one.moves) - MOVES_SHOWN, "moves"), *_notes(one.notes), ""]
    return [
        *(lines or ["no cluster, no host: nothing to even out"]),
        f"found in {seconds:.2f} s; nothing was moved",
    ]


def power_lines(found: Sequence[PowerSaving], seconds: float) -> list[str]:
    """Each cluster: the hosts that can sleep and the moves that empty them."""
    lines: list[str] = []
    for one in found:
        names = ", ".join(sleeper.host for sleeper in one.sleepers)
        lines.append(
            f"{clean(one.cluster)}: {len(one.sleepers)} hosts can sleep after {len(one.moves)} moves, "
            f"{one.saved_w:.0f} W less when idle{f': {clean(names)}' if names else ''}"
        )
        if one.too_full:
            lines.append(f"  above the band today: {clean(', '.join(one.too_full))}")
        lines += [
            f"  stage {move.stage}: {clean(move.vm)} {clean(move.source)} -> {clean(move.target)}; "
            f"{clean(str(move.reason))}; {_cost(move.cost)}"
            for move in one.moves[:MOVES_SHOWN]
        ]
        lines += [*_more(len(one.moves) - MOVES_SHOWN, "moves"), *_notes(one.notes), ""]
    return [
        *(lines or ["no cluster, no host: nothing to send to sleep"]),
        f"found in {seconds:.2f} s; nothing was moved",
    ]


def _cost(cost: Cost) -> str:
    return (
        f"{cost.memory_mib / GIB:.1f} GiB, {cost.seconds:.0f} s or more, {cost.lost_pings:.1f} pings at most"
    )


def _more(count: int, what: str) -> list[str]:
    return [f"  and {count} more {what}; --json lists them"] if count > 0 else []


def _notes(notes: Sequence[Sentence]) -> list[str]:
    return [f"  note: {clean(str(note))}" for note in notes]

"""The verbs of the command line: what each may be told, and how it answers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from planner.checker import check
from planner.estate import Estate
from planner.lost_together import ALONE, FIELDS, is_known
from planner.parameters import ParameterError, Parameters, check_group, check_parameters
from planner.report import JudgeError
from planner.resilience import documents, lines
from planner.resilience.balance import MOVES_AT_MOST, Balance, BalancePolicy, balance
from planner.resilience.evacuation import evacuate
from planner.resilience.failures import Failures, failures
from planner.resilience.ground import Ground, grounds
from planner.resilience.power import PowerSaving, save_power
from planner.resilience.reboots import reboot_groups
from planner.sentence import Sentence

# What a verb gives: the document, the lines, and whether all is well.
Answer: TypeAlias = tuple[Callable[[float], dict[str, Any]], Callable[[float], list[str]], bool]

NUMBER_MAX: Final = 10**9  # beyond it a number is a typing error
VERBS: Final = ("evacuate", "failures", "reboot-groups", "balance")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add the verbs to a command line; `verbs` is what `add_subparsers` gives."""
    evacuating = verbs.add_parser("evacuate", help="empty one host: who goes where, in which order")
    evacuating.add_argument("--host", metavar="H", required=True, help="the host to empty")
    failing = verbs.add_parser("failures", help="which losses the VMs survive, who is lost and why")
    failing.add_argument("--double", action="store_true", help="lose two at once as well")
    failing.add_argument(
        "--by",
        metavar="WHAT",
        default=ALONE,
        help=f"what fails at once (%(default)s): host, {', '.join(FIELDS)}, or a tag of the hosts",
    )
    rebooting = verbs.add_parser("reboot-groups", help="which hosts may be down together")
    balancing = verbs.add_parser("balance", help="which migrations even out the hosts; nothing is moved")
    policy = BalancePolicy()
    balancing.add_argument(
        "--max-moves", metavar="M", type=int, default=MOVES_AT_MOST, help="moves at most (%(default)s)"
    )
    balancing.add_argument(
        "--min-gain", metavar="G", type=float, default=policy.min_gain,
        help="score x hosts that a move must bring (%(default)s)",
    )  # fmt: skip
    balancing.add_argument(
        "--calm", metavar="S", type=float, default=policy.calm,
        help="leave a spread below S points alone (%(default)s)",
    )  # fmt: skip
    balancing.add_argument(
        "--hold", metavar="VM", action="append", default=[], help="a VM that stays; again for more"
    )
    balancing.add_argument(
        "--failures", metavar="K", type=int, choices=(0, 1, 2), default=0,
        help="no move makes the loss of K hosts worse (%(default)s)",
    )  # fmt: skip
    balancing.add_argument(
        "--continuous", action="store_true", help="VMs that must stand together do not move"
    )
    balancing.add_argument("--power-saving", action="store_true", help="empty hosts so that they can sleep")
    for verb in (failing, rebooting, balancing):
        verb.add_argument("--cluster", metavar="NAME", help="this cluster alone")
    every = [evacuating, failing, rebooting, balancing]
    for verb in every:
        verb.add_argument(
            "--vcpu-per-core", metavar="R", type=float, default=Parameters().vcpu_per_core,
            help="vCPUs that may share a core (%(default)s)",
        )  # fmt: skip
    return every


def answer(estate: Estate, options: argparse.Namespace) -> Answer:
    """Answer a verb.

    Raises:
        ParameterError: an option that makes no sense, or names what the estate does not have.
        JudgeError: the checker found fault with what we recommend.
    """
    check_parameters(Parameters(vcpu_per_core=options.vcpu_per_core))
    match options.verb:
        case "evacuate":
            return _evacuate(estate, options)
        case "failures":
            return _failures(estate, options)
        case "reboot-groups":
            return _reboots(estate, options)
        case _:
            return _balance(estate, options)


def _evacuate(estate: Estate, options: argparse.Namespace) -> Answer:
    found = evacuate(estate, options.host, vcpu_per_core=options.vcpu_per_core)
    return (
        lambda seconds: documents.evacuation_document(found, seconds),
        lambda seconds: lines.evacuation_lines(found, seconds),
        found.complete,
    )


def _failures(estate: Estate, options: argparse.Namespace) -> Answer:
    check_group(estate.hosts, options.by)
    found: list[Failures] = [
        failures(ground, _by(ground, options.by), double=options.double)
        for ground in grounds(estate, vcpu_per_core=options.vcpu_per_core, cluster=options.cluster, cold=True)
    ]
    return (
        lambda seconds: documents.failures_document(found, seconds),
        lambda seconds: lines.failures_lines(found, seconds),
        all(one.survives for one in found),
    )


def _by(ground: Ground, what: str) -> str:
    """Lose the hosts of a cluster one by one where none of them has the tag that those of another have."""
    return what if is_known(ground.hosts, what) else ALONE


def _reboots(estate: Estate, options: argparse.Namespace) -> Answer:
    found = [
        reboot_groups(ground)
        for ground in grounds(estate, vcpu_per_core=options.vcpu_per_core, cluster=options.cluster)
    ]
    return (
        lambda seconds: documents.reboots_document(found, seconds),
        lambda seconds: lines.reboots_lines(found, seconds),
        all(one.complete for one in found),
    )


def _balance(estate: Estate, options: argparse.Namespace) -> Answer:
    _check_balance(estate, options)
    every = grounds(estate, vcpu_per_core=options.vcpu_per_core, cluster=options.cluster)
    if options.power_saving:
        saved = _save_power(every, options)
        return (
            lambda seconds: documents.power_document(saved, seconds),
            lambda seconds: lines.power_lines(saved, seconds),
            not any(one.too_full for one in saved),
        )
    found = balance_all(every, policy_of(options))
    return (
        lambda seconds: documents.balance_document(found, seconds),
        lambda seconds: lines.balance_lines(found, seconds),
        not any(one.broken_after.must for one in found),
    )


def policy_of(options: argparse.Namespace) -> BalancePolicy:
    """Take the options of `balance`."""
    return BalancePolicy(
        max_moves=options.max_moves,
        min_gain=options.min_gain,
        calm=options.calm,
        failures=options.failures,
        held=frozenset(options.hold),
        continuous=options.continuous,
    )


def balance_all(every: tuple[Ground, ...], policy: BalancePolicy) -> list[Balance]:
    """Balance the clusters; they share the budget of moves in the order of their names."""
    left = policy.max_moves
    found = []
    for ground in every:
        one = balance(ground, BalancePolicy(**{**_fields(policy), "max_moves": left}))
        judge(ground, one.placed)
        left -= len(one.moves)
        found.append(one)
    return found


def _fields(policy: BalancePolicy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in policy.__struct_fields__}


def _save_power(every: tuple[Ground, ...], options: argparse.Namespace) -> list[PowerSaving]:
    left = options.max_moves
    found = []
    for ground in every:
        one = save_power(ground, failures=options.failures, max_moves=left)
        judge(ground, one.placed)
        left -= len(one.moves)
        found.append(one)
    return found


def judge(ground: Ground, placed: dict[str, str]) -> None:
    """Have a recommendation counted by the checker: nothing may be wrong that is not wrong today.

    Raises:
        JudgeError: something is.
    """
    load, capacity = ground.tables.load, ground.tables.capacity
    today = ground.tables.placed(ground.where)
    nowhere = [name for name in load.names if name not in today]
    before = {(one.fault, one.subject) for one in check(today, load, capacity, ground.rules, nowhere)}
    after = check(placed, load, capacity, ground.rules, nowhere)
    worse = [one for one in after if (one.fault, one.subject) not in before]
    if worse:
        raise JudgeError(f"{len(worse)} violations, the first: {worse[0].message}")


def _check_balance(estate: Estate, options: argparse.Namespace) -> None:
    """Refuse what makes no sense."""
    known = {vm.name for vm in estate.vms}
    for name in options.hold:
        if name not in known:
            raise ParameterError(Sentence("there is no VM {name}", {"name": name}))
    asked = {"max-moves": options.max_moves, "min-gain": options.min_gain, "calm": options.calm}
    for what, value in asked.items():
        if not 0 <= value <= NUMBER_MAX:  # NaN is neither
            raise ParameterError(
                Sentence(
                    "{what}: {value} is not between 0 and {most}",
                    {"what": what, "value": str(value), "most": NUMBER_MAX},
                )
            )

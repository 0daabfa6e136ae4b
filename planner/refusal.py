"""Why a VM has no host: a refusal is a value, never an exception."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from planner.sentence import Sentence


class Reason(StrEnum):
    """What a host lacks for a VM."""

    CPU = "CPU"
    MEMORY = "MEMORY"
    DATASTORE_FULL = "DATASTORE_FULL"
    DATASTORE_UNREACHABLE = "DATASTORE_UNREACHABLE"
    NETWORK = "NETWORK"
    IOPS = "IOPS"
    BANDWIDTH = "BANDWIDTH"
    CPU_MODEL = "CPU_MODEL"
    RULE = "RULE"
    FAILOVER_RESERVE = "FAILOVER_RESERVE"
    MAINTENANCE = "MAINTENANCE"


class ReasonCount(Struct, frozen=True, kw_only=True):
    """One reason and how many hosts give it; `detail` names the rule, where it is one."""

    reason: Reason
    hosts: int
    detail: str = ""


class Refusal(Struct, frozen=True, kw_only=True):
    """A VM that no host takes, with the hosts counted by reason."""

    vm: str
    reasons: tuple[ReasonCount, ...]

    def short(self) -> str:
        """Say the reasons in one line, most hosts first.

        >>> counts = (ReasonCount(reason=Reason.RULE, hosts=1, detail="spread-db"),
        ...           ReasonCount(reason=Reason.MEMORY, hosts=3))
        >>> Refusal(vm="db3", reasons=counts).short()
        '3 hosts: MEMORY, 1: RULE spread-db'
        >>> Refusal(vm="db3", reasons=()).short()
        'there is no host'
        """
        if not self.reasons:
            return "there is no host"
        ordered = sorted(self.reasons, key=lambda count: (-count.hosts, count.reason, count.detail))
        said = [f"{count.hosts}: {count.reason} {count.detail}".rstrip() for count in ordered]
        first = ordered[0].hosts
        return ", ".join(said).replace(f"{first}:", f"{first} {'host' if first == 1 else 'hosts'}:", 1)

    def sentences(self) -> tuple[Sentence, ...]:
        """Say each reason in a sentence of its own."""
        return tuple(
            Sentence(
                _SAID[count.reason].template, {"vm": self.vm, "hosts": count.hosts, "rule": count.detail}
            )
            for count in self.reasons
        )


def count_reasons(reasons: Iterable[Reason | None], rules: str) -> tuple[ReasonCount, ...]:
    """Count hosts by what they lack; one that lacks nothing is forbidden by `rules`.

    >>> counted = count_reasons([Reason.CPU, None, Reason.CPU], "apart")
    >>> [(count.reason.value, count.hosts) for count in counted]
    [('CPU', 2), ('RULE', 1)]
    """
    counts = Counter(reason or Reason.RULE for reason in reasons)
    return tuple(
        ReasonCount(reason=reason, hosts=hosts, detail=rules if reason is Reason.RULE else "")
        for reason, hosts in sorted(counts.items())
    )


_SAID: Final = {
    Reason.CPU: Sentence("{vm} finds no host: too little CPU (hosts: {hosts})"),
    Reason.MEMORY: Sentence("{vm} finds no host: too little memory (hosts: {hosts})"),
    Reason.DATASTORE_FULL: Sentence("{vm} finds no host: datastores full (hosts: {hosts})"),
    Reason.DATASTORE_UNREACHABLE: Sentence("{vm} finds no host: datastores out of reach (hosts: {hosts})"),
    Reason.NETWORK: Sentence("{vm} finds no host: one of its networks is missing (hosts: {hosts})"),
    Reason.IOPS: Sentence("{vm} finds no host: too few disk operations a second (hosts: {hosts})"),
    Reason.BANDWIDTH: Sentence("{vm} finds no host: too little network bandwidth (hosts: {hosts})"),
    Reason.CPU_MODEL: Sentence("{vm} finds no host: a CPU it cannot run on (hosts: {hosts})"),
    Reason.RULE: Sentence("{vm} finds no host: forbidden by {rule} (hosts: {hosts})"),
    Reason.FAILOVER_RESERVE: Sentence("{vm} finds no host: kept for failures (hosts: {hosts})"),
    Reason.MAINTENANCE: Sentence("{vm} finds no host: in maintenance or not connected (hosts: {hosts})"),
}

"""The rule columns of vInfo -> rules that keep VMs together or apart.

vInfo lists on each VM the kinds of its rules and their names.  That is enough for the two rules between
VMs; of a rule between VMs and hosts it names no host, so such a rule cannot be taken over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from planner.estate import Rule
from planner.formats.findings import Findings
from planner.formats.table import Table
from planner.formats.text import shortened

Kind: TypeAlias = Literal["spread", "gather", "other"]

_LIST: Final = re.compile(r"[,;\n|]")


def kind_of(word: str) -> Kind:
    """Say what a rule's kind means: vSphere's ClusterAntiAffinityRuleSpec spreads, ClusterAffinityRuleSpec
    gathers, everything else is a rule about hosts or about the order of restarts.

    >>> [kind_of(word) for word in ("anti-affinity", "ClusterAffinityRuleSpec", "ClusterVmHostRuleInfo")]
    ['spread', 'gather', 'other']
    """
    plain = re.sub(r"[^a-z]", "", word.casefold())
    if "host" in plain or "depend" in plain:
        return "other"
    if "anti" in plain or "separate" in plain or "spread" in plain:
        return "spread"
    return "gather" if "affin" in plain or "together" in plain else "other"


def cluster_rules(
    info: Table, names: Mapping[int, str], clusters: Sequence[str | None], findings: Findings
) -> tuple[Rule, ...]:
    """Build the rules that hold between VMs.

    Args:
        names: name of each VM by its place in vInfo.
        clusters: cluster of each row of vInfo.
    """
    members: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    kinds: dict[tuple[str | None, str], set[Kind]] = defaultdict(set)
    columns = (info.texts("rule_kinds"), info.texts("rule_names"))
    for place, (kind_list, name_list) in enumerate(zip(*columns, strict=True)):
        if place not in names or not (kind_list or name_list):
            continue
        for kind, name in _paired(kind_list, name_list):
            key = (clusters[place], name)
            members[key].add(names[place])
            kinds[key].add(kind)
    rules: list[Rule] = []
    untaken: list[str] = []
    for key in sorted(members, key=lambda key: (key[0] or "", key[1])):
        cluster, name = key
        kind = next(iter(kinds[key])) if len(kinds[key]) == 1 else "other"
        if kind == "other" or len(members[key]) < 2:
            untaken.append(name)
        else:
            rules.append(
                Rule(kind=kind, vms=tuple(sorted(members[key])), name=shortened(name), cluster=cluster)
            )
    if untaken:
        findings.warn_often(
            "{count} rules were not taken over, for the export does not name their hosts, their kind or a "
            "second VM: {rules}",
            len(untaken),
            sheet=info.name,
            column="Cluster rule name(s)",
            count=len(untaken),
            rules=shortened(", ".join(untaken), 200),
        )
    return tuple(rules)


def _paired(kind_list: str | None, name_list: str | None) -> list[tuple[Kind, str]]:
    """Pair the kinds of a cell with the names of its neighbour, in order.

    One kind before several names is the kind of all; any other mismatch leaves the kinds unknown.
    """
    kinds = [kind_of(word) for word in _LIST.split(kind_list or "") if word.strip()]
    names = [word.strip() for word in _LIST.split(name_list or "") if word.strip()]
    if len(set(kinds)) == 1:
        kinds = kinds[:1] * max(1, len(names))
    if len(kinds) != len(names):
        kinds = ["other"] * len(names)
    return list(zip(kinds, names, strict=True))

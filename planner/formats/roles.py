"""What each port group is for, where an export does not say: from its name, and from who is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from planner.estate import VM, Host, PortGroup, Role
from planner.formats.findings import Findings

# RVTools exports no service of a VMkernel port, so the words that people name such networks by must do.
_WORDS: Final[tuple[tuple[Role, str], ...]] = (
    ("vmotion", r"v-?motion|migration"),
    ("ft-logging", r"\bft\b|ft[-_ ]?log|fault[-_ ]?tolerance"),
    ("storage", r"iscsi|nfs|vsan|storage|nvme"),
    ("management", r"management|mgmt|admin|service console"),
)
_PATTERNS: Final = tuple((role, re.compile(pattern, re.IGNORECASE)) for role, pattern in _WORDS)


def with_roles(
    groups: Sequence[PortGroup], hosts: Iterable[Host], vms: Iterable[VM], findings: Findings
) -> tuple[PortGroup, ...]:
    """Give the port groups with the roles that can be told: `vm` from the VMs in them, others by name.

    A network of VMs is never taken for one of the hypervisor because of its name; a group with neither
    VMs nor a telling name keeps no role, which is "not known".
    """
    used = {network for vm in vms for network in vm.networks}
    own = {vmk.port_group for host in hosts for vmk in host.vmks if vmk.port_group}
    known = [msgspec.structs.replace(group, roles=_roles(group.name, used, own)) for group in groups]
    named = sum(any(role != "vm" for role in group.roles) for group in known)
    if named:
        findings.assume("What {count} port groups are for is taken from their names", count=named)
    return tuple(known)


def _roles(name: str, used: set[str], own: set[str]) -> tuple[Role, ...]:
    roles: list[Role] = []
    if name in own or (not own and name not in used):
        roles += [role for role, pattern in _PATTERNS if pattern.search(name)]
    if name in used:
        roles.append("vm")
    return tuple(roles)

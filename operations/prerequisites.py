"""Whether a VM can be moved at all: each condition with an id, plain words and what mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from operations.choice import breaks_rule, has_ft_room, refusal
from operations.policy import Policies
from operations.state import FREE, ClusterState, HostState, VmState
from planner.sentence import Sentence

INTEL_OR_AMD: Final = ("intel", "amd")
_MARKS: Final = (
    (re.compile(r"\bv([2-6])\b", re.IGNORECASE), 0),
    (re.compile(r"\b(?:Platinum|Gold|Silver|Bronze)\s+\d(\d)\d\d", re.IGNORECASE), 10),
    (re.compile(r"\bEPYC\s+\d\d\d(\d)", re.IGNORECASE), 0),
)  # and what is added, so that what came later is more
RULED_OUT: Final = Sentence("a rule keeps {vm} off {host}: {rules}")
OTHER_HOST: Final = Sentence("choose another host, or change the rule")
_LACKS: Final = {"memory": Sentence("{host} lacks memory"), "cpu": Sentence("{host} lacks CPU")}


class Prerequisite(Struct, frozen=True, kw_only=True):
    """One condition that is not met; `id` is stable and names its help."""

    id: str
    words: Sentence
    remedy: Sentence


def unmet(
    state: ClusterState, policies: Policies, vm: VmState, target: HostState, *, strict: bool = True
) -> tuple[Prerequisite, ...]:
    """List what forbids a live migration of a running VM to a host; empty when nothing does.

    Source: vCenter Server and Host Management 6.7 p. 129, 6.0 p. 122-124; pve-docs qm.
    """
    source = None if vm.host is None else state.hosts[vm.host]
    found = [*_of_vm(vm), *_of_target(state, policies, vm, target, strict)]
    if source is not None:
        found.extend(_of_pair(state, policies, vm, source, target))
    return tuple(found)


def _of_vm(vm: VmState) -> Iterator[Prerequisite]:
    guest = vm.guest
    if vm.phase not in ("running", "hung"):
        yield _unmet(
            "running",
            Sentence("{vm} does not run", {"vm": vm.name}),
            Sentence("start it, or move it powered off"),
        )
    if vm.seeding is not None:
        yield _unmet(
            "ft-seeding",
            Sentence("the second copy of {vm} is in the making", {"vm": vm.name}),
            Sentence("wait until it is protected"),
        )
    if guest.passthrough:
        yield _unmet(
            "no-passthrough",
            Sentence("a device of the host is passed through to {vm}", {"vm": vm.name}),
            Sentence("remove the PCI or USB device, or use a virtual one"),
        )
    if guest.local_media:
        yield _unmet(
            "no-local-media",
            Sentence("{vm} uses a CD or floppy of its host", {"vm": vm.name}),
            Sentence("disconnect it, or use an image on a shared datastore"),
        )
    if guest.cpu_pinned:
        yield _unmet(
            "cpu-affinity",
            Sentence("{vm} is pinned to CPUs of its host", {"vm": vm.name}),
            Sentence("remove the CPU affinity"),
        )
    if guest.container:
        yield _unmet(
            "container",
            Sentence("{vm} is a container: it cannot move while it runs", {"vm": vm.name}),
            Sentence("restart it on the other host"),
        )
    if guest.lock == "create":
        yield _unmet(
            "lock",
            Sentence("{vm} is locked by an unfinished creation", {"vm": vm.name}),
            Sentence("finish or undo it, then unlock the VM"),
        )


def _of_target(
    state: ClusterState, policies: Policies, vm: VmState, target: HostState, strict: bool
) -> Iterator[Prerequisite]:
    if not target.is_open:
        yield _unmet(
            "target-open",
            Sentence("{host} takes no VMs now", {"host": target.name}),
            Sentence("connect it, end its maintenance, or choose another host"),
        )
    why = refusal(state, policies, vm, target, strict=strict)
    if why in ("memory", "cpu"):
        yield _unmet(
            "room",
            Sentence(_LACKS[why].template, {"host": target.name}),
            Sentence("choose a host with more room, or move others away first"),
        )
    if (store := state.unmounted(target, vm)) is not None:
        yield _unmet(
            "shared-datastore",
            Sentence("{host} does not reach {datastore}", {"host": target.name, "datastore": store}),
            Sentence("mount the datastore there, or move the disks to one that both hosts mount"),
        )
    if (group := state.unwired(target, vm)) is not None:
        yield _unmet(
            "port-group",
            Sentence("{host} has no port group {group}", {"host": target.name, "group": group}),
            Sentence("make a port group with the same label there"),
        )
    if breaks_rule(state, policies, vm, target.name, strict=strict):
        rules = ", ".join(state.bonds.get(vm.name, FREE).rules) or "FT"
        yield _unmet(
            "rule",
            Sentence(RULED_OUT.template, {"vm": vm.name, "host": target.name, "rules": rules}),
            OTHER_HOST,
        )
    if vm.ft and target.name in (vm.secondary, vm.seeding):
        yield _unmet(
            "ft",
            Sentence("the second copy of {vm} is on {host}", {"vm": vm.name, "host": target.name}),
            Sentence("choose another host"),
        )

    if vm.ft and not has_ft_room(policies, [vm], target):
        yield _unmet(
            "ft-limit",
            Sentence("{host} holds as many FT VMs as it may", {"host": target.name}),
            Sentence("choose a host with fewer of them"),
        )


def _of_pair(
    state: ClusterState, policies: Policies, vm: VmState, source: HostState, target: HostState
) -> Iterator[Prerequisite]:
    one, two = source.row, target.row
    if not _takes_cpu(one.cpu_model, two.cpu_model) and not (one.evc and one.evc == two.evc):
        yield _unmet(
            "cpu-compatible",
            Sentence("the CPUs of {source} and {host} differ", {"source": source.name, "host": target.name}),
            Sentence("set an EVC mode that both know, and power-cycle the VM"),
        )
    if not (source.connected and target.connected and source.group == target.group):
        yield _unmet(
            "migration-network",
            Sentence(
                "{source} and {host} have no network between them",
                {"source": source.name, "host": target.name},
            ),
            Sentence("bring the migration network up on both"),
        )
    for host in (source, target):
        if not host.may_migrate:
            yield _unmet(
                "migration-port",
                Sentence("{host} has no port for migrations", {"host": host.name}),
                Sentence("give it a VMkernel port for vMotion in the network of the others"),
            )
    if one.site != two.site and (far := round_trip_unmet(policies, policies.migration.site_rtt_ms or 0.0)):
        yield far
    if vm.guest.local_swap:
        yield _unmet(
            "swap",
            Sentence("the swap file of {vm} is on a disk of its host", {"vm": vm.name}),
            Sentence("keep swap files with the VM"),
        )
    local = [
        name for name in vm.row.datastores if name in state.datastores and not state.datastores[name].shared
    ]
    if local:
        yield _unmet(
            "shared-storage",
            Sentence("{datastore} is local to {source}", {"datastore": local[0], "source": source.name}),
            Sentence("move the disks to a shared datastore first"),
        )


def round_trip_unmet(policies: Policies, rtt_ms: float) -> Prerequisite | None:
    """Say whether a link between sites is too slow for a live migration."""
    if rtt_ms <= policies.migration.max_rtt_ms:
        return None
    return _unmet(
        "rtt",
        Sentence(
            "the round trip takes {rtt_ms} ms, more than {most} ms",
            {"rtt_ms": rtt_ms, "most": policies.migration.max_rtt_ms},
        ),
        Sentence("move the VM powered off, or shorten the way"),
    )


def _takes_cpu(one: str | None, two: str | None) -> bool:
    """Whether a VM that started on one CPU model may go on on another: of one maker, and no older.

    Where the names tell no generation, two models of one maker count as alike: nobody knows better.
    """
    if one is None or two is None or one == two:
        return True
    makers = [next((maker for maker in INTEL_OR_AMD if maker in name.lower()), name) for name in (one, two)]
    return makers[0] == makers[1] and generation_of(two) >= generation_of(one)


def generation_of(model: str) -> int:
    """The generation that a model's name tells; 0 where it tells none.

    Intel: `v2` to `v6`, then the second digit of a scalable Xeon (6130, 6248); AMD: the last digit of an
    EPYC (7351, 7452).  Source: the makers' naming of their processors.

    >>> [generation_of(name) for name in ("Xeon E5-2680 v4", "Xeon Gold 6130", "Xeon Silver 4314", "Xeon")]
    [4, 11, 13, 0]
    >>> generation_of("AMD EPYC 7351 16-Core"), generation_of("AMD EPYC 9454")
    (1, 4)
    """
    for mark, first in _MARKS:
        if found := mark.search(model):
            return first + int(found[1])
    return 0


def _unmet(id: str, words: Sentence, remedy: Sentence) -> Prerequisite:
    return Prerequisite(id=id, words=words, remedy=remedy)

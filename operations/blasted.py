"""What fails together, as the script of a rehearsal: the blast radius says who is cut off, a script plays it.

host down                  -> fail          no way to a datastore left   -> apd
no management network left -> isolate       no network of VMs left       -> a remark: no verb says it
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from operations.written import written
from planner.blast import Blast, Effect

AT_S: Final = 60.0  # a minute of quiet first, so that the page shows who runs where


def script_of(found: Blast, hosts: frozenset[str], *, product: str = "vsphere", at_s: float = AT_S) -> str:
    """Give the script that plays a failure on the hosts of one cluster.

    Args:
        hosts: those of the cluster; what happens to others is left out.

    >>> script_of(Blast(failed=(), down=(), vms=(), lost=(), weakened=(), clusters=()), frozenset())
    'profile vsphere\\n# nobody of this cluster is cut off: nothing to play\\n'
    """
    lines = [f"profile {product}"]
    if found.failed:
        names = ", ".join(f"{one.kind} {_plain(one.name)}" for one in found.failed)
        lines.append(f"# failed: {names}")
    played = list(_lines(found, hosts, f"at {at_s:g}"))
    return "\n".join([*lines, *(played or ["# nobody of this cluster is cut off: nothing to play"])]) + "\n"


def _lines(found: Blast, hosts: frozenset[str], at: str) -> Iterator[str]:
    down = {one.name for one in found.down if one.kind == "host"}
    for name in sorted(down & hosts):
        yield f"{at} fail {written(name)}"
    for effect in sorted(found.lost, key=lambda one: one.cut):
        if effect.cut.kind == "host" and effect.cut.name in hosts - down:
            yield from _of_effect(effect, at)


def _of_effect(effect: Effect, at: str) -> Iterator[str]:
    host = written(effect.cut.name)
    if effect.cut.service == "storage":
        for store in effect.cut.targets:
            yield f"{at} apd {host} {written(store)}"
    elif effect.cut.service == "management":
        yield f"{at} isolate {host}"
    elif effect.cut.service == "vm":
        targets = ", ".join(map(_plain, effect.cut.targets))
        yield f"# {_plain(effect.cut.name)}: its VMs run on without {targets}"


def _plain(name: str) -> str:
    """Give a name for a remark: on one line."""
    return " ".join(name.split())

"""VMs whose database is licensed by host, and the hosts where they may ever run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

from planner.estate import VM, Rule

Product: TypeAlias = Literal["sql", "oracle"]
PRODUCTS: Final[tuple[Product, ...]] = get_args(Product)
LICENCE: Final = "headroom:licence"  # the attribute that tells which database a VM runs

# Of each product: for every such VM the hosts that a rule keeps it on; none: it may run on every host.
Databases: TypeAlias = Mapping[Product, tuple[tuple[str, ...], ...]]


def databases_of(load: Sequence[VM], rules: Sequence[Rule]) -> Databases:
    """Gather the VMs with a database, and where rules keep them."""
    kept = {vm: rule.hosts for rule in rules if rule.kind == "must-run-on" for vm in rule.vms}
    return {
        product: tuple(kept.get(vm.name, ()) for vm in load if vm.attributes.get(LICENCE) == product)
        for product in PRODUCTS
    }


def where_licensed(databases: Sequence[Sequence[str]], hosts: Sequence[str]) -> tuple[int, ...]:
    """Say for each host whether a VM with the database may run on it: 1 or 0.

    Hosts that a rule names and that are not among these were replaced: as many of the new ones stand
    for them.

    >>> where_licensed([("a",), ()], ["a", "b"]), where_licensed([("a",)], ["a", "b"])
    ((1, 1), (1, 0))
    >>> where_licensed([("old1", "old2")], ["n1", "n2", "n3"]), where_licensed([], ["a"])
    ((1, 1, 0), (0,))
    """
    licensed: set[str] = set()
    for kept in databases:
        if not kept:
            return (1,) * len(hosts)
        known = [name for name in hosts if name in set(kept)]
        licensed |= set(known or hosts[: len(kept)])
    return tuple(int(name in licensed) for name in hosts)

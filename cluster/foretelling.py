"""Foretold against measured: what a migration is to cost before it begins, and what those that ended teach.

operating.propose, carrying --foretell--> Operation.predicted --+
server's task ------------------------> Operation.measured  ----+--learn_due--> MigrationFit --> the next
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from django.db.models import Count, Max
from django.db.models.functions import Now
from msgspec import Struct

from cluster.models import Connection, Estate, Host, MigrationFit, Nic, Operation, VirtualMachine
from operations.fitting import ENOUGH, LOOK_S, Fit, Measured, fitted, held_out, predicted, stop_interval_ms
from operations.opening import MIB_PER_MBIT
from operations.pings import loss_chances
from operations.policy import Policies, policies_of
from operations.timings import Product
from planner.sentence import Sentence

COSTS: Final = ("downtime_ms", "sent_mib", "lost_pings")  # beside the time
KEPT: Final = 24  # of the newest: what a cluster was like a year ago is no guide, and each is left out once
CHANCES_KEPT: Final = 4  # decimals
# What a server's migration is not known to have but a laboratory's: a cap and a guest to be filled.
KNOWN: Final = ("guest_mib", "cap_share")
FASTEST_MIB_S: Final = 1e9  # the last copy is bounded by the link alone


class Foretold(Struct, frozen=True, kw_only=True):
    """What was foretold; None: it is not known.  `stop_most_ms` is what nine stops of ten do not exceed."""

    cluster: str
    link: str
    memory_mib: float
    downtime_limit_ms: float
    setup_s: float
    rate_mib_s: float
    fitted: bool
    total_s: float | None = None
    downtime_ms: float | None = None
    stop_most_ms: float | None = None
    sent_mib: float | None = None
    lost_pings: float | None = None
    lost_chances: tuple[float, ...] = ()


class Taught(Struct, frozen=True, kw_only=True):
    """How good the foretelling of one cluster is; `fit` None: too few were measured yet."""

    cluster: str
    measured: int
    needed: int
    fit: MigrationFit | None


def foretell(operation: Operation) -> dict[str, Any]:
    """What a migration is to cost, as it stands in the row; empty where it moves no memory, or is none."""
    connection = operation.connection
    if operation.kind != Operation.Kind.MIGRATE or connection is None:
        return {}
    rows = VirtualMachine.objects.filter(estate__name=connection.name, source_id=operation.subject_id)
    vm = rows.first()
    if vm is None or vm.power != "on":
        return {}
    host = Host.objects.filter(estate__name=connection.name, name=operation.source).first()
    cluster = (host.cluster_name if host else None) or ""
    policies = policies_of(product_of(connection))
    mbit = _link_mbit(connection, (operation.source, operation.destination), policies)
    taught = MigrationFit.objects.filter(connection=connection, cluster_name=cluster).first()
    used = vm.memory_demand_mib
    memory_mib = float(vm.memory_mib if used is None else min(used, vm.memory_mib))
    found = _foretold(connection, cluster, memory_mib, mbit, taught)
    return dict(msgspec.to_builtins(found))


def learn_due() -> int:
    """Fit every cluster anew that has measured migrations which its fit has not seen; how many there were."""
    due = [
        (connection, cluster) for connection in Connection.objects.all() for cluster in _unlearned(connection)
    ]
    return sum(learn(connection, cluster) is not None for connection, cluster in due)


def learn(connection: Connection, cluster: str) -> MigrationFit | None:
    """Fit a cluster's parameters to its newest measured migrations; None: too few were measured."""
    moment = Connection.objects.annotate(moment=Now()).values_list("moment", flat=True).get(pk=connection.pk)
    rows = list(_ended(connection).filter(predicted__cluster=cluster)[:KEPT])
    if len(rows) < ENOUGH:
        return None
    start = _start(connection, {row.predicted["link"] for row in rows})
    measured = [_one(row) for row in rows]
    fit = fitted(measured, start, KNOWN)
    error = held_out(measured, start, KNOWN)
    changes = {
        "fitted_at": moment, "count": error.count, "setup_s": fit.setup_s, "links_mib_s": fit.links_mib_s,
        "median": error.median, "p95": error.p95, "worst": error.worst, "worst_case": error.worst_case,
        "worst_why": msgspec.to_builtins(error.misses[0].why), "bound": error.bound, "held": error.held,
    }  # fmt: skip
    row, _ = MigrationFit.objects.update_or_create(
        connection=connection, cluster_name=cluster, defaults=changes
    )
    return row


def _unlearned(connection: Connection) -> list[str]:
    """The clusters with a migration that ended since they were fitted."""
    until = dict(connection.fits.values_list("cluster_name", "fitted_at"))
    ended = _ended(connection)
    if until and not ended.filter(ended_at__gt=min(until.values())).exists():
        new = ended.exclude(predicted__cluster__in=list(until))
    else:
        new = ended
    newest = new.order_by().values_list("predicted__cluster").annotate(last=Max("ended_at"))
    return sorted(
        cluster
        for cluster, last in newest
        if cluster is not None and (cluster not in until or last > until[cluster])
    )


def record_of(total_s: float | None, measured: Mapping[str, float]) -> dict[str, Any]:
    """What was measured, as it stands in the row; None: the server did not tell."""
    return {"total_s": total_s, **dict.fromkeys(COSTS), **measured}


def taught_of(estate: Estate) -> dict[str, Taught]:
    """How good the foretelling is, by cluster; empty where the estate was read from no server."""
    connection = Connection.objects.filter(name=estate.name).first()
    if connection is None:
        return {}
    fits = {row.cluster_name: row for row in connection.fits.all()}
    found = _ended(connection).order_by().values_list("predicted__cluster").annotate(count=Count("pk"))
    counts: dict[str, int] = {cluster: count for cluster, count in found if cluster is not None}
    names = estate.cluster_set.values_list("name", flat=True)
    return {
        name: Taught(cluster=name, measured=counts.get(name, 0), needed=ENOUGH, fit=fits.get(name))
        for name in dict.fromkeys([*names, *counts])
    }


def times_of(estate: Estate, cluster: str) -> str:
    """The lines of a script that make a rehearsal of a cluster go by its own measured migrations."""
    row = MigrationFit.objects.filter(connection__name=estate.name, cluster_name=cluster).first()
    if row is None or not row.links_mib_s:
        return ""
    shares = [rate / (float(mbit) * MIB_PER_MBIT) for mbit, rate in row.links_mib_s.items()]
    return (
        f"timing migration_setup_s {max(0.0, row.setup_s):.3g}\n"
        f"policy migration.link_share {max(0.01, min(shares)):.3g}\n"
    )


def product_of_estate(estate: Estate) -> Product | None:
    """Whose servers an estate was read from; None: from none."""
    connection = Connection.objects.filter(name=estate.name).first()
    return None if connection is None else product_of(connection)


def product_of(connection: Connection) -> Product:
    """Whose timings a connection's servers have."""
    return "vsphere" if connection.kind == Connection.Kind.VSPHERE else "proxmox"


def nic_speeds(connection: Connection, hosts: Sequence[str]) -> dict[str, int]:
    """The fastest NIC of each host that is not known to be down."""
    found: dict[str, int] = {}
    nics = Nic.objects.filter(host__estate__name=connection.name, host__name__in=hosts).exclude(up=False)
    for name, mbit in nics.values_list("host__name", "speed_mbit"):
        found[name] = max(found.get(name, 0), mbit or 0)
    return {name: mbit for name, mbit in found.items() if mbit}


def _link_mbit(connection: Connection, hosts: Sequence[str], policies: Policies) -> float:
    """The slower of two hosts' fastest NICs."""
    speeds = nic_speeds(connection, hosts)
    unknown = policies.migration.unknown_link_mbit
    return min(float(speeds.get(name, unknown)) for name in hosts)


def _start(connection: Connection, links: Iterable[str]) -> Fit:
    """The defaults of the product."""
    policies = policies_of(product_of(connection))
    share = policies.migration.link_share
    return Fit(
        setup_s=policies.timings.migration_setup_s,
        guest_mib=0.0,
        cap_share=1.0,
        stop_mib_s=FASTEST_MIB_S,
        links_mib_s={name: float(name) * MIB_PER_MBIT * share for name in links},
        wires=tuple(sorted(links)),
        look_s=LOOK_S if policies.product == "proxmox" else 0.0,
    )


def _foretold(
    connection: Connection, cluster: str, memory_mib: float, mbit: float, taught: MigrationFit | None
) -> Foretold:
    link = f"{mbit:g}"
    fit = _start(connection, [link])
    if taught is not None:
        fit = msgspec.structs.replace(
            fit, setup_s=taught.setup_s, links_mib_s=fit.links_mib_s | _known(taught.links_mib_s, link)
        )
    policies = policies_of(product_of(connection))
    limit_ms = policies.migration.downtime_limit_ms
    cost = predicted(
        fit,
        Measured(
            case="", filled_mib=memory_mib, dirty_mib_s=0.0, working_set_mib=0.0, cap_mib_s=None, link=link,
            downtime_limit_ms=limit_ms, total_s=1.0,
        ),
    )  # fmt: skip
    bound = taught.bound if taught is not None else None
    stop_ms = cost.downtime_ms
    chances: tuple[float, ...] = ()
    if stop_ms is not None:
        gap_ms = stop_ms + policies.timings.announce_ms
        chances = loss_chances([gap_ms], policies.migration.ping_interval_s)
    return Foretold(
        cluster=cluster,
        link=link,
        memory_mib=memory_mib,
        downtime_limit_ms=limit_ms,
        setup_s=fit.setup_s,
        rate_mib_s=fit.links_mib_s[link],
        fitted=taught is not None,
        total_s=cost.seconds,
        downtime_ms=stop_ms,
        stop_most_ms=None if bound is None or stop_ms is None else stop_interval_ms(stop_ms, bound)[1],
        sent_mib=cost.sent_mib if cost.seconds is not None else None,
        lost_pings=sum(count * chance for count, chance in enumerate(chances)) if chances else None,
        lost_chances=tuple(round(chance, CHANCES_KEPT) for chance in chances),
    )


def _known(links_mib_s: Mapping[str, float], link: str) -> dict[str, float]:
    return {link: links_mib_s[link]} if link in links_mib_s else {}


def _ended(connection: Connection) -> Any:
    """Migrations that were really done and whose time the server told, the newest first."""
    done = connection.operations.filter(
        kind=Operation.Kind.MIGRATE, state=Operation.State.DONE, dry_run=False
    )
    told = done.filter(measured__total_s__gt=0, predicted__total_s__gt=0)
    known = told.exclude(measured__total_s=None).exclude(predicted__total_s=None)  # SQLite: null is above 0
    return known.order_by("-ended_at", "-created_at")


def _one(row: Operation) -> Measured:
    before, after = row.predicted, row.measured
    return Measured(
        case=row.subject,
        filled_mib=before["memory_mib"],
        dirty_mib_s=0.0,
        working_set_mib=0.0,
        cap_mib_s=None,
        link=before["link"],
        downtime_limit_ms=before["downtime_limit_ms"],
        total_s=after["total_s"],
        downtime_ms=after.get("downtime_ms"),
        sent_mib=after.get("sent_mib"),
    )


def worst_of(row: MigrationFit) -> Sentence:
    """Why the worst one was foretold so badly."""
    return Sentence(row.worst_why["template"], row.worst_why.get("values", {}))

"""A placement as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from planner.placing import Placed, PlacingReport
from planner.printout import clean

VMS_SHOWN: Final = 8  # VMs of a host told by name
HOSTS_SHOWN: Final = 40
REFUSED_SHOWN: Final = 20


def place_lines(report: PlacingReport, seconds: float) -> list[str]:
    """Show each cluster: the verdict with its proof, the hosts and their VMs, who was refused and why."""
    lines: list[str] = []
    for cluster in report.clusters:
        lines += [*_cluster_lines(cluster), ""]
    if not report.clusters:
        lines.append("no cluster, no host, no VM: nothing to place")
    if len(report.clusters) > 1:
        lines.append(f"all: {report.hosts_used} hosts; no placement uses fewer than {report.lower_bound}")
    return [*lines, f"placed in {seconds:.2f} s"]


def _cluster_lines(cluster: Placed) -> Iterator[str]:
    placement = cluster.placement
    placed = f"{len(placement.placed)} VMs on {_hosts(placement.hosts_used)}"
    yield f"{clean(cluster.name)}: {placed}; {_proof(cluster)}"
    for said in cluster.contradictions:
        yield f"  contradiction: {clean(str(said))}"
    yield from _reserve_lines(cluster)
    if cluster.unmet.should or cluster.unmet.numa:
        yield f"  preferences unmet: {cluster.unmet.should} should-rules, {cluster.unmet.numa} NUMA nodes"
    for note in cluster.notes:
        yield f"  note: {clean(str(note))}"
    yield from _host_lines(placement.placed)
    for refusal in placement.refusals[:REFUSED_SHOWN]:
        yield f"  {clean(refusal.vm)} finds no host: {clean(refusal.short())}"
    if len(placement.refusals) > REFUSED_SHOWN:
        yield f"  and {len(placement.refusals) - REFUSED_SHOWN} more without a host; --json lists them"


def _proof(cluster: Placed) -> str:
    placement = cluster.placement
    if placement.gap == 0:
        return f"no placement uses fewer ({placement.bound_method})"
    return f"no placement uses fewer than {placement.lower_bound} ({placement.bound_method})"


def _reserve_lines(cluster: Placed) -> Iterator[str]:
    kept = cluster.reserve
    if not cluster.failures:
        return
    what = f"{cluster.failures} {cluster.group}{'' if cluster.failures == 1 else 's'}"
    if cluster.hosts_needed is None:
        yield f"  the loss of {what} is not carried" + _worst(cluster)
    elif kept is None:
        yield f"  {_hosts(cluster.hosts_needed)} carry the loss of any {what}"
    else:
        how = {
            "every-loss": f"every loss re-placed, {kept.losses_tried} that differ",
            "safe-worst-case": f"too many losses: a safe worst case re-placed, {kept.losses_tried} times",
            "untried": "not tried",
        }[kept.how]
        yield f"  {_hosts(cluster.hosts_needed)} carry the loss of any {what} ({how})"
        busy = {*cluster.placement.placed.values()}
        spare = [host for host in kept.hosts if host not in busy]
        if spare:
            yield f"  kept free: {clean(', '.join(spare))}"


def _worst(cluster: Placed) -> str:
    kept = cluster.reserve
    if kept is None or kept.worst is None:
        return ""
    refused = [refusal.vm for refusal in kept.worst.placement.refusals]
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    return clean(f": without {', '.join(kept.worst.lost)} no host for {', '.join(refused[:3])}{more}")


def _host_lines(placed: Mapping[str, str]) -> Iterator[str]:
    by_host: dict[str, list[str]] = {}
    for vm, host in placed.items():
        by_host.setdefault(host, []).append(vm)
    for host, vms in sorted(by_host.items(), key=_naturally)[:HOSTS_SHOWN]:
        more = f" and {len(vms) - VMS_SHOWN} more" if len(vms) > VMS_SHOWN else ""
        yield f"  {clean(host)}: {clean(', '.join(vms[:VMS_SHOWN]))}{more}"
    if len(by_host) > HOSTS_SHOWN:
        yield f"  and {len(by_host) - HOSTS_SHOWN} more hosts; --json lists them"


def _naturally(item: tuple[str, list[str]]) -> tuple[int, str]:
    return len(item[0]), item[0]


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"

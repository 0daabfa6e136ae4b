"""Subscriptions by pairs: OpenShift and RHEL.  By socket (Proxmox VE) and by host (XCP-ng) needs no rule."""

from __future__ import annotations

from typing import Final

SOCKETS_PER_PAIR: Final = 2
OPENSHIFT_CORES_PER_PAIR: Final = 128


def openshift_pairs(cpus: list[int]) -> int:
    """Count the bare-metal subscriptions of one server: each covers two sockets and up to 128 cores.

    They stack on one server and never span two.

    Source: Red Hat, self-managed OpenShift subscription guide.

    >>> openshift_pairs([64, 64]), openshift_pairs([96, 96]), openshift_pairs([16]), openshift_pairs([16] * 4)
    (1, 2, 1, 2)
    """
    by_sockets = -(-len(cpus) // SOCKETS_PER_PAIR)
    by_cores = -(-sum(cpus) // OPENSHIFT_CORES_PER_PAIR)
    return max(1, by_sockets, by_cores)


def rhel_socket_pairs(sockets: int) -> int:
    """Count subscriptions of a physical server, or of one for virtual data centres: two sockets each.

    Source: ServiceNow's rules of Red Hat licences: a host with 10 sockets needs 5.

    >>> rhel_socket_pairs(10)
    5
    """
    return -(-sockets // SOCKETS_PER_PAIR)


def rhel_vm_pairs(vms: int) -> int:
    """Count subscriptions by VMs on one host: one for two.

    Source: ServiceNow's rules of Red Hat licences: 6 VMs need 3.

    >>> rhel_vm_pairs(6), rhel_vm_pairs(1)
    (3, 1)
    """
    return -(-vms // 2)

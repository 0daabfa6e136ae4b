"""The rows.  Models import nothing of ours; `cluster/snapshot/` alone knows rows and planner values.

Estate --+-- Site, Rack, Cluster -- Host -- Nic, Hba         Upload --+
         +-- VirtualMachine -- Disk, Partition, VmNic                 |
         +-- Datastore -- Mount, Lun, Path, Controller, Fabric       Run -- Event
         +-- Switch, PortGroup, Link, Rule                            |
         +-- Plan ----------------------------------------------------+

AuditEntry ... AuditHead: who did what, apart from all others
"""

from __future__ import annotations

from cluster.models.audit import AuditEntry, AuditHead
from cluster.models.connection import Connection, Observation
from cluster.models.inventory import (
    Cluster,
    Disk,
    Estate,
    Hba,
    Host,
    Nic,
    Partition,
    Rack,
    Rule,
    Site,
    VirtualMachine,
    VmNic,
)
from cluster.models.network import Link, PortGroup, Switch
from cluster.models.operation import Operation
from cluster.models.plan import Plan
from cluster.models.run import Event, FeedCounter, Run, Upload
from cluster.models.storage import Controller, Datastore, Fabric, Lun, Mount, Path

__all__ = [
    "AuditEntry",
    "AuditHead",
    "Cluster",
    "Connection",
    "Controller",
    "Datastore",
    "Disk",
    "Estate",
    "Event",
    "Fabric",
    "FeedCounter",
    "Hba",
    "Host",
    "Link",
    "Lun",
    "Mount",
    "Nic",
    "Observation",
    "Operation",
    "Partition",
    "Path",
    "Plan",
    "PortGroup",
    "Rack",
    "Rule",
    "Run",
    "Site",
    "Switch",
    "Upload",
    "VirtualMachine",
    "VmNic",
]

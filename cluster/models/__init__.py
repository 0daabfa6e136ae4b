"""The rows.  Models import nothing of ours; `cluster/snapshot/` alone knows rows and planner values.

Estate --+-- Site, Rack, Cluster -- Host -- Nic, Hba         Upload --+
         +-- VirtualMachine -- Disk, Partition, VmNic                 |
         +-- Datastore -- Mount, Lun, Path, Controller, Fabric       Run -- Event
         +-- Switch, PortGroup, Link, Rule                            |
         +-- Plan, CostStudy -- PriceBook ----------------------------+
"""

from __future__ import annotations

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
from cluster.models.plan import Plan
from cluster.models.prices import CostStudy, PriceBook
from cluster.models.run import Event, FeedCounter, Run, Upload
from cluster.models.storage import Controller, Datastore, Fabric, Lun, Mount, Path

__all__ = [
    "Cluster",
    "Controller",
    "CostStudy",
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
    "Partition",
    "Path",
    "Plan",
    "PortGroup",
    "PriceBook",
    "Rack",
    "Rule",
    "Run",
    "Site",
    "Switch",
    "Upload",
    "VirtualMachine",
    "VmNic",
]

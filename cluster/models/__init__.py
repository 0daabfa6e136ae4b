"""The rows.  Models import nothing of ours; `cluster/snapshot/` alone knows rows and planner values.

Estate --+-- Site, Room, Rack, Cluster -- Host -- Nic, Hba, Psu, Vmk  Upload --+
         +-- VirtualMachine -- Disk, Partition, VmNic                 |
         +-- Service -- ServiceTier                                   |
         +-- Datastore -- Mount, Lun, RaidGroup, Path, Controller, Fabric  Run -- Event
         +-- Switch, PortGroup, Link, Feed, Rule, Design, WiringEdit, Redundancy  |
         +-- Observation, Project, Variant -- Variant                 |
         +-- Plan, Study -- StudyPart, CostStudy -- PriceBook --------+
                                                                     Rehearsal -- RehearsalEvent

User -- Scope, GivenPassword, SecondFactor, ApiToken, SignIn, Identity; Estate -- Wish
AuditEntry ... AuditHead: who did what, apart from all others
SavedView: what a person keeps for himself
Schedule -- Letter, Webhook: what leaves by itself
"""

from __future__ import annotations

from cluster.models.access import ApiToken, GivenPassword, Identity, Scope, SecondFactor, SignIn
from cluster.models.audit import AuditEntry, AuditHead
from cluster.models.connection import Connection, Definition, Observation, Use
from cluster.models.foretold import MigrationFit
from cluster.models.inventory import (
    Cluster,
    Disk,
    Estate,
    Feed,
    Hba,
    Host,
    Nic,
    Partition,
    Psu,
    Rack,
    Room,
    Rule,
    Service,
    ServiceTier,
    Site,
    VirtualMachine,
    Vmk,
    VmNic,
)
from cluster.models.network import Link, PortGroup, Switch
from cluster.models.operation import Operation
from cluster.models.outlook import Project
from cluster.models.plan import Plan
from cluster.models.prices import CostStudy, PriceBook, PriceBookVersion
from cluster.models.rehearsal import Rehearsal, RehearsalEvent
from cluster.models.run import Event, FeedCounter, Run, Upload
from cluster.models.sending import Letter, Schedule, Webhook
from cluster.models.storage import Controller, ControllerPort, Datastore, Fabric, Lun, Mount, Path, RaidGroup
from cluster.models.study import Study, StudyPart
from cluster.models.topology import Design, Redundancy, WiringEdit, YearsPart
from cluster.models.variant import Variant
from cluster.models.view import FirstSteps, SavedView
from cluster.models.wish import Wish

__all__ = [
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Cluster",
    "Connection",
    "Controller",
    "ControllerPort",
    "CostStudy",
    "Datastore",
    "Definition",
    "Design",
    "Disk",
    "Estate",
    "Event",
    "Fabric",
    "Feed",
    "FeedCounter",
    "FirstSteps",
    "GivenPassword",
    "Hba",
    "Host",
    "Identity",
    "Letter",
    "Link",
    "Lun",
    "MigrationFit",
    "Mount",
    "Nic",
    "Observation",
    "Operation",
    "Partition",
    "Path",
    "Plan",
    "PortGroup",
    "PriceBook",
    "PriceBookVersion",
    "Project",
    "Psu",
    "Rack",
    "RaidGroup",
    "Redundancy",
    "Rehearsal",
    "RehearsalEvent",
    "Room",
    "Rule",
    "Run",
    "SavedView",
    "Schedule",
    "Scope",
    "SecondFactor",
    "Service",
    "ServiceTier",
    "SignIn",
    "Site",
    "Study",
    "StudyPart",
    "Switch",
    "Upload",
    "Use",
    "Variant",
    "VirtualMachine",
    "VmNic",
    "Vmk",
    "Webhook",
    "WiringEdit",
    "Wish",
    "YearsPart",
]

"""What people call components, their fields, what they serve, and the layers and proofs of redundancy."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

KIND_NAMES: Final[dict[str, Promise]] = {
    "site": _("site"),
    "room": pgettext_lazy("a place in a building", "room"),
    "rack": _("rack"),
    "chassis": _("chassis"),
    "feed": _("power feed"),
    "psu": _("power supply"),
    "host": ngettext_lazy("host", "hosts", 1),
    "card": _("card"),
    "nic": _("NIC"),
    "hba": _("HBA"),
    "fabric": _("fabric"),
    "switch": _("switch"),
    "stack": _("stack"),
    "isl": _("link between switches"),
    "port": _("port"),
    "controller": _("controller"),
    "array": _("array"),
    "raid-group": _("RAID group"),
    "port-group": _("port group"),
    "link": _("cable"),
    "lun": _("LUN"),
    "datastore": _("datastore"),
    "clients": _("clients"),
    "cluster": _("cluster"),
    "network": _("network"),
    "vm": ngettext_lazy("VM", "VMs", 1),
    "service": _("service"),
    "tier": _("tier of a service"),
    "common": _("what takes all hosts at once"),
    "human": _("human error"),
    "capacity": _("no room on the hosts that are left"),
    "planned": _("planned work on a host"),
}
FIELD_NAMES: Final[dict[str, Promise]] = {
    "site": _("Site"),
    "room": _("Room"),
    "rack": _("Rack"),
    "chassis": _("Chassis"),
    "kind": _("Kind"),
    "upstream": _("Fed by"),
    "feed": _("Power feed"),
    "feeds": _("Power feeds"),
    "switch": _("Switch"),
    "card": _("Card"),
    "speed_mbit": _("Mbit/s"),
    "up": _("Has a link"),
    "uplink": _("Uplink"),
    "fabric": _("Fabric"),
    "status": _("Status"),
    "vlan": _("VLAN"),
    "roles": _("Used for"),
    "hosts": _("Hosts"),
    "active": _("Active uplinks"),
    "standby": _("Standby uplinks"),
    "stack": _("Stack"),
    "mlag": _("MLAG pair"),
    "lacp": _("LACP"),
    "array": _("Array"),
    "iops_max": _("IOPS, at most"),
    "level": _("RAID level"),
    "disks": _("Disks"),
    "controller": _("Owning controller"),
    "controllers": _("Controllers that give it out"),
    "raid_group": _("RAID group"),
    "vms": _("VMs"),
    "needed": _("VMs needed"),
}
SERVICE_NAMES: Final[dict[str, Promise]] = {
    "storage": _("storage"),
    "vm": _("VM network"),
    "vmotion": _("vMotion"),
    "management": _("management"),
    "ft-logging": _("FT logging"),
    "heartbeat": _("heartbeat"),
    "power": _("power"),
    "compute": _("all hosts"),
    "tiers": _("a tier it needs"),
}
LAYER_NAMES: Final[dict[str, Promise]] = {
    "hba": _("HBA"),
    "nic": _("NIC"),
    "card": _("card"),
    "fabric": _("fabric"),
    "controller": _("controller"),
    "switch": _("switch"),
    "beyond": _("beyond the switch"),
    "port": _("port"),
    "psu": _("power supply"),
    "feed": _("power feed"),
}
PROOF_NAMES: Final[dict[str, Promise]] = {
    "redundant": _("proven redundant"),
    "single": _("proven single"),
    "unknown": _("unknown"),
    "lost": _("lost"),
}


def word_of(name: str) -> str:
    """The word for a kind of component, a layer or a proof."""
    for words in (KIND_NAMES, LAYER_NAMES, PROOF_NAMES):
        if name in words:
            return str(words[name])
    return name


def service_of(name: str) -> str:
    """The word for what a host may be cut off from."""
    return str(SERVICE_NAMES.get(name, name))

"""What a form asks of each kind of component, cable and tier that a person says by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

EditKind: TypeAlias = Literal[
    "site", "room", "rack", "feed", "host", "psu", "nic", "hba", "port-group", "switch", "fabric",
    "controller", "port", "raid-group", "lun", "link", "tier",
]  # fmt: skip
EDIT_KINDS: Final[tuple[EditKind, ...]] = get_args(EditKind)


class Asks(Struct, frozen=True, kw_only=True):
    """A field of a form: what it holds, and of which kind or out of which words."""

    name: str
    holds: Literal["text", "number", "word", "words", "one", "several", "yes-no"] = "text"
    of: tuple[str, ...] = ()


FORMS: Final[Mapping[EditKind, tuple[Asks, ...]]] = {
    "site": (),
    "room": (Asks(name="site", holds="one", of=("site",)),),
    "rack": (Asks(name="site", holds="one", of=("site",)), Asks(name="room", holds="one", of=("room",))),
    "feed": (
        Asks(name="kind", holds="word", of=("pdu", "ups", "supply")),
        Asks(name="upstream", holds="several", of=("feed",)),
        Asks(name="rack", holds="one", of=("rack",)),
    ),
    "host": (
        Asks(name="site", holds="one", of=("site",)),
        Asks(name="rack", holds="one", of=("rack",)),
        Asks(name="chassis"),
    ),
    "psu": (Asks(name="feed", holds="one", of=("feed",)),),
    "nic": (
        Asks(name="switch", holds="one", of=("virtual-switch",)),
        Asks(name="card"),
        Asks(name="speed_mbit", holds="number"),
        Asks(name="up", holds="yes-no"),
        Asks(name="uplink"),
    ),
    "hba": (
        Asks(name="kind"),
        Asks(name="fabric", holds="one", of=("fabric",)),
        Asks(name="card"),
        Asks(name="speed_mbit", holds="number"),
        Asks(name="status", holds="word", of=("", "online", "offline")),
    ),
    "port-group": (
        Asks(name="switch", holds="one", of=("virtual-switch",)),
        Asks(name="vlan"),
        Asks(name="roles", holds="words", of=("management", "vmotion", "ft-logging", "storage", "vm")),
        Asks(name="hosts", holds="several", of=("host",)),
        Asks(name="active", holds="several", of=("uplink",)),
        Asks(name="standby", holds="several", of=("uplink",)),
    ),
    "switch": (
        Asks(name="kind", holds="word", of=("physical", "standard", "distributed")),
        Asks(name="fabric", holds="one", of=("fabric",)),
        Asks(name="stack"),
        Asks(name="mlag"),
        Asks(name="lacp", holds="word", of=("", "off", "slow", "fast", "on")),
        Asks(name="rack", holds="one", of=("rack",)),
        Asks(name="feeds", holds="several", of=("feed",)),
    ),
    "fabric": (),
    "controller": (
        Asks(name="array"),
        Asks(name="rack", holds="one", of=("rack",)),
        Asks(name="feeds", holds="several", of=("feed",)),
        Asks(name="iops_max", holds="number"),
    ),
    "port": (
        Asks(name="fabric", holds="one", of=("fabric",)),
        Asks(name="speed_mbit", holds="number"),
    ),
    "raid-group": (
        Asks(name="array"),
        Asks(
            name="level", holds="word",
            of=("", "none", "0", "1", "10", "5", "50", "6", "60", "distributed"),
        ),
        Asks(name="disks", holds="number"),
    ),
    "lun": (
        Asks(name="controller", holds="one", of=("controller",)),
        Asks(name="controllers", holds="several", of=("controller",)),
        Asks(name="raid_group", holds="one", of=("raid-group",)),
    ),
    "link": (Asks(name="speed_mbit", holds="number"),),
    "tier": (Asks(name="vms", holds="several", of=("vm",)), Asks(name="needed", holds="number")),
}  # fmt: skip

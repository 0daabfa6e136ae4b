"""How they talk: switches, port groups, cables."""

from __future__ import annotations

from django.db import models

from cluster.models.columns import Name, Names, OptionalText
from cluster.models.inventory import Named, Unnamed


class Switch(Named):
    kind = models.CharField(max_length=11, default="standard")
    mtu = models.IntegerField(null=True)
    host_names = Names()
    uplinks = Names()
    lacp = OptionalText()
    fabric_name = OptionalText()
    stack = OptionalText()
    rack_name = OptionalText()
    feed_names = Names()
    mlag = OptionalText()


class PortGroup(Named):
    switch = OptionalText()
    vlan = OptionalText()
    host_names = Names()
    roles = Names()
    active = Names()
    standby = Names()
    teaming = OptionalText()


class Link(Unnamed):
    """A cable between two ends, each `kind:name`."""

    a = Name()
    b = Name()
    speed_mbit = models.IntegerField(null=True)

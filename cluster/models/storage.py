"""Where the disks lie: Host -- Hba -- Fabric -- Controller -- Lun -- Datastore, by name as recorded."""

from __future__ import annotations

from django.db import models

from cluster.models.columns import Name, Names, OptionalText
from cluster.models.inventory import Named, Unnamed


class Datastore(Named):
    capacity_mib = models.BigIntegerField()
    used_mib = models.BigIntegerField()
    provisioned_mib = models.BigIntegerField(null=True)
    shared = models.BooleanField(default=True)
    kind = OptionalText()
    lun_names = Names()


class Mount(models.Model):
    """A host that mounts a datastore, by name: the estate need not describe that host."""

    datastore = models.ForeignKey(Datastore, on_delete=models.CASCADE, related_name="mounts", db_index=False)
    position = models.IntegerField()
    host_name = Name()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["datastore", "position"], name="mount_in_order")]

    def __str__(self) -> str:
        return self.host_name


class Lun(Named):
    capacity_mib = models.BigIntegerField(null=True)
    controller_name = OptionalText()
    vendor = OptionalText()
    model = OptionalText()
    controller_names = Names()
    raid_group_name = OptionalText()


class RaidGroup(Named):
    array = OptionalText()
    level = OptionalText()
    disks = models.IntegerField(null=True)


class Path(Unnamed):
    """One way from a host to a LUN."""

    host_name = Name()
    lun_name = Name()
    name = Name()
    datastore_name = OptionalText()
    state = models.CharField(max_length=8, default="unknown")
    policy = OptionalText()
    hba = OptionalText()
    fabric_name = OptionalText()
    controller_name = OptionalText()


class Controller(Named):
    array = OptionalText()
    rack_name = OptionalText()
    feed_names = Names()
    iops_max = models.FloatField(null=True)


class ControllerPort(models.Model):
    """A front-end port of a controller."""

    controller = models.ForeignKey(Controller, on_delete=models.CASCADE, related_name="ports", db_index=False)
    position = models.IntegerField()
    device = Name()
    fabric_name = OptionalText()
    wwn = OptionalText()
    speed_mbit = models.IntegerField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["controller", "position"], name="controllerport_in_order")
        ]

    def __str__(self) -> str:
        return self.device


class Fabric(Named):
    pass

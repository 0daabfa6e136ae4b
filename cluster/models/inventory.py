"""What runs where: sites, racks, clusters, hosts, VMs."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from cluster.models.columns import Name, Names, OptionalText


class Estate(models.Model):
    """Everything that one import recorded; the next import of the same name changes it in place.

    `revision` counts the imports that changed something: a plan tells by it whether it is still true.
    """

    name = Name(unique=True)
    source_filename = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=40, blank=True)
    quality = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    imported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class InEstate(models.Model):
    """A row that hangs on the estate itself, as an import recorded it.

    `fingerprint` tells whether anything in it, or in the rows that hang on it, has changed since.
    """

    estate = models.ForeignKey(Estate, on_delete=models.CASCADE, db_index=False)  # the constraint has one
    fingerprint = models.BigIntegerField(editable=False)

    class Meta:
        abstract = True


class Named(InEstate):
    """A row that its name tells from all others of the estate."""

    name = Name()

    class Meta:
        abstract = True
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["estate", "name"], name="%(class)s_once_in_estate")]

    def __str__(self) -> str:
        return self.name


class Unnamed(InEstate):
    """A row without a name: `key` is the hash of what identifies it, `ordinal` tells twins apart."""

    key = models.CharField(max_length=40, editable=False)
    ordinal = models.IntegerField(editable=False)

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["estate", "key"], name="%(class)s_once_in_estate")]

    def __str__(self) -> str:
        return self.key


class Site(Named):
    pass


class Rack(Named):
    site_name = OptionalText()
    room_name = OptionalText()


class Room(Named):
    site_name = OptionalText()


class Feed(Named):
    kind = models.CharField(max_length=6, default="pdu")
    upstream = Names()
    rack_name = OptionalText()


class Cluster(Named):
    datacenter = OptionalText()
    ha_enabled = models.BooleanField(null=True)
    drs_enabled = models.BooleanField(null=True)
    admission_control = models.BooleanField(null=True)
    failover_level = models.IntegerField(null=True)
    witness_site = OptionalText()


class Host(Named):
    """A physical server; `cores` are physical cores of the whole host."""

    cluster_name = OptionalText()
    cluster = models.ForeignKey(Cluster, null=True, on_delete=models.SET_NULL, related_name="hosts")
    sockets = models.IntegerField()
    cores = models.IntegerField()
    cpu_mhz = models.FloatField()
    memory_mib = models.BigIntegerField()
    site_name = OptionalText()
    rack_name = OptionalText()
    datacenter = OptionalText()
    vendor = OptionalText()
    model = OptionalText()
    cpu_model = OptionalText()
    version = OptionalText()
    evc = OptionalText()
    maintenance = models.BooleanField(default=False)
    connected = models.BooleanField(default=True)
    cpu_usage_percent = models.FloatField(null=True)
    memory_usage_percent = models.FloatField(null=True)
    chassis = OptionalText()
    iops = models.FloatField(null=True)
    attributes = models.JSONField(default=dict)


class Nic(models.Model):
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="nics", db_index=False)
    position = models.IntegerField()
    device = Name()
    speed_mbit = models.IntegerField(null=True)
    switch = OptionalText()
    mac = OptionalText()
    driver = OptionalText()
    up = models.BooleanField(null=True)
    card = OptionalText()
    uplink = OptionalText()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["host", "position"], name="nic_in_order")]

    def __str__(self) -> str:
        return self.device


class Hba(models.Model):
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="hbas", db_index=False)
    position = models.IntegerField()
    device = Name()
    kind = OptionalText()
    model = OptionalText()
    wwn = OptionalText()
    fabric_name = OptionalText()
    status = OptionalText()
    card = OptionalText()
    speed_mbit = models.IntegerField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["host", "position"], name="hba_in_order")]

    def __str__(self) -> str:
        return self.device


class Psu(models.Model):
    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="psus", db_index=False)
    position = models.IntegerField()
    device = Name()
    feed_name = OptionalText()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["host", "position"], name="psu_in_order")]

    def __str__(self) -> str:
        return self.device


class Vmk(models.Model):
    """A port of the hypervisor itself."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="vmks", db_index=False)
    position = models.IntegerField()
    device = Name()
    port_group = OptionalText()
    ip = OptionalText()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["host", "position"], name="vmk_in_order")]

    def __str__(self) -> str:
        return self.device


class Power(models.TextChoices):
    ON = "on", _("on")
    OFF = "off", _("off")
    SUSPENDED = "suspended", _("suspended")


class FtRole(models.TextChoices):
    NONE = "none", _("none")
    PRIMARY = "primary", _("primary")
    SECONDARY = "secondary", _("secondary")


class Priority(models.TextChoices):
    DISABLED = "disabled", _("disabled")
    LOWEST = "lowest", _("lowest")
    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")
    HIGHEST = "highest", _("highest")


class VirtualMachine(Named):
    """A VM as recorded: `host_name` and `cluster_name` stand as they were found, known here or not.

             cluster_name, host_name   what the import says
    VM  <
             cluster, host             the rows of that name, NULL where the estate has none
    """

    source_id = OptionalText()
    uuid = OptionalText()
    cluster_name = OptionalText()
    cluster = models.ForeignKey(
        Cluster, null=True, on_delete=models.SET_NULL, related_name="vms", db_index=False
    )
    host_name = OptionalText()
    host = models.ForeignKey(Host, null=True, on_delete=models.SET_NULL, related_name="vms")
    power = models.CharField(max_length=9, choices=Power.choices)
    template = models.BooleanField(default=False)
    vcpus = models.IntegerField()
    memory_mib = models.BigIntegerField()
    disk_mib = models.BigIntegerField()
    disk_used_mib = models.BigIntegerField(null=True)
    cpu_demand_mhz = models.FloatField(null=True)
    memory_demand_mib = models.BigIntegerField(null=True)
    iops_demand = models.FloatField(null=True)
    network_demand_mbit = models.FloatField(null=True)
    disk_demand_mbit = models.FloatField(null=True)
    cpu_reservation_mhz = models.FloatField(null=True)
    memory_reservation_mib = models.BigIntegerField(null=True)
    datastore_names = Names()
    network_names = Names()
    ft = models.CharField(max_length=9, choices=FtRole.choices, default=FtRole.NONE)
    restart_priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.MEDIUM)
    guest_os = OptionalText()
    folder = OptionalText()
    owner = OptionalText()
    attributes = models.JSONField(default=dict)

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["estate", "cluster_name", "name"], name="vm_by_cluster"),
            models.Index(fields=["estate", "power", "name"], name="vm_by_power"),
            models.Index(fields=["estate", "vcpus", "name"], name="vm_by_vcpus"),
            models.Index(fields=["estate", "memory_mib", "name"], name="vm_by_memory"),
            models.Index(fields=["estate", "disk_mib", "name"], name="vm_by_disk"),
        ]


class Disk(models.Model):
    vm = models.ForeignKey(VirtualMachine, on_delete=models.CASCADE, related_name="disks", db_index=False)
    position = models.IntegerField()
    name = Name()
    capacity_mib = models.BigIntegerField()
    datastore_name = OptionalText()
    thin = models.BooleanField(null=True)
    raw = models.BooleanField(null=True)
    sharing = models.BooleanField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["vm", "position"], name="disk_in_order")]

    def __str__(self) -> str:
        return self.name


class Partition(models.Model):
    vm = models.ForeignKey(
        VirtualMachine, on_delete=models.CASCADE, related_name="partitions", db_index=False
    )
    position = models.IntegerField()
    name = Name()
    capacity_mib = models.BigIntegerField()
    consumed_mib = models.BigIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["vm", "position"], name="partition_in_order")]

    def __str__(self) -> str:
        return self.name


class VmNic(models.Model):
    vm = models.ForeignKey(VirtualMachine, on_delete=models.CASCADE, related_name="nics", db_index=False)
    position = models.IntegerField()
    label = Name()
    network = OptionalText()
    mac = OptionalText()
    connected = models.BooleanField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["vm", "position"], name="vmnic_in_order")]

    def __str__(self) -> str:
        return self.label


class Service(Named):
    """Several VMs that together give one thing, tier by tier."""


class ServiceTier(models.Model):
    """VMs of a service that do the same work; `needed` NULL: nobody told how many have to serve."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="tiers", db_index=False)
    position = models.IntegerField()
    name = Name()
    vm_names = Names()
    needed = models.IntegerField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["service", "position"], name="servicetier_in_order")]

    def __str__(self) -> str:
        return self.name


class Rule(Unnamed):
    """Which VMs stay together, stay apart, or belong on which hosts."""

    kind = models.CharField(max_length=20)
    vm_names = Names()
    host_names = Names()
    name = models.TextField(blank=True)
    cluster_name = OptionalText()

"""Rows hold exactly what was read, change only where it changed, and all at once."""

from __future__ import annotations

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from cluster import snapshot
from cluster.models import Disk, Estate, VirtualMachine
from cluster.snapshot import Written
from cluster.snapshot.tables import TABLES
from planner import estate as planner
from tests.cluster.estates import estate_of, estates, reading
from tests.cluster.meanwhile import every_place

WRITES = ("INSERT", "UPDATE", "DELETE", "COPY")


class Undo(Exception):
    """Ends an example's transaction."""


def saved(estate: planner.Estate, name: str = "site") -> Estate:
    row = Estate(name=name)
    snapshot.save(row, reading(estate))
    return row


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estates())
def test_what_is_loaded_is_what_was_saved(estate):
    try:
        with transaction.atomic():
            row = saved(estate)
            assert snapshot.load(row) == estate
            assert snapshot.load_quality(Estate.objects.get(pk=row.pk)) == reading(estate).quality
            raise Undo
    except Undo:
        pass


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estates(), estates())
def test_an_import_over_another_leaves_only_what_it_says(before, after):
    try:
        with transaction.atomic():
            row = saved(before)
            snapshot.save(row, reading(after))
            assert snapshot.load(row) == after
            assert snapshot.save(Estate.objects.get(pk=row.pk), reading(after)).rows == 0
            connection.check_constraints()
            raise Undo
    except Undo:
        pass


def test_every_field_of_the_planner_has_a_column():
    described = {table.struct: {*table.fields, *(c.parent_field for c in table.children)} for table in TABLES}
    assert set(planner.Estate.__struct_fields__) == {table.estate_field for table in TABLES}
    for struct, fields in described.items():
        assert set(struct.__struct_fields__) == fields
    for table in TABLES:
        for columns in (table, *table.children):
            names = {field.column for field in columns.model._meta.concrete_fields}
            assert set(columns.columns) <= names


@pytest.mark.django_db
def test_an_unchanged_import_writes_no_row():
    row = saved(estate_of(vms=300))
    again = Estate.objects.get(pk=row.pk)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        written = snapshot.save(again, reading(estate_of(vms=300)))
    assert written == Written(inserted=0, updated=0, deleted=0)
    assert [q["sql"] for q in queries if q["sql"].startswith(WRITES)] == []
    assert Estate.objects.get(pk=row.pk).revision == 1


@pytest.mark.django_db
def test_a_changed_import_writes_only_what_changed():
    before = estate_of(vms=300)
    row = saved(before)
    ids = dict(VirtualMachine.objects.values_list("name", "id"))
    grown, kept, *rest = before.vms
    disks = (msgspec.structs.replace(grown.disks[0], capacity_mib=99), *grown.disks[1:])
    after = msgspec.structs.replace(
        before,
        vms=(
            msgspec.structs.replace(grown, disks=disks),
            kept,
            *rest[1:],
            msgspec.structs.replace(kept, name="zz"),
        ),
    ).sorted()
    written = snapshot.save(row, reading(after))
    # 1 VM and its disk changed; 1 VM with 2 disks, 2 partitions and 1 NIC came, another went.
    assert written == Written(inserted=6, updated=2, deleted=6)
    assert snapshot.load(row) == after
    assert VirtualMachine.objects.get(name=grown.name).pk == ids[grown.name]
    assert Disk.objects.get(vm__name=grown.name, position=0).capacity_mib == 99
    assert row.revision == 2


@pytest.mark.django_db
def test_a_vm_loses_its_host_row_but_not_the_name_of_its_host():
    before = estate_of(vms=4, hosts=2)
    row = saved(before)
    after = msgspec.structs.replace(before, hosts=before.hosts[1:])
    written = snapshot.save(row, reading(after))
    assert written == Written(inserted=0, updated=2, deleted=1)
    orphan = VirtualMachine.objects.get(name="vm000000")
    assert (orphan.host_name, orphan.host) == ("esx0", None)


@pytest.mark.django_db
def test_two_estates_do_not_touch_each_other():
    one, other = saved(estate_of(vms=5), "one"), saved(estate_of(vms=7), "other")
    snapshot.save(one, reading(planner.Estate()))
    assert snapshot.load(one) == planner.Estate()
    assert snapshot.load(other) == estate_of(vms=7)


@pytest.mark.django_db
def test_an_import_that_compared_with_an_older_revision_is_refused_whole():
    row = saved(estate_of(vms=5))
    late = snapshot.compare(Estate.objects.get(pk=row.pk), reading(estate_of(vms=6)))
    snapshot.save(row, reading(estate_of(vms=9)))
    with pytest.raises(snapshot.EstateMoved):
        snapshot.write(late)
    assert snapshot.load(row) == estate_of(vms=9)


@pytest.mark.django_db
def test_two_first_imports_of_one_name_leave_one_estate():
    slow = snapshot.compare(Estate(name="site"), reading(estate_of(vms=6)))
    row = saved(estate_of(vms=5))
    with pytest.raises(snapshot.EstateMoved):
        snapshot.write(slow)
    assert snapshot.load(row) == estate_of(vms=5)
    assert Estate.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_import_that_fails_half_way_leaves_the_old_estate():
    before = estate_of(vms=5)
    row = saved(before)
    changes = snapshot.compare(row, reading(estate_of(vms=9, hosts=6)))
    broken = next(table for table in changes.tables if table.table == "cluster_virtualmachine")
    broken.inserts[-1] = broken.inserts[0]  # the same id twice
    with pytest.raises(IntegrityError):
        snapshot.write(changes)
    assert snapshot.load(row) == before
    assert Estate.objects.get(pk=row.pk).revision == 1


@pytest.mark.django_db
def test_an_estate_is_read_as_one_import_left_it_whichever_is_stored_meanwhile():
    """Its tables are read one after the other; VMs of one import on hosts of another never were."""
    before, after = estate_of(8), estate_of(14, owner="another")
    row = saved(before)
    for late in every_place():
        snapshot.save(Estate.objects.get(pk=row.pk), reading(before))
        with late.lets(lambda: snapshot.save(Estate.objects.get(pk=row.pk), reading(after))):
            assert snapshot.load(row) in (before, after), late.place

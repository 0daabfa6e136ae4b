"""What two people do at the same moment, on each database: the second sees what the first has done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cluster.conftest import Site

BEGIN = """
import json, logging
logging.disable()
from cluster.roles import Role
from tests.cluster.at_once import at_once
from tests.cluster.people import administrator, person, site_administrator
"""
ESTATE = """
from cluster import snapshot
from cluster.models import Estate
from tests.cluster.estates import estate_of, reading
estate = Estate.objects.create(name="site")
snapshot.save(estate, reading(estate_of(12)))
estate = Estate.objects.get()
"""


def outcome(site: Site, code: str) -> Any:
    """What a process of the site prints at the end, as JSON."""
    return json.loads(site.run(BEGIN + code).splitlines()[-1])


ADMINISTRATORS = """
from django.contrib.auth.models import Group, User
from cluster import people
chiefs = [User.objects.create_user(name) for name in ("ann", "bob")]
for chief in chiefs:
    chief.groups.set(Group.objects.filter(name=Role.SITE_ADMINISTRATOR.value))
ann, bob = chiefs
became = at_once(
    lambda: people.change(ann, bob, roles=[], active=True),
    lambda: people.change(bob, ann, roles=[], active=True),
)
print(json.dumps([became, Group.objects.get(name=Role.SITE_ADMINISTRATOR.value).user_set.count()]))
"""


def test_two_site_administrators_who_remove_each_other_leave_one(any_site: Site) -> None:
    assert outcome(any_site, ADMINISTRATORS) == ["NotThis", 1]


NAMES = """
from django.contrib.auth.models import User
from cluster import people
chief = site_administrator()
became = at_once(
    lambda: people.add(chief, "Carol", [Role.AUDITOR]), lambda: people.add(chief, {second!r}, [Role.AUDITOR])
)
print(json.dumps([became, User.objects.filter(username__iexact="carol").count()]))
"""


@pytest.mark.parametrize("second", ["Carol", "carol"])
def test_a_name_is_given_once(any_site: Site, second: str) -> None:
    assert outcome(any_site, NAMES.format(second=second)) == ["NotThis", 1]


VARIANT = """
from cluster import changing
from cluster.models import AuditEntry, Variant
from planner.variant import AddVms
who, other = person(Role.BUYER), administrator()
like = snapshot.load(estate).vms[0].name
pk = changing.begin(who, estate, "more").pk
def seen():  # as a page fetched it a moment ago
    return Variant.objects.select_related("estate").get(pk=pk)
def add(user, row, count):
    return lambda: changing.add(user, row, AddVms(count=count, like=like))
"""
ADDED = """
became = at_once(add(who, seen(), 1), add(other, seen(), 2))
print(json.dumps([became, sorted(one["count"] for one in Variant.objects.get(pk=pk).changes)]))
"""
TAKEN_BACK = """
for count in (1, 2):
    add(who, seen(), count)()
became = at_once(lambda: changing.take_back(who, first, 1), lambda: changing.take_back(other, second, 1))
print(json.dumps([became, [one["count"] for one in Variant.objects.get(pk=pk).changes]]))
"""
COMMITTED = """
became = at_once(lambda: changing.commit(who, seen()), lambda: changing.commit(other, seen()))
noted = AuditEntry.objects.filter(deed="committed a variant")
print(json.dumps([Variant.objects.get(pk=pk).committed_by.username == who.username, noted.count()]))
"""
COMMITTED_CHANGED = """
became = at_once(add(who, seen(), 1), lambda: changing.commit(other, seen()))
noted = AuditEntry.objects.get(deed="committed a variant").after["changes"]
print(json.dumps([became, noted == Variant.objects.get(pk=pk).changes]))
"""


def test_two_changes_of_a_variant_are_both_kept(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + VARIANT + ADDED) == ["done", [1, 2]]


def test_a_variant_is_committed_by_one_of_two(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + VARIANT + COMMITTED) == [True, 1]


def test_what_is_noted_of_a_commitment_is_what_was_committed(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + VARIANT + COMMITTED_CHANGED) == ["done", True]


CIRCLE = """
from django.contrib.auth.models import User
from cluster import wishes
from cluster.models import VirtualMachine, Wish
names = [vm.name for vm in snapshot.load(estate).vms[:2]]
ada = User.objects.create_user("ada")
ada.groups.set(person(Role.SYSTEM_ADMINISTRATOR).groups.all())
VirtualMachine.objects.update(owner="ada")
def ask(vm, after):
    return lambda: wishes.ask(ada, Wish(estate=estate, kind="dependency", vm=vm, after=after))
became = at_once(ask(*names), ask(*reversed(names)))
print(json.dumps([became, Wish.objects.count()]))
"""


def test_two_requests_at_once_make_nobody_wait_in_a_circle(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + CIRCLE) == ["Refused", 1]


RING = """
from cluster import editing
from cluster.models import WiringEdit
from planner.paths.amend import Edit
who = administrator()
for name in "ab":
    editing.make_edit(who, estate, Edit(kind="feed", name=name, values={}))
def feeds(name, by):
    return lambda: editing.make_edit(who, estate, Edit(kind="feed", name=name, values={"upstream": [by]}))
became = at_once(feeds("a", "b"), feeds("b", "a"))
print(json.dumps([became, WiringEdit.objects.count()]))
"""


def test_two_edits_at_once_make_no_ring_of_feeds(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + RING) == ["Refused", 3]


REMOVED_TWICE = """
from cluster import services
from cluster.models import AuditEntry
who = administrator()
same = Estate.objects.get()
became = at_once(lambda: services.remove_estate(who, estate), lambda: services.remove_estate(who, same))
print(json.dumps([became, AuditEntry.objects.filter(deed="removed an estate").count()]))
"""
REMOVED_WHILE_STORED = """
from cluster import services
became = at_once(
    lambda: snapshot.save(Estate.objects.get(), reading(estate_of(40))),
    lambda: services.remove_estate(administrator(), estate),
)
print(json.dumps([became, Estate.objects.count()]))
"""
REMOVED_WHILE_PLANNED = """
from cluster import services, tasks
from cluster.models import Run
from planner import report
from planner.parameters import Parameters
run = services.start_plan(administrator(), estate, Parameters())
plan = report.plan
def meanwhile(*given, **named):
    services.remove_estate(administrator(), Estate.objects.get())
    return plan(*given, **named)
report.plan = meanwhile
tasks.make_plan(str(run.pk))
run.refresh_from_db()
print(json.dumps([run.state, run.error and run.error["template"]]))
"""


def test_an_estate_is_removed_once(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + REMOVED_TWICE) == ["done", 1]


def test_an_estate_is_removed_although_an_import_is_storing_into_it(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + REMOVED_WHILE_STORED) == ["done", 0]


def test_a_run_whose_estate_is_removed_while_it_works_says_so(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + REMOVED_WHILE_PLANNED) == ["failed", "The estate was deleted meanwhile"]


READ_TWICE = """
from cluster import results
from cluster.models import Connection, Run, Use
from cluster.work import claim
from operations.drivers.remote import Observed
from operations.drivers.usage import Usage, VmUsage
there = Connection.objects.create(name="site", host="10.0.0.1", username="u")
usage = Usage(average=1.0, p95=2.0, peak=3.0, coverage=1.0)
vm = VmUsage(vm="v", window_s=3600, sample_s=20, cpu_mhz=usage, memory_mib=usage)
seen = Observed(reading=reading(estate_of(12)), usage=(vm,))
def keep():
    run = Run.objects.create(kind=Run.Kind.REFRESH, estate_name="site", estate=estate, connection=there)
    work = claim(run.pk)
    return lambda: results.keep_observation(work, seen)
became = at_once(keep(), keep())
print(json.dumps([became, Use.objects.count()]))
"""


def test_two_readings_of_a_server_at_once_keep_its_use_once(any_site: Site) -> None:
    assert outcome(any_site, ESTATE + READ_TWICE) == ["done", 1]


CLAIMED = """
from cluster import carrying, connecting
from cluster.models import Connection, Operation
there = Connection.objects.create(name="site", host="10.0.0.1", username="u", may_act=True)
given = {"connection": there, "subject": "v", "dry_run": False, "state": "queued"}
for n in range(2):
    Operation.objects.create(kind="reset", subject_id=f"v{n}", **given)
claimed = carrying.claim(Operation.objects.get(subject_id="v0").pk)
connecting.remove(site_administrator(), Connection.objects.get())
try:
    print(carrying._commit_submitting(claimed, claimed.connection))
except Exception as error:
    print(type(error).__name__)
print(json.dumps(sorted(Operation.objects.values_list("state", flat=True))))
"""


def test_operations_that_wait_end_with_their_connection(any_site: Site) -> None:
    """Nobody claims one without a connection: it would wait for ever, and its worker would die of it."""
    said = any_site.run(BEGIN + CLAIMED).splitlines()
    assert said == ["False", '["cancelled", "cancelled"]']

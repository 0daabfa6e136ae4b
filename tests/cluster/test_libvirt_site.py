"""Plain libvirt hosts through the whole shell: typed, read, tried dry; real ones killed and fenced."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from cluster import approval, carrying, connecting, connections, operating, services, tasks
from cluster.models import AuditEntry, Connection, Definition, Estate, Operation, Run, Use
from cluster.roles import Role
from operations.drivers.libvirt import fence, fleet, moving
from tests.cluster.conftest import Site
from tests.cluster.people import administrator, person, site_administrator
from tests.cluster.real_operations import RECONCILE, Console, looked, short
from tests.conftest import wait_until
from tests.operations.libvirt_hosts import Hosts, binding_or_skip, running

NODE = Path(__file__).parent.parent / "operations/node.xml"
State = Operation.State


@pytest.fixture(autouse=True)
def site_settings(settings: Any, tmp_path: Path) -> None:
    settings.CONNECTION_NETWORKS = ["127.0.0.1/32", "10.0.0.0/8"]
    settings.CONNECTION_KEY_FILE = tmp_path / "key"
    settings.DATA_DIR = tmp_path
    settings.FENCE_PROGRAM = ""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    binding_or_skip()
    return Path(shutil.copy(NODE, tmp_path / "node.xml"))


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with running() as both:
        yield both


@pytest.fixture
def page(client: Client) -> Client:
    """Who keeps the connections and acts through them, where a site allows both to one person."""
    user: User = administrator()
    user.groups.add(Group.objects.get(name=Role.SITE_ADMINISTRATOR.value))
    client.force_login(user)
    return client


def text(response: Any) -> str:
    return str(response.content.decode())


def typed(*lines: str, **given: Any) -> dict[str, Any]:
    return {"name": "plain", "kind": "libvirt", "uris": "\r\n".join(lines), "moves_per_host": 2, **given}


def added(*lines: str, **given: Any) -> Connection:
    usual = {"name": "plain", "kind": "libvirt", "may_act": True, "four_eyes": False}
    return connecting.add(site_administrator(), "", **{**usual, "uris": "\n".join(lines), "port": 0, **given})


def refreshed(there: Connection) -> Run:
    run = connecting.refresh(administrator(), there)
    tasks.refresh_estate(str(run.pk))
    run.refresh_from_db()
    return run


def stands(operation: Operation) -> tuple[str, str]:
    operation.refresh_from_db()
    why = operation.why or {"template": "", "values": {}}
    return operation.state, why["template"].format(**why["values"])


def carried(operation: Operation) -> tuple[str, str]:
    carrying.carry_out(operation.pk, poll_s=0.05)
    return stands(operation)


# -- from the form to a dry run, on libvirt's own test driver


@pytest.mark.django_db
def test_hosts_are_typed_read_and_tried_dry(page: Client, node: Path) -> None:
    other = node.with_name("other.xml")
    other.write_text(node.read_text().replace("00000000001", "00000000002").replace(">db<", ">web<"))
    lines = (f"h1 test://{node}", f"h2 test://{other} 10.0.0.2")
    assert page.post("/connections/add/", typed(*lines)).status_code == 302
    there = Connection.objects.get()
    assert (there.kind, there.host, there.uris.splitlines()) == ("libvirt", "", list(lines))
    shown = text(page.get("/connections/"))
    assert all(line in shown for line in lines)
    assert page.post(f"/connections/{there.pk}/refresh/").status_code == 302
    run = Run.objects.get()
    tasks.refresh_estate(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == (Run.State.SUCCEEDED, None)
    estate = Estate.objects.get(name="plain")
    assert (estate.host_set.count(), estate.plans.count()) == (2, 1)
    assert set(estate.virtualmachine_set.values_list("name", "host_name", "power")) == {
        ("db", "h1", "on"), ("web", "h2", "on"), ("spare", "h1", "off"), ("spare (2)", "h2", "off"),
    }  # fmt: skip
    assert Definition.objects.filter(connection=there).count() == 4
    asked = {"connection": there.pk, "kind": "power-off", "subject": "db"}
    assert page.post("/operations/propose/", asked).status_code == 302
    operation = Operation.objects.get()
    assert operation.dry_run
    assert carried(operation) == ("done", "Dry run: nothing stands in the way, and nothing was done")
    assert "db" in text(page.get("/operations/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("qemu+ssh://h1/system?command=/bin/evil", "No parameter but the socket"),
        ("qemu+tls://192.0.2.1/system", "192.0.2.1 is no address that this site allows"),
        ("xen:///", "are known"),
        ("", "This field is required."),
    ],
)
def test_a_host_that_may_not_be_reached_is_refused_at_its_field(page: Client, line: str, why: str) -> None:
    response = page.post("/connections/add/", typed(line))
    assert response.status_code == 400
    assert why in text(response).replace("&#x27;", "'")
    assert not Connection.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["vsphere", "proxmox"])
def test_other_kinds_want_server_user_and_password_still(page: Client, kind: str) -> None:
    response = page.post("/connections/add/", {"name": "x", "kind": kind, "moves_per_host": 2})
    assert response.status_code == 400
    assert text(response).count("This field is required.") == 3


@pytest.mark.django_db
def test_hosts_are_changed_and_a_password_is_given_again_for_others(page: Client, node: Path) -> None:
    page.post("/connections/add/", typed("h1 qemu+tls://10.0.0.1/system", username="u", password="s3cret"))
    there = Connection.objects.get()
    assert connections.login_of(there).uris == ("h1 qemu+tls://10.0.0.1/system",)
    changed = typed("h1 qemu+tls://10.0.0.2/system", username="u")
    assert "needs its password given again" in text(page.post(f"/connections/{there.pk}/", changed))
    page.post(f"/connections/{there.pk}/", changed | {"password": "s3cret"})
    there.refresh_from_db()
    assert there.uris == "h1 qemu+tls://10.0.0.2/system"
    assert "s3cret" not in str(list(AuditEntry.objects.values()))


@pytest.mark.django_db
def test_a_silent_host_stays_as_it_was_recorded(node: Path) -> None:
    other = node.with_name("other.xml")
    other.write_text(node.read_text().replace("00000000001", "00000000002").replace(">db<", ">web<"))
    there = added(f"h1 test://{node}", f"h2 test://{other}")
    refreshed(there)
    other.unlink()
    assert refreshed(there).state == Run.State.SUCCEEDED
    estate = Estate.objects.get(name="plain")
    assert set(estate.host_set.values_list("name", "connected")) == {("h1", True), ("h2", False)}
    assert estate.virtualmachine_set.get(name="web").host_name == "h2"
    assert Definition.objects.filter(connection=there, host="h2").count() == 2  # what it is restarted from


@pytest.mark.django_db
def test_the_rate_of_newly_written_memory_is_shown_as_one_sample(page: Client, node: Path) -> None:
    there = added(f"h1 test://{node}")
    refreshed(there)
    vm = Estate.objects.get(name="plain").virtualmachine_set.get(name="db")
    Use.objects.create(connection=there, vm="db", window_s=86400, sample_s=1, dirty_mib_s=12.34)
    shown = text(page.get(f"/vms/{vm.pk}/"))
    assert "12.3 MiB/s" in shown
    assert "one sample of 1 s" in shown


@pytest.mark.django_db
def test_only_libvirt_is_asked_for_a_restart_elsewhere_or_post_copy(node: Path) -> None:
    there = added(f"h1 test://{node}")
    refreshed(there)
    propose = operating.propose
    with pytest.raises(services.Refused, match="Post-copy is for a migration"):
        propose(administrator(), there, "power-off", "db", post_copy=True)
    with pytest.raises(services.Refused, match="h9 is not there"):
        propose(administrator(), there, "restart", "db", "h9")
    Connection.objects.filter(pk=there.pk).update(kind="vsphere")
    there.refresh_from_db()
    with pytest.raises(services.Refused, match="has an HA of its own"):
        propose(administrator(), there, "restart", "db", "h1")
    with pytest.raises(services.Refused, match="Only libvirt is asked for post-copy"):
        propose(administrator(), there, "migrate", "db", "h1", post_copy=True)


@pytest.mark.django_db
def test_an_approval_is_of_these_hosts_and_of_post_copy(node: Path) -> None:
    there = added(f"h1 test://{node}", four_eyes=True)
    refreshed(there)
    operation = operating.propose(administrator(), there, "migrate", "db", "h1", real=True, post_copy=True)
    seen = approval.plan_hash(operation)
    assert seen == operation.plan_sha256
    operation.post_copy = False
    assert approval.plan_hash(operation) != seen
    operation.post_copy = True
    operation.connection.uris += "\nh2 test:///default"
    assert approval.plan_hash(operation) != seen


# -- two real hosts


@pytest.fixture
def lab(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    """Hosts with a VM; its memory holds nothing that an old QEMU could damage."""
    monkeypatch.setattr(moving, "QEMU_OF_TCG", 0)
    monkeypatch.setattr(fence, "CONFIRMED_WITHIN_S", 1.0)
    monkeypatch.setattr(fleet, "OPEN_S", 3.0)
    hosts.start()
    return hosts


@pytest.mark.django_db
def test_a_vm_migrates_through_the_shell_and_is_measured(lab: Hosts) -> None:
    there = added(*lab.uris())
    refreshed(there)
    assert connections.about(there).startswith("QEMU")
    wanted = operating.propose(administrator(), there, "migrate", "vm1", "h2", real=True)
    assert carried(wanted) == ("done", "Done")
    assert wanted.measured["total_s"] > 0
    assert {"downtime_ms", "sent_mib"} <= wanted.measured.keys()
    again = operating.propose(administrator(), there, "migrate", "vm1", "h2", real=True)
    assert carried(again) == ("failed", "vm1 runs on h2 now, no longer on h1")
    assert lab.copies() == 1


@pytest.mark.django_db
def test_a_restart_waits_for_a_confirmed_fence(lab: Hosts, settings: Any) -> None:
    """Split brain: the host is silent, its VM runs on, and each attempt but the last finds no proof."""
    there = added(*lab.uris(), four_eyes=True)
    refreshed(there)
    approver = person(Role.SYSTEM_ADMINISTRATOR)
    approver.groups.add(Group.objects.get(name=Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR.value))

    def asked() -> tuple[str, str]:
        operation = operating.propose(administrator(), there, "restart", "vm1", "h2", real=True)
        assert operation.state == State.PROPOSED
        operating.approve(approver, operation, operation.plan_sha256)
        return carried(operation)

    assert asked() == ("failed", "vm1 runs on h1: nothing is to be restarted")
    lab.freeze("h1")
    state, why = asked()
    assert (state, "no program that switches a host off" in why) == ("failed", True)
    settings.FENCE_PROGRAM = lab.switch(off=":", status="echo on")
    state, why = asked()
    assert (state, "h1 is not confirmed to be off" in why) == ("failed", True)
    assert lab.copies() == 1
    settings.FENCE_PROGRAM = lab.switch()
    assert asked() == ("done", "Done")
    assert lab.copies() == 1
    assert [domain.name() for domain in lab.raw("h2").listAllDomains()] == ["vm1"]


POINTS = ("before the call", "before the word", "after the word", "after the answer")
ALL_UNSAFE = "from operations.drivers.libvirt import moving\nmoving.QEMU_OF_TCG = 0\n"
SET_UP = """
import json
from cluster import connecting, connections, operating, snapshot
from cluster.models import Estate
from tests.cluster.people import administrator, site_administrator
connection = connecting.add(
    site_administrator(), "", name="lab", kind="libvirt", uris={uris!r}, port=0, may_act=True,
    four_eyes=False,
)
snapshot.save(Estate(name="lab"), connections.observe_estate(connection, lambda stage: None).reading)
print(operating.propose(administrator(), connection, "migrate", "vm1", "h2", real=True).pk)
"""
KILLED = """
import os, signal
from cluster import carrying
from operations.drivers.libvirt import moving
from operations.drivers.libvirt.server import LibvirtServer
submit, tell = LibvirtServer.submit, moving._tell
def end(): os.kill(os.getpid(), signal.SIGKILL)
def submitting(*arguments):
    if {point!r} == "before the call": end()
    found = submit(*arguments)
    if {point!r} == "after the answer": end()
    return found
def telling(mover, message):
    if "go" in message and {point!r} == "before the word": end()
    tell(mover, message)
    if "go" in message and {point!r} == "after the word": end()
LibvirtServer.submit, moving._tell = submitting, telling
carrying.carry_out({operation!r})
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_while_it_submits_never_migrates_twice(
    site: Site, hosts: Hosts, point: str
) -> None:
    site.environment |= {
        "HEADROOM_CONNECTION_NETWORKS": "127.0.0.1/32",
        "HEADROOM_CONNECTION_KEY_FILE": str(site.folder / "connection-key"),
    }
    hosts.start()
    console = Console(site)
    operation = console.run(SET_UP.format(uris="\n".join(hosts.uris()))).strip()
    lines = (
        short(1.0)
        + "carrying.FRESH_S = 60.0\n"
        + ALL_UNSAFE
        + KILLED.format(point=point, operation=operation)
    )
    worker = site.start_quietly(lines)
    assert worker.wait(60) == -signal.SIGKILL
    assert looked(console)[0]["state"] == "submitting"

    def reconciled() -> str:
        console.run(short(1.0) + RECONCILE)
        return str(looked(console)[0]["state"])

    wait_until(lambda: reconciled() in ("done", "failed"), "the operation's end")
    moved = point in ("after the word", "after the answer")
    where = {name: len(hosts.raw(name).listAllDomains()) for name in ("h1", "h2")}
    assert where == ({"h1": 0, "h2": 1} if moved else {"h1": 1, "h2": 0})
    assert (looked(console)[0]["state"], hosts.copies()) == ("done" if moved else "failed", 1)

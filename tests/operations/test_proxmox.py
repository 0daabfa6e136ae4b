"""Proxmox VE against a server of ours that answers as its API does: read, trusted, refused, acted, lost."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operations.drivers.addresses import networks_of
from operations.drivers.base import DriverError
from operations.drivers.proxmox.acting import NO_MAINTENANCE
from operations.drivers.proxmox.server import ProxmoxServer, opened
from operations.drivers.remote import NotBegun, Observed, Order
from operations.drivers.trust import coloned
from planner.parameters import Parameters
from planner.report import plan
from tests.operations.pve import ADMIN, AUDITOR, SECRET, TOKEN, Fault, Guest, Pve, serving


@pytest.fixture
def pve(tmp_path: Path) -> Iterator[Pve]:
    with serving(tmp_path) as one:
        yield one


@pytest.fixture
def server(pve: Pve) -> Iterator[ProxmoxServer]:
    with opened(pve.login()) as one:
        yield one


def quiet(_: str) -> None:
    """Nobody asked to be told."""


def observed(pve: Pve, **given: Any) -> Observed:
    with opened(pve.login()) as server:
        return server.read(quiet, **given)


def said(found: Observed) -> str:
    return "; ".join(str(one.message) for one in found.reading.quality.warnings)


# -- reading


def test_a_cluster_becomes_an_estate_that_can_be_planned(pve: Pve) -> None:
    pve.ha = {"vm:100": {"type": "vm", "state": "started"}}
    pve.rules = [
        {"rule": "apart", "type": "resource-affinity", "affinity": "negative", "resources": "vm:100,vm:104"}
    ]
    pve.permissions = dict(AUDITOR)
    found = observed(pve)
    estate = found.reading.estate
    assert [
        (host.name, host.cores, host.cpu_mhz, host.memory_mib, host.version) for host in estate.hosts
    ] == [(name, 8, 2400.0, 65536, "pve-manager/9.0.3/abc") for name in ("pve1", "pve2", "pve3")]
    db = next(vm for vm in estate.vms if vm.name == "db")
    assert (db.id, db.host, db.power, db.vcpus, db.disk_mib, db.datastores, db.networks) == (
        "qemu/100", "pve1", "on", 2, 32768, ("ceph",), ("vmbr0.20",),
    )  # fmt: skip
    web = next(vm for vm in estate.vms if vm.name == "web")
    assert web.datastores == ("local-lvm (pve1)",)
    assert [(store.name, store.shared, store.hosts) for store in estate.datastores] == [
        ("ceph", True, ("pve1", "pve2", "pve3")),
        *((f"local-lvm ({name})", False, (name,)) for name in ("pve1", "pve2", "pve3")),
    ]
    assert [(rule.name, rule.kind, rule.vms) for rule in estate.rules] == [
        ("apart", "spread", ("db", "shop"))
    ]
    assert {vm.name: vm.restart_priority for vm in estate.vms}["web"] == "disabled"  # HA keeps vm:100 alone
    assert plan(found.reading, Parameters()).clusters[0].hosts_today == 3
    assert said(found) == ""


def test_statistics_become_demand_with_average_peak_and_coverage(pve: Pve) -> None:
    """The cluster's own: a share of 0.01 n of 2 CPUs of 2,400 MHz in 48 half hours, 4 of them missing."""
    found = observed(pve)
    used = next(one for one in found.usage if one.vm == "db")
    shares = [0.01 * n for n in range(48) if not 4 <= n < 8]
    assert used.cpu_mhz is not None
    assert used.memory_mib is not None
    assert used.cpu_mhz.average == pytest.approx(sum(shares) / 44 * 4800)
    assert used.cpu_mhz.p95 == pytest.approx(0.45 * 4800)  # the 42nd of 44
    assert used.cpu_mhz.peak == pytest.approx(0.47 * 1.5 * 4800)
    assert used.cpu_mhz.coverage == pytest.approx(44 / 48)
    vm = next(vm for vm in found.reading.estate.vms if vm.name == "db")
    assert (vm.cpu_demand_mhz, vm.memory_demand_mib) == (pytest.approx(2160.0), 1024)
    assert any("95th percentile of 24 h" in str(one) for one in found.reading.quality.assumptions)


def test_an_offline_node_is_offline_and_keeps_what_was_seen_of_it(pve: Pve) -> None:
    before = observed(pve).reading.estate
    pve.nodes["pve3"] = False
    found = observed(pve, recorded=before)
    node = next(host for host in found.reading.estate.hosts if host.name == "pve3")
    assert (node.connected, node.cores, node.memory_mib, node.cpu_usage_percent) == (False, 8, 65536, None)
    shop = next(vm for vm in found.reading.estate.vms if vm.name == "shop")
    assert (shop.host, shop.power, shop.vcpus, shop.memory_mib) == ("pve3", "on", 2, 4096)
    assert "The node pve3 is offline; its hardware is as last seen" in said(found)
    assert "mail is on the offline node pve3; it is shown as last seen" in said(found)
    assert "ceph" not in said(found)
    assert found.reading.estate.datastores == before.datastores


def test_a_node_that_was_never_seen_online_is_left_out_and_told(pve: Pve) -> None:
    pve.nodes["pve3"] = False
    found = observed(pve)
    assert [host.name for host in found.reading.estate.hosts] == ["pve1", "pve2"]
    assert "The node pve3 is offline and was never seen" in said(found)


def test_a_node_that_answers_595_counts_as_offline(pve: Pve) -> None:
    before = observed(pve).reading.estate
    pve.silent = {"pve2"}
    found = observed(pve, recorded=before)
    assert not next(host for host in found.reading.estate.hosts if host.name == "pve2").connected
    assert "The node pve2 could not be reached (595 No route to host); it counts as offline" in said(found)


def test_a_token_that_may_see_nothing_is_told_what_to_grant(pve: Pve) -> None:
    pve.permissions = {}
    with pytest.raises(DriverError, match="Grant it the role PVEAuditor on /") as caught:
        observed(pve)
    assert caught.value.permanent
    assert TOKEN in str(caught.value)


def test_a_token_that_may_see_a_part_is_told_what_is_missing(pve: Pve) -> None:
    pve.permissions = {"/vms": {"VM.Audit": 1}}
    assert "lacks VM.Audit, Datastore.Audit, Sys.Audit on /" in said(observed(pve))


def test_a_release_without_rules_is_read_all_the_same(pve: Pve) -> None:
    pve.release = "8.2.4"
    assert observed(pve).reading.estate.rules == ()


def test_a_guest_that_moves_while_it_is_read_loses_nothing_but_its_configuration(pve: Pve) -> None:
    pve.faults = [("GET nodes/pve1/qemu/100/config", Fault(500, "Configuration file does not exist"))]
    vm = next(vm for vm in observed(pve).reading.estate.vms if vm.name == "db")
    assert (vm.vcpus, vm.disk_mib, vm.disks) == (2, 32768, ())


# -- trust


def refused(pve: Pve, **given: Any) -> DriverError:
    with pytest.raises(DriverError) as caught, opened(pve.login(**given)) as server:
        server.about()
    assert SECRET not in str(caught.value)
    return caught.value


def test_what_answers_is_told(server: ProxmoxServer) -> None:
    assert server.about() == "Proxmox VE 9.0.3"


def test_a_certificate_nobody_vouches_for_is_refused(pve: Pve) -> None:
    error = refused(pve, ca_file=None)
    assert "is not trusted" in str(error)
    assert (error.permanent, pve.asked) == (True, [])


def test_a_pinned_certificate_is_enough_and_another_one_is_refused(pve: Pve) -> None:
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pve.ca_file.read_text())).hexdigest()
    with opened(pve.login(ca_file=None, fingerprint=coloned(pin))) as server:
        assert server.about()
    before = list(pve.asked)
    assert "not the one pinned" in str(refused(pve, ca_file=None, fingerprint="00" * 32))
    assert pve.asked == before


def test_a_wrong_secret_is_told_without_it(pve: Pve) -> None:
    error = refused(pve, password="wrong-s3cret")
    assert "does not know this token: invalid token value!" in str(error)
    assert error.permanent
    assert "s3cret" not in str(error) + repr(pve.login(password="wrong-s3cret"))


@pytest.mark.parametrize("username", ["root@pam", "root", "a!b", "x@pve!y\r\nHost: evil", "ü@pve!t"])
def test_a_user_that_is_no_token_is_refused_before_anything_is_sent(pve: Pve, username: str) -> None:
    assert refused(pve, username=username).permanent
    assert pve.asked == []


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", ["10.0.0.0/8"]),
        ("127.0.0.1", ["0.0.0.0/0"]),
        ("localhost", ["0.0.0.0/0"]),
        ("127.0.0.1", []),
    ],
)
def test_addresses_that_the_site_does_not_allow_get_no_word_from_us(
    pve: Pve, host: str, allowed: list[str]
) -> None:
    refused(pve, host=host, allowed=networks_of(allowed))
    assert pve.asked == []


def test_a_redirect_is_never_followed(pve: Pve) -> None:
    pve.faults = [("GET version", Fault(302, "Found"))]
    assert "sends elsewhere" in str(refused(pve))


def test_proxies_of_the_environment_are_not_used(pve: Pve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with opened(pve.login()) as server:
        assert server.about()


def test_a_server_that_is_not_there_is_told_in_one_line(pve: Pve) -> None:
    assert str(refused(pve, port=1)) == "127.0.0.1:1 cannot be reached: ConnectionRefusedError"


def test_a_server_that_is_too_slow_is_told_in_one_line(pve: Pve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.drivers.proxmox.client.TIMEOUT_S", 0.2)
    pve.delay_s = 1.0
    assert "cannot be reached: TimeoutError" in str(refused(pve))


def test_a_server_that_speaks_of_something_else_is_told(pve: Pve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.operations.pve.json.dumps", lambda _: "<html>it works</html>")
    assert "does not answer as Proxmox VE does" in str(refused(pve))


def test_an_error_that_repeats_our_secret_is_shown_without_it(pve: Pve) -> None:
    pve.faults = [("GET version", Fault(500, f"cannot use {SECRET}"))]
    assert "cannot use ***" in str(refused(pve))


def test_an_answer_without_end_is_not_read_to_its_end(pve: Pve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operations.drivers.proxmox.client.ANSWER_MAX", 64)
    with pytest.raises(DriverError, match="larger than"), opened(pve.login()) as server:
        server.read(quiet)


# -- acting


def order(kind: str = "migrate", subject: str = "qemu/100", **given: Any) -> Order:
    usual = {"subject": "db", "source": "pve1", "destination": "pve2"}
    return Order(kind=kind, subject_id=subject, **{**usual, **given})


def ended(server: ProxmoxServer, identity: str) -> Any:
    until = time.monotonic() + 10
    while (task := server.task_now(identity)).state in ("running", "queued"):
        assert time.monotonic() < until
        time.sleep(0.05)
    return task


def test_a_running_guest_is_moved_and_followed_by_its_task(pve: Pve, server: ProxmoxServer) -> None:
    before = server.look(order())
    assert (before.host, before.power, before.busy, before.protected) == ("pve1", "poweredOn", False, False)
    identity = server.submit(order())
    assert identity.startswith("UPID:pve1:")
    assert server.look(order()).busy
    assert ended(server, identity).state == "success"
    assert server.look(order()).host == "pve2"
    assert pve.calls == ["migrate 100 pve2"]


@pytest.mark.parametrize(
    ("subject", "source", "kind"), [("lxc/102", "pve2", "vzmigrate"), ("qemu/103", "pve3", "qmigrate")]
)
def test_a_container_restarts_and_a_stopped_guest_moves_offline(
    pve: Pve, server: ProxmoxServer, subject: str, source: str, kind: str
) -> None:
    identity = server.submit(order(subject=subject, source=source, destination="pve1"))
    assert f":{kind}:" in identity
    assert ended(server, identity).state == "success"


def test_a_migration_that_fails_says_why_and_the_guest_stays(pve: Pve, server: ProxmoxServer) -> None:
    pve.fail_migrations = "migration aborted: storage 'local-lvm' is not available on node 'pve2'"
    task = ended(server, server.submit(order()))
    assert (task.state, task.error) == ("error", pve.fail_migrations)
    assert server.look(order()).host == "pve1"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"destination": "pve1"}, "400 Parameter verification failed. target: target is local node."),
        ({"subject": "qemu/999"}, "db is not there any more"),
        ({"kind": "enter", "subject": "host/pve1"}, str(NO_MAINTENANCE)),
    ],
)
def test_what_the_api_refuses_was_never_begun(
    pve: Pve, server: ProxmoxServer, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(NotBegun) as caught:
        server.submit(order(**given))
    assert (str(caught.value), pve.calls) == (why, [])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"only_here": {"ceph"}}, "no ceph there"),
        ({"device": {"hostpci0": "0000:01:00.0"}}, "local devices: 0000:01:00.0"),
        ({"device": {"scsi0": "local-lvm:vm-100-disk-0,size=8G"}}, "local disks: local-lvm:vm-100-disk-0"),
        ({}, ""),
    ],
)
def test_the_server_is_asked_beforehand_what_it_would_fail_of(
    pve: Pve, server: ProxmoxServer, given: dict[str, Any], why: str
) -> None:
    pve.only_here = given.get("only_here", set())
    if "device" in given:
        pve.guests[100].config = given["device"]
    assert server.look(order()).hindered == why
    pve.permissions = dict(AUDITOR)
    assert server.look(order()).hindered == ""  # told when it acts: VM.Migrate is missing


def test_a_token_that_may_not_migrate_is_told_the_privilege(pve: Pve, server: ProxmoxServer) -> None:
    pve.permissions = dict(AUDITOR)
    with pytest.raises(NotBegun, match=r"403 Permission check failed \(/, VM.Migrate\)"):
        server.submit(order())


@pytest.mark.parametrize("subject", ["qemu/100/../101", "qemu/-1", "vm/100", "qemu/1e2", "../etc", "qemu/٣"])
def test_an_id_that_is_none_reaches_no_server(pve: Pve, server: ProxmoxServer, subject: str) -> None:
    with pytest.raises(NotBegun):
        server.submit(order(subject=subject))
    assert pve.calls == []


def test_an_answer_that_was_lost_is_not_asked_again_and_its_task_is_found(
    pve: Pve, server: ProxmoxServer
) -> None:
    pve.lose = "POST .*/migrate"
    began = datetime.now(UTC) - timedelta(seconds=2)
    with pytest.raises(DriverError, match="cannot be reached"):
        server.submit(order())
    assert pve.calls == ["migrate 100 pve2"]
    identity = server.find_task(order(), began)
    assert identity is not None
    assert ended(server, identity).state == "success"
    assert server.find_task(order(), datetime.now(UTC) + timedelta(seconds=5)) is None
    assert server.find_task(order(kind="power-on"), began) is None


def test_a_595_on_acting_is_unknown_and_not_refused(pve: Pve, server: ProxmoxServer) -> None:
    pve.faults = [("POST", Fault(595, "Connection timed out"))]
    with pytest.raises(DriverError, match="595"):
        server.submit(order())


def test_a_guest_on_a_silent_node_is_not_connected(pve: Pve, server: ProxmoxServer) -> None:
    pve.silent = {"pve1"}
    now = server.look(order())
    assert (now.exists, now.connected) == (True, False)


def test_what_ha_takes_over_is_only_done_when_the_guest_has_moved(pve: Pve, server: ProxmoxServer) -> None:
    pve.ha = {"vm:100": {"type": "vm", "state": "started"}}
    began = datetime.now(UTC) - timedelta(seconds=2)
    identity = server.submit(order())
    assert ":hamigrate:" in identity
    assert ended(server, identity).state == "handed over"
    assert server.look(order()).host == "pve1"
    until = time.monotonic() + 10
    while ":qmigrate:" not in (found := server.find_task(order(), began) or ""):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert ended(server, found).state == "success"
    assert server.look(order()).host == "pve2"


def test_power_and_ha(pve: Pve, server: ProxmoxServer) -> None:
    off = order(kind="power-off")
    assert ended(server, server.submit(off)).state == "success"
    assert server.look(off).power == "poweredOff"
    assert ended(server, server.submit(order(kind="power-on"))).state == "success"
    for kind, kept in (("protect", True), ("unprotect", False)):
        server.submit(order(kind=kind))
        assert server.look(order(kind=kind)).protected is kept


def test_a_task_is_aborted_and_aborting_again_is_nothing(pve: Pve, server: ProxmoxServer) -> None:
    pve.migration_s = 30.0
    identity = server.submit(order())
    server.abort(identity)
    assert ended(server, identity).state == "error"
    server.abort(identity)
    server.abort("UPID:pve1:00001000:00ABCDEF:00000001:qmigrate:100:root@pam:")
    assert server.look(order()).host == "pve1"


def test_a_node_in_maintenance_is_seen(pve: Pve, server: ProxmoxServer) -> None:
    pve.maintenance = {"pve2"}
    assert server.host_now("pve2").maintenance
    assert not server.host_now("pve1").maintenance
    assert not server.host_now("nowhere").exists


# -- what happens


def test_tasks_that_ended_are_told_once_the_oldest_first(pve: Pve, server: ProxmoxServer) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    ended(server, server.submit(order()))
    pve.fail_migrations = "no space"
    ended(server, server.submit(order(subject="qemu/101")))
    told = server.happenings(began, 10)
    assert [(one.kind, one.subject, one.grave) for one in told] == [
        ("qmigrate", "100", False),
        ("qmigrate", "101", True),
    ]
    assert told[1].text.endswith("no space")
    assert server.happenings(told[-1].at, 10) == []


def test_what_changes_is_told_while_somebody_watches(
    pve: Pve, server: ProxmoxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.drivers.proxmox.happenings.EVERY_S", 0.05)
    watch = server.watch(1)
    pve.permissions = dict(ADMIN)
    assert next(watch) == []
    pve.guests[100].node = "pve2"
    pve.nodes["pve3"] = False
    pve.guests[105] = Guest("pve1", "new")
    texts = [one.text for one in next(watch)]
    assert "db is on pve2 now" in texts
    assert "pve3 is offline now" in texts
    assert "new is new" in texts

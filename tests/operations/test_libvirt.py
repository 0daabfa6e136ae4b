"""Plain libvirt hosts: libvirt's own test driver is read and acted upon, two real hosts are moved between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from operations.drivers.addresses import networks_of
from operations.drivers.base import DriverError
from operations.drivers.libvirt import binding, fence, fleet, moving
from operations.drivers.libvirt.acting import NO_HA, NO_MAINTENANCE
from operations.drivers.libvirt.server import LibvirtServer, opened
from operations.drivers.places import WrongPlace, read_places, refusal_of_place
from operations.drivers.remote import Login, NotBegun, Observed, Order
from planner.estate import Estate
from planner.parameters import Parameters
from planner.report import plan
from tests.conftest import wait_until
from tests.operations.libvirt_hosts import LOOPBACK, UUID, Hosts, binding_or_skip, running

ROOT = Path(__file__).resolve().parent.parent.parent
NODE = Path(__file__).parent / "node.xml"
REAL = ROOT.parent / "shared/data/libvirt"
DB = "a1b3d0c2-0000-4000-8000-000000000010"
ENDS_WITHIN_S = 60.0


def quiet(_: str) -> None:
    """Nobody asked to be told."""


def login_to(*lines: str, **given: Any) -> Login:
    return Login(**{"uris": lines, "allowed": LOOPBACK, **given})


def observed(login: Login, recorded: Estate | None = None) -> Observed:
    with opened(login) as server:
        return server.read(quiet, recorded)


def said(found: Observed) -> str:
    return "; ".join(str(one.message) for one in found.reading.quality.warnings)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    binding_or_skip()
    return Path(shutil.copy(NODE, tmp_path / "node.xml"))


@pytest.fixture
def server(node: Path) -> Iterator[LibvirtServer]:
    with opened(login_to(f"h1 test://{node}")) as one:
        yield one


def order(kind: Any, source: str = "h1", destination: str = "", **given: Any) -> Order:
    usual = {"subject_id": DB, "subject": "db"}
    return Order(**{**usual, "kind": kind, "source": source, "destination": destination, **given})


# -- where hosts are


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("qemu+ssh://ops@h1.example/system", ("h1.example", "h1.example", 22, "")),
        ("a qemu+tls://h1.example/system 10.0.0.1", ("a", "h1.example", 16514, "10.0.0.1")),
        ("qemu+tcp://10.0.0.7:17000/system", ("10.0.0.7", "10.0.0.7", 17000, "")),
        ("six qemu+tls://[fd00::7]/system", ("six", "fd00::7", 16514, "")),
        ("qemu:///system", ("localhost", "", 0, "")),
        ("h1 qemu+unix:///system?socket=/run/h1/libvirt-sock", ("h1", "", 0, "")),
        ("test:///default", ("localhost", "", 0, "")),
    ],
)
def test_a_host_is_a_line(line: str, expected: tuple[str, str, int, str]) -> None:
    [place] = read_places([line, " "])
    assert (place.name, place.address, place.port, place.incoming) == expected


@pytest.mark.parametrize(
    "line",
    [
        "qemu+ssh://h1/system?command=/tmp/evil",
        "qemu+ssh://h1/system?netcat=/tmp/evil",
        "qemu+ssh://h1/system?keyfile=/etc/shadow",
        "qemu+ssh://h1/system?no_verify=1",
        "qemu+tls://h1/system?pkipath=/tmp",
        "qemu+ext://h1/system?command=/tmp/evil",
        "qemu+unix:///system?socket=relative",
        "qemu+unix:///system?socket=/run/../etc/x",
        "qemu+unix:///system?socket=/run/x&command=/tmp/evil",
        "qemu+unix:///system?socket=/run/x%0a",
        "qemu+ssh://-oProxyCommand=evil/system",
        "qemu+ssh://-oProxyCommand@h1/system",
        "qemu+ssh://ops:secret@h1/system",
        "qemu+tls://ops@h1/system",
        "qemu+tls://h1/system#x",
        "qemu+tls://h1/embed?root=/tmp",
        "qemu+tls:///system",
        "qemu+tcp://h1:99999/system",
        "qemu+tcp://h1;reboot/system",
        "xen+ssh://h1/",
        "esx://h1/",
        "file:///etc/passwd",
        "test://h1/default",
        "test:///x/../../etc/passwd",
        "-x qemu:///system",
        "h1 h2 qemu:///system",
        "h1",
        "h1 qemu:///system -oevil",
        "h1 qemu:///system 10.0.0.1 more",
        "",
    ],
)
def test_a_line_that_could_do_more_than_name_a_host_is_refused(line: str) -> None:
    with pytest.raises(WrongPlace):
        read_places([line])


def test_two_hosts_of_one_name_are_refused() -> None:
    with pytest.raises(WrongPlace, match="one name"):
        read_places(["qemu:///system", "test:///default"])


@pytest.mark.parametrize(
    ("line", "networks", "refused"),
    [
        ("qemu:///system", ["127.0.0.1/32"], False),
        ("test:///default", ["10.0.0.0/8"], True),
        ("qemu+tls://10.1.2.3/system", ["10.0.0.0/8"], False),
        ("qemu+tls://192.0.2.1/system", ["10.0.0.0/8"], True),
        ("qemu+ssh://169.254.169.254/system", ["0.0.0.0/0"], True),
        ("qemu+tcp://127.0.0.1/system", ["0.0.0.0/0"], True),
        ("qemu:///system", [], True),
    ],
)
def test_a_host_is_where_the_site_allows(line: str, networks: list[str], refused: bool) -> None:
    [place] = read_places([line])
    assert (refusal_of_place(place, networks_of(networks)) is not None) is refused


def test_an_address_that_is_not_allowed_gets_no_packet() -> None:
    binding_or_skip()
    with pytest.raises(DriverError, match="no address that this site allows") as caught:
        observed(login_to("qemu+tcp://192.0.2.1/system"))
    assert caught.value.permanent


def test_a_name_that_leads_to_a_closed_address_is_refused() -> None:
    """The list allows everything, and localhost is this machine all the same."""
    binding_or_skip()
    with pytest.raises(DriverError, match="no address that this site allows"):
        observed(login_to("h1 qemu+tcp://localhost:1/system", allowed=networks_of(["0.0.0.0/0", "::/0"])))


def test_a_missing_binding_says_which_package_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in binding.MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(binding, "DEBIAN", tmp_path)
    with pytest.raises(DriverError, match="apt-get install -y python3-libvirt") as caught:
        observed(login_to("test:///default"))
    assert caught.value.permanent


# -- reading


def test_hosts_become_an_estate_that_can_be_planned(node: Path) -> None:
    other = node.with_name("other.xml")
    text = node.read_text().replace("000000000010", "000000000020").replace("000000000011", "000000000021")
    other.write_text(text.replace("<name>db<", "<name>web<").replace("<name>spare<", "<name>old<"))
    found = observed(login_to(f"h1 test://{node}", f"h2 test://{other}"))
    estate = found.reading.estate
    assert [
        (host.name, host.sockets, host.cores, host.cpu_mhz, host.memory_mib) for host in estate.hosts
    ] == [(name, 2, 16, 2600.0, 131072) for name in ("h1", "h2")]
    db = next(vm for vm in estate.vms if vm.name == "db")
    assert (db.id, db.uuid, db.host, db.power, db.vcpus, db.memory_mib, db.networks) == (
        DB, DB, "h1", "on", 4, 8192, ("prod",),
    )  # fmt: skip
    assert (db.disk_mib, db.disk_used_mib, db.datastores) == (40960, 25600, ("shared",))
    assert [(vm.name, vm.host, vm.power) for vm in estate.vms] == [
        ("db", "h1", "on"), ("old", "h2", "off"), ("spare", "h1", "off"), ("web", "h2", "on"),
    ]  # fmt: skip
    assert [(store.name, store.shared, store.hosts) for store in estate.datastores] == [
        ("shared", True, ("h1", "h2"))
    ]
    assert [(group.name, group.switch, group.hosts) for group in estate.port_groups] == [
        ("prod", "br20", ("h1", "h2"))
    ]
    assert {(one.vm_id, one.host) for one in found.definitions} >= {(DB, "h1")}
    assert plan(found.reading, Parameters()).clusters[0].hosts_today == 2


@pytest.mark.parametrize("name", ["00-testdefault", "01-testsuite", "02-empty", "03-defaultpool-collision"])
def test_libvirts_own_nodes_are_read_live(name: str) -> None:
    binding_or_skip()
    path = REAL / f"node-{name}.xml"
    if not path.exists():
        pytest.skip(f"{path} is absent: the shared data folder lies beside the checkout")
    estate = observed(login_to(f"h1 test://{path.resolve()}")).reading.estate
    assert [(host.name, host.memory_mib) for host in estate.hosts] == [("h1", 9765)]
    assert (len(estate.vms) > 0) is (name in ("00-testdefault", "01-testsuite"))
    assert all(vm.id == vm.uuid for vm in estate.vms)


def test_a_host_that_cannot_be_reached_is_offline_and_stays_as_recorded(node: Path) -> None:
    away = node.with_name("away.xml")
    text = node.read_text().replace("000000000010", "000000000020").replace("000000000011", "000000000021")
    away.write_text(text.replace("<name>db<", "<name>web<").replace("<name>spare<", "<name>old<"))
    login = login_to(f"h1 test://{node}", f"h2 test://{away}")
    before = observed(login).reading.estate
    away.unlink()
    found = observed(login, before)
    assert [(host.name, host.connected, host.cores) for host in found.reading.estate.hosts] == [
        ("h1", True, 16), ("h2", False, 16),
    ]  # fmt: skip
    assert found.reading.estate.vms == before.vms
    assert found.reading.estate.datastores == before.datastores
    assert "The host h2 could not be reached" in said(found)
    assert "as last seen" in said(found)
    never = observed(login)
    assert [host.name for host in never.reading.estate.hosts] == ["h1"]
    assert "was never seen: it is left out" in said(never)


def test_where_no_host_answers_nothing_is_read(tmp_path: Path) -> None:
    binding_or_skip()
    with pytest.raises(DriverError, match="h1 cannot be reached") as caught:
        observed(login_to(f"h1 test://{tmp_path}/none.xml"))
    assert not caught.value.permanent


def test_a_vm_that_runs_twice_is_told(node: Path) -> None:
    other = Path(shutil.copy(node, node.with_name("other.xml")))
    assert "db runs on two hosts at once" in said(
        observed(login_to(f"h1 test://{node}", f"h2 test://{other}"))
    )


def test_a_vm_that_starts_with_its_host_is_told(node: Path) -> None:
    libvirt = binding.loaded()
    kept = libvirt.open("test:///default")  # one world for the whole process, while somebody is in it
    domain = kept.lookupByName("test")
    domain.setAutostart(1)
    try:
        assert "starts by itself with localhost" in said(observed(login_to("test:///default")))
    finally:
        domain.setAutostart(0)


# -- acting on the test driver


def test_a_vm_is_reset_switched_off_and_on(server: LibvirtServer) -> None:
    assert server.about() == "TEST with libvirt " + server.about().split()[3] + " on 1 hosts"
    for kind, power in (("reset", "poweredOn"), ("power-off", "poweredOff"), ("power-on", "poweredOn")):
        identity = server.submit(order(kind))
        assert server.task_now(identity).state == "success"
        assert server.look(order(kind)).power == power
    assert server.task_now("none of ours").state == "gone"


def test_a_second_start_begins_nothing(server: LibvirtServer) -> None:
    with pytest.raises(NotBegun, match="db runs on h1"):
        server.submit(order("power-on"))


def test_what_is_gone_is_not_there_and_what_is_no_uuid_is_refused(server: LibvirtServer) -> None:
    gone = order("reset", subject_id=DB.replace("10", "99"))
    assert not server.look(gone).exists
    with pytest.raises(NotBegun, match="on no host that answers"):
        server.submit(gone)
    with pytest.raises(NotBegun, match="is no VM of libvirt"):
        server.look(order("reset", subject_id="../../etc"))


def test_libvirt_has_no_maintenance_ha_or_ft(server: LibvirtServer) -> None:
    with pytest.raises(NotBegun) as caught:
        server.submit(order("enter", subject="h1"))
    assert caught.value.sentence == NO_MAINTENANCE
    with pytest.raises(NotBegun) as caught:
        server.submit(order("protect"))
    assert caught.value.sentence == NO_HA
    assert (server.look(order("ft-on")).ft, server.look(order("protect")).protected) == (None, None)
    assert server.host_now("h1").connected
    assert not server.host_now("h9").exists


def test_a_session_that_may_only_read_cannot_act(node: Path) -> None:
    with opened(login_to(f"h1 test://{node}", acts=False)) as server:
        assert server.look(order("power-off")).power == "poweredOn"
        with pytest.raises(NotBegun, match="may only read"):
            server.submit(order("power-off"))
        raw = server._fleet.connections["h1"]
        with pytest.raises(binding.loaded().libvirtError, match="read only"):  # libvirt itself refuses, too
            raw.lookupByName("db").destroy()
        assert server.look(order("power-off")).power == "poweredOn"


def test_a_vm_is_not_started_while_the_host_that_had_it_is_silent(node: Path) -> None:
    """Its definition lies on h1 still; where it ran last, nobody answers."""
    text = node.read_text().replace("<test:runstate>1<", "<test:runstate>5<")
    node.write_text(text)
    with opened(login_to(f"h1 test://{node}", f"h2 test://{node}.none")) as server:
        asked = order("power-on", source="h2")
        assert not server.look(asked).connected
        with pytest.raises(NotBegun, match="h2 does not answer and is not confirmed to be off"):
            server.submit(asked)


def test_what_happens_is_told_as_it_happens() -> None:
    libvirt = binding_or_skip()
    other = libvirt.open("test:///default").lookupByName("test")  # one world for the whole process
    with opened(login_to("h1 test:///default")) as server:
        assert server.happenings(datetime.now(UTC), 10) == []  # libvirt remembers nothing
        watching = server.watch(30)
        act = threading.Timer(1.0, other.suspend)  # a moment later, when somebody listens
        act.start()
        batch = next(watching)
        act.join()
        other.resume()
        watching.close()
    assert [(one.kind, one.subject, one.text, one.grave) for one in batch] == [
        ("lifecycle", "test", "test was suspended on h1", False)
    ]


# -- the power switch


@pytest.fixture
def switch(tmp_path: Path) -> Path:
    return tmp_path / "switch"


def written(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(mode)
    return str(path)


def test_only_the_word_off_of_the_switch_is_off(switch: Path) -> None:
    assert fence.is_off(written(switch, '[ "$1 $2" = "status h1" ] && echo off'), "h1")
    for text in ("echo on", "echo off; exit 1", "echo offline", "exit 0", "echo unknown"):
        assert not fence.is_off(written(switch, text), "h1")
    assert not fence.is_off("", "h1")
    assert not fence.is_off(str(switch) + ".none", "h1")


def test_a_switch_that_says_nothing_in_time_confirms_nothing(
    switch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "STATUS_S", 0.2)
    monkeypatch.setattr(fence, "OFF_S", 0.2)
    monkeypatch.setattr(fence, "CONFIRMED_WITHIN_S", 0.5)
    with pytest.raises(NotBegun, match=r"not confirmed to be off \(timeout\)"):
        fence.make_off(written(switch, "exec sleep 5"), "h1")


def test_a_switch_that_was_asked_and_fails_confirms_nothing(switch: Path) -> None:
    with pytest.raises(NotBegun, match=r"not confirmed to be off \(exit 3\)"):
        fence.make_off(written(switch, '[ "$1" = status ] && echo on; exit 3'), "h1")


def test_a_switch_that_others_may_write_is_not_run(switch: Path, tmp_path: Path) -> None:
    program = written(switch, f"touch {tmp_path}/ran; echo off", 0o777)
    with pytest.raises(NotBegun, match="may be changed by others"):
        fence.make_off(program, "h1")
    assert not fence.is_off(program, "h1")
    assert not (tmp_path / "ran").exists()


def test_a_host_is_switched_off_once_and_confirmed(switch: Path, tmp_path: Path) -> None:
    text = f"""
case $1 in
off) echo "$2" >> {tmp_path}/asked ;;
status) if [ -e {tmp_path}/asked ]; then echo off; else echo on; fi ;;
esac
"""
    program = written(switch, text)
    fence.make_off(program, "h1")
    fence.make_off(program, "h1")  # it is off: nobody is asked again
    assert (tmp_path / "asked").read_text() == "h1\n"


# -- two real hosts


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with running() as both:
        yield both


def moved(**given: Any) -> Order:
    return order("migrate", "h1", "h2", subject_id=UUID, subject="vm1", **given)


def ended(server: LibvirtServer, identity: str) -> Any:
    found: list[Any] = []

    def over() -> bool:
        found[:] = [server.task_now(identity)]
        return found[0].state != "running"

    wait_until(over, "the end of the migration")
    return found[0]


def test_a_running_vm_migrates_and_its_figures_are_told(hosts: Hosts) -> None:
    hosts.start()
    with opened(hosts.login()) as server:
        before = server.read(quiet).reading.estate
        assert [(vm.name, vm.host, vm.power) for vm in before.vms] == [("vm1", "h1", "on")]
        identity = server.submit(moved())
        task = ended(server, identity)
        assert task.state == "success"
        assert task.seconds is not None
        assert 0 < task.seconds < ENDS_WITHIN_S
        assert {"sent_mib", "downtime_ms", "memory_mib"} <= task.measured.keys()
        print(f"migrated in {task.seconds} s, {task.measured} (loaded)")
        now = server.look(moved())
        assert (now.host, now.power, now.busy) == ("h2", "poweredOn", False)
        assert server.find_task(moved(), datetime.now(UTC)) == identity
        assert [vm.host for vm in server.read(quiet).reading.estate.vms] == ["h2"]
        with pytest.raises(NotBegun, match="vm1 is not on h1"):
            server.submit(moved())
    assert hosts.copies() == 1
    assert hosts.raw("h1").listAllDomains() == []
    assert [domain.isPersistent() for domain in hosts.raw("h2").listAllDomains()] == [1]


def test_a_session_that_may_only_read_sees_everything_and_migrates_nothing(hosts: Hosts) -> None:
    hosts.start()
    reading = hosts.login(acts=False)
    assert observed(reading).reading.estate == observed(hosts.login()).reading.estate
    with opened(reading) as server:
        assert server.look(moved()).power == "poweredOn"
        with pytest.raises(NotBegun, match="may only read"):
            server.submit(moved())
    assert hosts.copies() == 1


def test_a_reset_whose_answer_was_lost_is_never_said_to_be_done_or_not(server: LibvirtServer) -> None:
    found = server.find_task(order("reset"), datetime.now(UTC))
    assert found is not None
    assert "nothing tells" in str(server.task_now(found).error)


def test_a_migration_is_aborted_and_the_vm_stays(hosts: Hosts) -> None:
    hosts.start(writes=True)
    with opened(hosts.login()) as server:
        identity = server.submit(moved())
        assert server.look(moved()).busy
        with pytest.raises(NotBegun, match=r"another task under way|runs on h2"):
            server.submit(moved())
        server.abort(identity)
        task = ended(server, identity)
        assert task.state == "error"
        assert "the VM runs on h1 still" in str(task.error)
        server.abort(identity)  # what has ended needs no end
        assert server.look(moved()).host == "h1"
    wait_until(lambda: hosts.copies() == 1, "the end of the copy")


def test_post_copy_ends_what_would_not_end_by_itself(hosts: Hosts) -> None:
    hosts.start(writes=True)
    with opened(hosts.login()) as server:
        task = ended(server, server.submit(moved(post_copy=True)))
        assert (task.state, server.look(moved()).host) == ("success", "h2")
        print(f"post-copy: {task.seconds} s, {task.measured} (loaded)")
    assert hosts.copies() == 1


def test_a_vm_that_is_off_moves_its_definition(hosts: Hosts) -> None:
    hosts.start()
    hosts.raw("h1").lookupByName("vm1").destroy()
    with opened(hosts.login()) as server:
        assert ended(server, server.submit(moved())).state == "success"
        now = server.look(moved())
        assert (now.host, now.power) == ("h2", "poweredOff")


def test_a_worker_killed_before_its_word_has_begun_nothing(hosts: Hosts) -> None:
    """The mover has both hosts open, and waits for a word that does not come."""
    hosts.start()
    code = f"""
        import os, signal
        from operations.drivers.addresses import networks_of
        from operations.drivers.libvirt import moving
        from operations.drivers.libvirt.server import opened
        from operations.drivers.remote import Login, Order
        tell = moving._tell
        def dying(mover, message):
            if "go" in message:
                os.kill(os.getpid(), signal.SIGKILL)
            tell(mover, message)
        moving._tell = dying
        with opened(Login(uris={hosts.uris()!r}, allowed=networks_of(["127.0.0.1/32"]))) as server:
            asked = dict(subject_id={UUID!r}, subject="vm1", source="h1", destination="h2")
            server.submit(Order(kind="migrate", **asked))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    time.sleep(2.0)  # long enough for a call that must not come
    with opened(hosts.login()) as server:
        assert server.find_task(moved(), datetime.now(UTC)) is None
        now = server.look(moved())
        assert (now.host, now.busy) == ("h1", False)
    assert hosts.copies() == 1


def test_a_mover_that_is_killed_leaves_the_vm_where_it_was(hosts: Hosts) -> None:
    hosts.start(writes=True)
    with opened(hosts.login()) as server:
        identity = server.submit(moved())
        os.kill(moving._movers[-1].pid, signal.SIGKILL)
        task = ended(server, identity)
        assert task.state == "error"
        assert server.look(moved()).host == "h1"
    wait_until(lambda: hosts.copies() == 1, "the end of the copy")


def test_emulation_on_an_old_qemu_hinders_a_migration(hosts: Hosts) -> None:
    hosts.start()
    with opened(hosts.login()) as server:
        old = hosts.raw("h1").getVersion() < moving.QEMU_OF_TCG
        assert ("damages the memory" in str(server.look(moved()).hindered)) is old


def restarted(found: Observed, definition: str = "") -> Order:
    [known] = found.definitions
    text = definition or known.text
    return order("restart", "h1", "h2", subject_id=UUID, subject="vm1", definition=text)


def test_a_vm_of_a_dead_host_is_restarted_after_a_confirmed_fence(hosts: Hosts) -> None:
    hosts.start()
    login = hosts.login(fence=hosts.switch())
    seen = observed(login)
    asked = restarted(seen)
    hosts.power_off("h1")
    wait_until(lambda: hosts.copies() == 0, "the loss of power")
    with opened(login) as server:
        now = server.look(asked)
        assert (now.exists, now.host, now.power, now.connected) == (True, "h1", "poweredOff", True)
        identity = server.submit(asked)
        assert server.task_now(identity).state == "success"
        now = server.look(asked)
        assert (now.host, now.power) == ("h2", "poweredOn")
        after = server.read(quiet, seen.reading.estate).reading.estate
        assert [(vm.name, vm.host, vm.power) for vm in after.vms] == [("vm1", "h2", "on")]
        assert [(host.name, host.connected) for host in after.hosts] == [("h1", False), ("h2", True)]
    assert hosts.copies() == 1


def test_a_silent_host_that_is_not_confirmed_off_keeps_its_vm(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Split brain: its libvirtd is frozen, its VM runs on, and no switch says that it does not."""
    monkeypatch.setattr(fence, "CONFIRMED_WITHIN_S", 1.0)
    monkeypatch.setattr(fleet, "OPEN_S", 3.0)
    hosts.start()
    login = hosts.login()
    asked = restarted(observed(login))
    with opened(login) as server, pytest.raises(NotBegun, match="vm1 runs on h1"):
        server.submit(asked)
    hosts.freeze("h1")
    for program, why in (
        ("", "no program that switches a host off"),
        (hosts.switch(off=":", status="echo on"), "not confirmed to be off"),
        (hosts.switch(off="exit 1", status="exit 1"), "not confirmed to be off"),
    ):
        with opened(replace(login, fence=program)) as server:
            assert not server.look(asked).connected
            with pytest.raises(NotBegun, match=why):
                server.submit(asked)
        assert hosts.copies() == 1
    with opened(replace(login, fence=hosts.switch())) as server:
        identity = server.submit(asked)
        assert server.task_now(identity).state == "success"
        with pytest.raises(NotBegun, match="vm1 runs on h2"):
            server.submit(asked)
    assert hosts.copies() == 1


def test_a_definition_that_is_none_of_the_vm_starts_nothing(hosts: Hosts) -> None:
    hosts.start()
    login = hosts.login(fence=hosts.switch())
    asked = restarted(observed(login), definition="<domain/>")
    hosts.power_off("h1")
    with opened(login) as server, pytest.raises(NotBegun, match="was never read"):
        server.submit(asked)
    assert hosts.copies() == 0

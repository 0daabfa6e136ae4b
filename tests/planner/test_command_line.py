"""`python -m planner` as a script sees it: documents, exit status, one line of complaint."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from planner.__main__ import main
from tests.planner.small import WORKSHOP, needs_workshop

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "planner", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


class Done(Struct, frozen=True):
    """How a command ended that ran in this process, where starting one would only take time."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def planner(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def call(*arguments: object) -> Done:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        return Done(status, *capsys.readouterr())

    return call


def refuse_constant(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def document(*arguments: object, status: int = 0) -> Any:
    done = run(*arguments, "--json")
    assert (done.returncode, done.stderr) == (status, "")
    return json.loads(done.stdout, parse_constant=refuse_constant)


def by_name(answer: Any) -> dict[str, Any]:
    return {cluster["name"]: cluster for cluster in answer["clusters"]}


def vm(name: str, **given: object) -> dict[str, object]:
    return {
        "name": name, "cluster": "c", "power": "on", "template": False, "vcpus": 4, "memory_mib": 16384,
        "disk_mib": 40960, **given,
    }  # fmt: skip


def host(name: str, **given: object) -> dict[str, object]:
    return {
        "name": name,
        "cluster": "c",
        "sockets": 2,
        "cores": 16,
        "cpu_mhz": 2500,
        "memory_mib": 131072,
        **given,
    }


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    return written(tmp_path, [host(f"esx{n}") for n in range(3)], [vm(f"vm{n}") for n in range(10)])


def written(folder: Path, hosts: list[Any], vms: list[Any], **more: object) -> Path:
    path = folder / "estate.json"
    clusters = [{"name": "c"}]
    path.write_text(
        json.dumps({"format": "headroom-estate/1", "clusters": clusters, "hosts": hosts, "vms": vms, **more})
    )
    return path


@needs_workshop
def test_the_workshop_gives_its_published_answers() -> None:
    answer = document("summary", WORKSHOP)
    clusters = by_name(answer)
    one = clusters["Cluster1"]
    assert (one["vcpus_on"], one["cores_n1"], one["vcpu_per_core_n1"]) == (257, 64.0, 4.015625)
    assert one["memory_on_gib"] == 1195.4765625
    assert one["guest_used_tib"] == pytest.approx(17.51, abs=0.005)
    assert one["storage_used_tib"] == pytest.approx(22.35, abs=0.005)
    assert (clusters["DMZ"]["vcpus_on"], round(clusters["DMZ"]["vcpu_per_core_n1"], 2)) == (136, 3.78)
    assert round(clusters["DMZ"]["vcpu_per_core_n1"] * 1952 / 1402, 4) == 5.2598
    assert round(clusters["DMZ"]["memory_on_gib"]) == 448
    assert (clusters["Mgmt"]["vcpus_on"], clusters["Mgmt"]["vcpu_per_core_n1"]) == (76, 2.375)
    totals = answer["totals"]
    assert (totals["vms"], totals["templates"], totals["hosts"], totals["clusters"]) == (795, 10, 34, 4)
    assert totals["vms"] == totals["vms_on"] + totals["vms_off"]


@needs_workshop
def test_the_workshop_is_planned_and_does_not_fit() -> None:
    answer = document("plan", WORKSHOP, status=1)
    one = by_name(answer)["Cluster1"]
    assert (one["hosts_today"], one["hosts_for_load"], one["hosts_needed"], one["lower_bound"]) == (
        5,
        5,
        6,
        5,
    )
    assert (one["binding"], one["failures_tolerated_today"], one["fits"]) == ("memory", 0, False)
    assert one["ratios"]["vcpu_per_core_n1"] == 4.015625
    assert one["assumptions"]
    assert one["cost"]["planned"]["lines"]
    dmz = document("plan", WORKSHOP, "--cluster", "DMZ")
    assert [cluster["name"] for cluster in dmz["clusters"]] == ["DMZ"]
    assert dmz["clusters"][0]["failures_tolerated_today"] == 1


def test_the_summary_has_the_promised_keys(estate: Path) -> None:
    answer = document("summary", estate)
    assert set(answer["source"]) >= {"format", "sheets", "warnings"}
    assert answer["source"]["format"] == "headroom-estate/1"
    assert set(answer["totals"]) >= {
        "vms", "vms_on", "vms_off", "templates", "hosts", "clusters", "datastores", "vcpus_on",
        "memory_on_gib", "storage_used_tib",
    }  # fmt: skip
    assert set(answer["clusters"][0]) >= {
        "name", "hosts", "cores", "host_memory_gib", "vms_on", "vms_off", "templates", "vcpus_on",
        "memory_on_gib", "vcpu_per_core", "vcpu_per_core_n1", "vms_per_host", "storage_used_tib",
    }  # fmt: skip


def test_the_plan_has_the_promised_keys(estate: Path) -> None:
    (cluster,) = document("plan", estate)["clusters"]
    assert set(cluster) >= {
        "name", "hosts_today", "hosts_for_load", "hosts_needed", "lower_bound", "binding",
        "failures_tolerated_today", "ratios", "assumptions", "cost",
    }  # fmt: skip
    assert all(isinstance(said, str) for said in cluster["assumptions"])
    assert isinstance(cluster["binding"], str)
    assert isinstance(cluster["cost"], dict)


def test_the_published_licence_examples_come_out_of_the_plan(tmp_path: Path) -> None:
    def cores(hosts: list[Any]) -> float:
        path = written(tmp_path, hosts, [])
        lines = document("plan", path, "--failures", 0)["clusters"][0]["cost"]["today"]["lines"]
        return next(line["quantity"] for line in lines if line["item"] == "licence_vvf")

    assert cores([host("a", sockets=2, cores=16), host("b", sockets=2, cores=48)]) == 80
    assert cores([host("a", sockets=1, cores=12)]) == 72


def test_a_set_of_csv_files_is_planned_as_any_export(tmp_path: Path) -> None:
    (tmp_path / "RVTools_tabvHost.csv").write_text(
        "Host;Cluster;# CPU;# Cores;Speed;# Memory\n"
        + "".join(f"esx{n};c;2;16;2500;131072\n" for n in range(3))
    )
    (tmp_path / "RVTools_tabvInfo.csv").write_text(
        "VM;Powerstate;Template;CPUs;Memory;Provisioned MiB;In Use MiB;Cluster;Host\n"
        + "".join(f"vm{n};poweredOn;False;4;16384;40960;40960;c;esx0\n" for n in range(10))
    )
    from_csv = document("plan", tmp_path)
    from_json = document("plan", written(tmp_path / "..", [host(f"esx{n}") for n in range(3)],
                                         [vm(f"vm{n}") for n in range(10)]))  # fmt: skip
    for key in ("hosts_needed", "lower_bound", "binding", "free_vms", "ratios", "needs"):
        assert from_csv["clusters"][0][key] == from_json["clusters"][0][key]


def test_options_reach_the_plan(estate: Path) -> None:
    options = ("--failures", 2, "--vcpu-per-core", 2, "--host-cores", 64, "--host-sockets", 2,
               "--host-memory-gib", 512, "--host-price", "10000", "--currency", "CHF")  # fmt: skip
    (cluster,) = document("plan", estate, *options, status=1)["clusters"]
    assert (cluster["failures_asked"], cluster["hosts_for_load"], cluster["hosts_needed"]) == (2, 1, 3)
    assert cluster["host_model"]["cores"] == 64
    hosts = cluster["cost"]["planned"]["lines"][0]
    assert (hosts["low"], hosts["currency"]) == ("30000.00", "CHF")


def test_it_fits_or_it_does_not_by_exit_status(estate: Path) -> None:
    assert run("plan", estate).returncode == 0
    assert run("plan", estate, "--failures", 2).returncode == 1
    assert run("summary", estate).returncode == 0


def test_text_is_aligned_and_names_what_binds(estate: Path) -> None:
    lines = run("plan", estate).stdout.splitlines()
    assert "c: fits with 1 host failure; memory binds" in lines
    head, cpu, memory, storage = lines[
        (at := next(n for n, line in enumerate(lines) if "wanted" in line)) : at + 4
    ]
    end = head.index("wanted") + len("wanted")
    assert [row[:end].split()[-1] for row in (cpu, memory, storage)] == ["40.0", "161.5", "0.4"]
    assert all(row[end - 1].isdigit() for row in (cpu, memory, storage))
    assert memory.endswith("<- binds")


def test_text_has_no_colour_when_nobody_watches(estate: Path) -> None:
    assert "\x1b" not in run("plan", estate).stdout


def test_a_terminal_sees_colour_unless_it_asked_for_none(estate: Path) -> None:
    def on_terminal(**environment: str) -> bytes:
        ours, theirs = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        with subprocess.Popen(
            [sys.executable, "-m", "planner", "plan", estate, "--failures", "0"],
            cwd=ROOT, stdout=theirs, env={**clean, **environment},
        ) as child:  # fmt: skip
            os.close(theirs)
            seen = b""
            while chunk := _read(ours):
                seen += chunk
            assert child.wait() == 0
        os.close(ours)
        return seen

    assert b"\x1b[1;32mfits\x1b[0m" in on_terminal()
    assert b"\x1b" not in on_terminal(NO_COLOR="1")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # a closed terminal reads as an error on Linux
        return b""


def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    evil = "db\x1b]0;owned\x07\u202e\x9b2J"
    path = written(tmp_path, [host("esx1"), host("esx2")], [vm(evil, memory_mib=10**6)])
    for verb in ("plan", "summary"):
        for shape in ((), ("--json",)):
            shown = run(verb, path, *shape).stdout
            assert not any(mark in shown for mark in ("\x1b", "\x07", "\u202e", "\x9b"))
    complaint = run("plan", path, "--cluster", evil).stderr
    assert "\x1b" not in complaint
    assert len(complaint.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--failures", "-1"), "failures: -1 is not between 0 and 1000"),
        (("--failures", "one"), "argument --failures: invalid int value: 'one'"),
        (("--vcpu-per-core", "0"), "vCPUs per core: 0.0 is not above 0"),
        (("--vcpu-per-core", "nan"), "vCPUs per core: nan is not above 0"),
        (("--host-cores", "2", "--host-sockets", "4"), "a host of 2 cores cannot have 4 sockets"),
        (("--host-memory-gib", "-5"), "host memory: -5.0 GiB is not between 1"),
        (("--cluster", "C"), "there is no cluster C; there are: c"),
        (("--cluster", ""), "there is no cluster ; there are: c"),
        (("--template", "ghost"), "there is no VM or template ghost"),
        (("--host-price", "much"), "host price: much is not an amount of money"),
        (("--currency", "€"), "currency: € is not three capital letters"),
        (("--licence", "gratis"), "argument --licence: invalid choice: 'gratis'"),
        (("--unheard-of",), "unrecognized arguments: --unheard-of"),
    ],
)
def test_bad_options_are_told_in_one_line(
    planner: Callable[..., Done], estate: Path, options: tuple[str, ...], said: str
) -> None:
    done = planner("plan", estate, *options)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x00", b"not a workbook", b"PK\x03\x04 broken", b"{", b"[]",
        b'{"format": "headroom-estate/9"}',
        b'{"format": "headroom-estate/1", "vms": [{"name": "a"}]}',
        b'{"format": "headroom-estate/1", "hosts": [{"name": "h", "sockets": 1, "cores": 1, "cpu_mhz": NaN, '
        b'"memory_mib": 1}]}',
        b'{"format": "headroom-estate/1", "clusters": [{"name": "a"}, {"name": "a"}]}',
        b"\xff" * 5000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["summary", "plan"])
def test_a_file_that_cannot_be_read_is_told_in_one_line(
    planner: Callable[..., Done], tmp_path: Path, verb: str, content: bytes
) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(content)
    done = planner(verb, path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_what_is_not_there_is_told_in_one_line(planner: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    gone, empty = tmp_path / "gone.xlsx", tmp_path / "empty"
    for arguments in (("plan", gone), ("plan", empty), ("plan",), (), ("dance",)):
        done = planner(*arguments)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    done = run("plan", gone)
    assert (done.returncode, done.stderr) == (2, f"planner: {gone}: No such file or directory\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told_in_one_line(estate: Path) -> None:
    estate.chmod(0)
    done = run("summary", estate)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    vms = [vm(f"vm{n}", memory_mib=10**6) for n in range(2000)]
    path = written(tmp_path, [host("esx1")], vms)
    with subprocess.Popen(
        [sys.executable, "-m", "planner", "plan", path, "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(1)
        child.stdout.close()
        complaint = child.stderr.read()
    assert (child.returncode, complaint) == (1, b"")


def test_a_terminal_of_another_alphabet_still_shows_everything(tmp_path: Path) -> None:
    path = written(tmp_path, [host("esx1"), host("esx2")], [vm("base-données", memory_mib=10**6)])
    done = run("plan", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert "base-donn\\xe9es" in done.stdout


def test_an_empty_estate_is_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text('{"format": "headroom-estate/1"}')
    assert document("summary", path)["totals"]["vms"] == 0
    assert document("plan", path)["clusters"] == []
    assert "nothing to plan" in run("plan", path).stdout


def test_help_is_help(planner: Callable[..., Done]) -> None:
    for arguments in (("--help",), ("plan", "--help"), ("summary", "--help")):
        done = planner(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert "usage: python -m planner" in done.stdout

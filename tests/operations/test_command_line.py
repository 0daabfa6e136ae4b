"""The command line, as a person meets it: output, and exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "operations", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_scenario_prints_its_log() -> None:
    found = ask("scenarios/host-failure")
    assert found.returncode == 0
    assert found.stdout == (ROOT / "scenarios/host-failure/log.expect").read_text()


def test_json_says_the_same_with_causes() -> None:
    found = ask("scenarios/host-failure", "--json")
    events = [json.loads(line) for line in found.stdout.splitlines()]
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    by_number = {event["number"]: event for event in events}
    up = next(event for event in events if event["kind"] == "vm-up")
    chain = [up["kind"]]
    while up["cause"]:
        up = by_number[up["cause"]]
        chain.append(up["kind"])
    assert chain == ["vm-up", "vm-restarting", "host-fenced", "host-dead", "host-failed"]


def test_another_log_than_expected_is_exit_1_until_accepted(tmp_path: Path) -> None:
    folder = tmp_path / "host-failure"
    shutil.copytree(ROOT / "scenarios/host-failure", folder)
    (folder / "script").write_text("at 100 fail esx3\n")
    assert ask(str(folder)).returncode == 1
    assert ask(str(folder), "--accept").returncode == 0
    assert ask(str(folder)).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("scenarios/there-is-none",),
        ("drill", "nowhere.json"),
        ("evacuate", "scenarios/evacuation/estate", "--host", "esx9"),
        ("migrate", "--memory-mib", "-5"),
        ("migrate", "--memory-mib", "nan"),
        ("migrate",),
        (),
    ],
)
def test_bad_input_is_exit_2_and_one_sentence(arguments: tuple[str, ...]) -> None:
    found = ask(*arguments)
    assert found.returncode == 2
    assert found.stdout == ""
    assert "Traceback" not in found.stderr


def test_a_migration_is_predicted() -> None:
    found = ask(
        *("migrate", "--memory-mib", "32768", "--dirty-mib-s", "100", "--working-set-mib", "8192"),
        *("--link-mbit", "10000", "--downtime-limit-ms", "300", "--json"),
    )
    answer = json.loads(found.stdout)
    assert found.returncode == 0
    assert {"rounds", "seconds", "downtime_ms", "lost_pings", "sent_mib", "converged", "why"} <= set(answer)
    assert (answer["rounds"], answer["converged"]) == (2, True)


def test_a_migration_that_never_ends_is_exit_1() -> None:
    found = ask("migrate", "--memory-mib", "32768", "--dirty-mib-s", "500", "--link-mbit", "1000", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["seconds"] is None


def test_an_evacuation_ends_empty_or_exit_1() -> None:
    assert "maintenance-on" in ask("evacuate", "scenarios/evacuation/estate", "--host", "esx1").stdout
    blocked = ask("evacuate", "scenarios/no-room-until-repair/estate", "--host", "esx1")
    assert blocked.returncode == 1
    assert "blocked" in blocked.stdout


def test_a_drill_names_who_is_lost() -> None:
    found = ask("drill", "scenarios/no-room-until-repair/estate", "--json")
    answer = json.loads(found.stdout)
    assert found.returncode == 1
    assert "big3" in answer["drills"][2]["lost"]
    assert "lacks memory" in answer["drills"][2]["lost"]["big3"]


def test_the_timings_are_shown_with_their_sources() -> None:
    found = ask("timings")
    assert found.returncode == 0
    assert "detect_s" in found.stdout
    assert "(unverified)" in found.stdout


# NIC in Gbit/s, dirtied GB/s; rounds, pre-copy s, sent GB without the last copy, stop ms: the worked table.
WORKED = [
    (1, 0.02, 4, 330, 38.6, 234),
    (1, 0.10, 30, 1865, 218, 2463),
    (1, 0.50, None, None, None, None),
    (1, 1.00, None, None, None, None),
    (10, 0.10, 2, 29.7, 34.7, 200),
    (10, 0.50, 6, 47.5, 55.5, 167),
    (10, 1.00, 29, 186, 218, 288),
    (25, 0.50, 3, 13.3, 38.5, 57),
    (25, 1.00, 4, 16.6, 48.2, 156),
]
EFFECTIVE_GB_S = {1: 0.117, 10: 1.17, 25: 2.9}
MIB_PER_GB = 1e9 / 2**20


@pytest.mark.parametrize(("nic", "dirty", "rounds", "seconds", "sent", "stop_ms"), WORKED)
def test_the_command_gives_the_worked_table_within_rounding(
    nic: int, dirty: float, rounds: int | None, seconds: float, sent: float, stop_ms: float
) -> None:
    share = EFFECTIVE_GB_S[nic] * 8 / nic
    found = ask(
        "migrate", "--memory-mib", str(32 * MIB_PER_GB), "--dirty-mib-s", str(dirty * MIB_PER_GB),
        "--link-mbit", str(1000 * nic), "--link-share", str(share), "--downtime-limit-ms", "300",
        "--setup-s", "0", "--device-ms", "0", "--json",
    )  # fmt: skip
    answer = json.loads(found.stdout)
    assert {"rounds", "seconds", "downtime_ms", "lost_pings", "sent_mib", "converged", "why"} <= set(answer)
    assert found.returncode == (0 if answer["converged"] else 1)
    if rounds is None:
        assert (answer["seconds"], answer["downtime_ms"], answer["converged"]) == (None, None, False)
        assert answer["why"].endswith("it never ends")
        return
    assert answer["rounds"] == rounds
    assert answer["precopy_s"] == pytest.approx(seconds, rel=0.004)
    assert answer["downtime_ms"] == pytest.approx(stop_ms, abs=1)
    last_copy_gb = stop_ms / 1000 * EFFECTIVE_GB_S[nic]
    assert answer["sent_mib"] / MIB_PER_GB - last_copy_gb == pytest.approx(sent, rel=0.004)
    assert answer["converged"] == (stop_ms <= 300)


def test_a_vm_is_said_to_be_movable_or_what_forbids_it_with_its_remedy() -> None:
    estate = "scenarios/migration-refused-with-remedy/estate"
    found = ask("movable", estate, "--vm", "e")
    assert found.returncode == 1
    assert "shared-datastore   esx2 does not reach part; mount the datastore there" in found.stdout
    answers = json.loads(ask("movable", estate, "--vm", "a", "--json").stdout)
    assert answers["esx2"] == []
    assert [one["id"] for one in answers["esx3"]] == ["cpu-compatible"]
    assert all(one["words"] and one["remedy"] for one in answers["esx3"])
    nobody = ask("movable", estate, "--vm", "nobody")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "'nobody'" in nobody.stderr


def test_the_tree_and_the_verdict_follow_the_log() -> None:
    found = ask("scenarios/site-fails", "--tree", "--verdict")
    assert "    85.0  host-fenced       esx1" in found.stdout
    assert "1 of 1    with shared storage: every host mounts every datastore" in found.stdout
    last = json.loads(ask("scenarios/site-fails", "--json", "--verdict").stdout.splitlines()[-1])
    assert [one["saves"] for one in last["verdict"]["rescues"]] == [["old1"]]


def test_a_table_of_measured_migrations_is_fitted_and_its_error_told(tmp_path: Path) -> None:
    head = (
        "case,filled_mib,working_set_mib,dirty_rate_mib_s,bandwidth_cap_mib_s,link_shaping,downtime_limit_ms,mode,ok,"
        "total_ms,downtime_ms,transferred_mib"
    )
    rows = [
        f"c{size},{size},0,0,32,,300,pre-copy,1,{1000 + (size + 58) * 32},40,{size + 58}"
        for size in (64, 128, 256)
    ]
    table = tmp_path / "measured.csv"
    table.write_text("\n".join([head, *rows, "never,64,64,40,32,,300,pre-copy,0,,,"]) + "\n")
    found = ask("fit", str(table), "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["case_left_out"]["count"] == 3
    assert told["case_left_out"]["median"] < 0.02
    assert told["case_left_out"]["stop_bound"] is None  # three stops bound nothing
    assert "one_run_by_another" not in told
    assert "median" in ask("fit", str(table)).stdout
    table.write_text("\n".join([head, rows[0].replace(",32,", ",x,")]) + "\n")
    assert ask("fit", str(table)).returncode == 2
    table.write_text("\n".join([head, rows[0]]) + "\n")
    assert "fewer than two cases" in ask("fit", str(table)).stderr
    assert ask("fit", str(tmp_path / "nothing.csv")).returncode == 2


def test_lost_pings_are_told_as_chances() -> None:
    asked = (
        "migrate",
        "--memory-mib",
        "4096",
        "--link-mbit",
        "10000",
        "--device-ms",
        "20",
        "--announce-ms",
        "57",
    )
    told = json.loads(ask(*asked, "--json").stdout)
    assert sum(told["lost_pings_chances"]) == pytest.approx(1.0, abs=1e-3)
    looked = json.loads(ask(*asked, "--look-s", "0.1", "--json").stdout)
    assert looked["downtime_ms"] == pytest.approx(270.0, abs=1.0)  # 300 less half a look, and 20 of devices
    assert looked["seconds"] == told["seconds"]

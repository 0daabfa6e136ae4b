"""`evacuate`, `failures`, `reboot-groups` and `balance` as a script sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.__main__ import main

HOST = {"cluster": "c", "sockets": 2, "cores": 16, "cpu_mhz": 2500, "memory_mib": 131072}
VM = {"cluster": "c", "power": "on", "vcpus": 4, "memory_mib": 16384, "disk_mib": 0}


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def call(verb: str, *arguments: str, hosts=None, vms=None, rules=(), text: str | None = None):
        path = tmp_path / "estate.json"
        hosts = {"a": {}, "b": {}} if hosts is None else hosts
        document = {
            "format": "headroom-estate/1",
            "hosts": [{"name": name, **HOST, **given} for name, given in hosts.items()],
            "vms": [{"name": name, **VM, **given} for name, given in (vms or {}).items()],
            "rules": list(rules),
        }
        path.write_text(json.dumps(document) if text is None else text)
        try:
            status = main([verb, str(path), *arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        said, complaint = capsys.readouterr()
        return status, (json.loads(said) if "--json" in arguments and said else said), complaint

    return call


def test_failures_tells_what_survives_and_why_not(ask):
    vms = {f"vm{n}": {"host": "ab"[n % 2], "memory_mib": 40 * 1024} for n in range(6)}
    status, said, _ = ask("failures", "--double", "--json", vms=vms)
    assert status == 1
    assert said["clusters"][0]["singles"]["survived"] == 0
    refusal = said["clusters"][0]["singles"]["losses"][0]["refusals"][0]
    assert refusal["reasons"] == {"MEMORY": 1}
    assert said["clusters"][0]["doubles"] == {
        "tried": 1, "survived": 0, "losses": [{"units": ["a", "b"], "vms": 6, "lost": 6, "proven": True}],
        "omitted": 0,
    }  # fmt: skip
    status, text, _ = ask("failures", vms=vms)
    assert "without a: 3 of 3 VMs lost" in text
    assert "1 host: MEMORY" in text
    assert ask("failures", "--json", vms={"x": {"host": "a"}})[0] == 0


def test_evacuate_tells_the_way_and_its_cost(ask):
    status, said, _ = ask("evacuate", "--host", "a", "--json", vms={"x": {"host": "a"}})
    assert status == 0
    assert said["moves"][0]["from"] == "a"
    assert said["moves"][0]["cost"]["memory_mib"] == 16384
    assert said["refusals"] == []
    status, text, _ = ask(
        "evacuate", "--host", "a", vms={"x": {"host": "a", "memory_mib": 130_000}}, hosts={"a": {}}
    )
    assert status == 1
    assert "x stays: no other host is open" in text


def test_reboot_groups_tells_who_may_be_down_together(ask):
    hosts = {name: {} for name in "abcd"}
    status, said, _ = ask("reboot-groups", "--json", hosts=hosts, vms={"x": {"host": "a"}})
    assert status == 0
    groups = [group["hosts"] for group in said["clusters"][0]["groups"]]
    assert sorted(host for group in groups for host in group) == ["a", "b", "c", "d"]
    assert said["clusters"][0]["at_least"] == len(groups) == 2


def test_balance_tells_moves_with_scores(ask):
    vms = {f"vm{n}": {"host": "a"} for n in range(6)}
    status, said, _ = ask("balance", "--json", vms=vms)
    assert status == 0
    assert {"score_before", "score_after", "moves", "seconds"} <= said.keys()
    assert [set(move) >= {"vm", "from", "to", "score_after", "reason"} for move in said["moves"]] == [
        True
    ] * 3
    assert (
        said["moves"][-1]["score_after"] == pytest.approx(said["score_after"]) == pytest.approx(0, abs=1e-9)
    )
    assert len(ask("balance", "--max-moves", "1", "--json", vms=vms)[1]["moves"]) == 1
    assert "nothing was moved" in ask("balance", vms=vms)[1]
    status, said, _ = ask("balance", "--power-saving", "--json", vms={"x": {"host": "a"}})
    assert said["hosts_off"] == ["b"]


@pytest.mark.parametrize(
    ("verb", "arguments", "told"),
    [
        ("evacuate", ["--host", "z"], "there is no host z"),
        ("evacuate", [], "--host"),
        ("failures", ["--by", "shelf"], "cannot be lost by shelf"),
        ("failures", ["--by", "rack"], "no host tells its rack"),
        ("failures", ["--cluster", "z"], "there is no cluster z; there are: c"),
        ("balance", ["--hold", "z"], "there is no VM z"),
        ("balance", ["--max-moves", "-1"], "max-moves: -1 is not between"),
        ("balance", ["--min-gain", "nan"], "min-gain: nan is not between"),
        ("balance", ["--failures", "3"], "invalid choice"),
        ("reboot-groups", ["--vcpu-per-core", "0"], "is not above 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(ask, verb: str, arguments: list[str], told: str):
    status, said, complaint = ask(verb, *arguments, vms={"x": {"host": "a"}})
    assert (status, said) == (2, "")
    assert told in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("verb", ["failures", "reboot-groups", "balance"])
def test_nothing_at_all_is_an_answer(ask, verb: str):
    assert ask(verb, "--json", hosts={}, vms={})[0] == 0
    assert ask(verb, hosts={}, vms={})[1]
    for hosts, vms in (({}, {"x": {}}), ({"a": {"maintenance": True}}, {"x": {"host": "a"}})):
        status, said, _ = ask(verb, "--json", hosts=hosts, vms=vms)
        assert status == (0 if verb == "balance" else 1)
        assert said.get("fits") is None


def test_names_that_a_terminal_would_obey_are_shown(ask):
    vms = {"evil\x1b[2J": {"host": "a", "memory_mib": 130_000}}
    assert "\x1b" not in ask("failures", vms=vms)[1]
    assert "\x1b" not in ask("balance", "--calm", "0", vms=vms)[1]

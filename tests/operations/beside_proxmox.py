"""Random scenarios, played by Proxmox's own HA tester and by us: where does every service end?

    python -m tests.operations.beside_proxmox --checkout FOLDER --scenarios 200 --seed 1 [--keep FOLDER]

FOLDER is a checkout of pve-ha-manager.  It is AGPL and no part of this repository: it is run as a program of
its own, on files that are made here, and only what it leaves behind is read.  How to get it:

    git clone https://github.com/proxmox/pve-ha-manager
    git clone https://github.com/proxmox/pve-common
    apt-get install perl libjson-perl libtimedate-perl libstring-shellquote-perl libnet-ip-perl \
        libfilesys-df-perl libdevel-cycle-perl libhttp-message-perl liburi-perl libencode-locale-perl
    export PERL5LIB=$PWD/pve-common/src

It asks for a PVE::Cluster as well; the stand-in that pve-ha-manager itself has for that is put before it.

Scenario number n is that of seed + n, so a difference at seed 57 is seen again with `--seed 57 --scenarios 1
--keep FOLDER`, which leaves both sides' files and logs.  Exit code 0: at least 95 % of the services end on
the same node, and every one of them runs in both or in neither.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from msgspec import Struct

from operations.scenario import Rehearsal, Scenario, rehearse
from operations.script import parse_script
from operations.sketch import parse_sketch
from tests.operations.proxmox_scenarios import (
    MARK,
    RandomScenario,
    estate_of,
    random_scenario,
    script_of,
    write_theirs,
)

SAME_NODE_LEAST: Final = 0.95
LONGEST_S: Final = 600
LOG_LINE: Final = re.compile(r"\S+\s+(?P<at_s>\d+)\s+\S+: (?P<words>.*)")
FELL: Final = re.compile(r"service '(\S+)': state changed from '\w+' to 'recovery'")

Ends = dict[str, str | None]


class TesterError(Exception):
    """Their tester did not come to its end."""


class Played(Struct, frozen=True):
    """What theirs left behind: when each step was done, when it ended, where every service runs, who fell."""

    at_s: list[int]
    until_s: int
    ends: Ends
    fallen: frozenset[str]


class Compared(Struct, frozen=True):
    """One scenario: where each service ends, there and here."""

    scenario: RandomScenario
    theirs: Ends
    ours: Ends
    fallen: frozenset[str]

    def differences(self) -> list[str]:
        """Those that do not end alike."""
        return [name for name in self.theirs if self.theirs[name] != self.ours[name]]

    def unlike(self) -> list[str]:
        """Those that run in one and not in the other."""
        return [name for name in self.theirs if (self.theirs[name] is None) != (self.ours[name] is None)]


# -- theirs


def play_theirs(checkout: Path, scenario: RandomScenario, folder: Path) -> Played:
    """Let their tester play a scenario.

    Raises:
        TesterError: it gave up; with its last words.
    """
    write_theirs(scenario, folder)
    stand_in = checkout / "src" / "PVE" / "HA" / "Sim" / "Cluster.pm"
    with tempfile.TemporaryDirectory() as before:
        if stand_in.exists():
            (Path(before) / "PVE").mkdir()
            (Path(before) / "PVE" / "Cluster.pm").symlink_to(stand_in.resolve())
        libraries = os.pathsep.join([before, *filter(None, [os.environ.get("PERL5LIB")])])
        done = subprocess.run(
            ["perl", "-I.", "pve-ha-tester", str(folder.resolve())],
            cwd=checkout / "src", env=os.environ | {"PERL5LIB": libraries}, capture_output=True, text=True,
            timeout=LONGEST_S, check=False,
        )  # fmt: skip
    log = folder / "status" / "log"
    said = log.read_text().strip() if log.exists() else done.stderr.strip()
    if done.returncode or not said.endswith("exit simulation - done"):
        raise TesterError(said.rpartition("\n")[2])
    return read_theirs(scenario, folder / "status")


def read_theirs(scenario: RandomScenario, status: Path) -> Played:
    """Take from its log and its last files what there is to compare."""
    said = [found for line in (status / "log").read_text().splitlines() if (found := LOG_LINE.match(line))]
    names = {service.theirs: service.ours for service in scenario.services}
    ends: Ends = dict.fromkeys(names.values())
    for node in scenario.nodes:
        file = status / f"service_status_{node}"
        runs = json.loads(file.read_text()) if file.exists() else {}
        ends |= {names[name]: node for name, is_running in runs.items() if is_running}
    return Played(
        at_s=[int(line["at_s"]) for line in said if line["words"] == f"execute {MARK}"],
        until_s=int(said[-1]["at_s"]),
        ends=ends,
        fallen=frozenset(names[fell[1]] for line in said if (fell := FELL.match(line["words"]))),
    )


# -- ours, and both


def play_ours(scenario: RandomScenario, at_s: list[int], until_s: int) -> Rehearsal:
    """Play the same here, each step when it was done there."""
    estate = parse_sketch(estate_of(scenario))
    script = parse_script(script_of(scenario, at_s, until_s), estate)
    return rehearse(Scenario(name=f"seed {scenario.seed}", promise="", estate=estate, script=script))


def compare(checkout: Path, scenario: RandomScenario, folder: Path) -> Compared:
    """Play a scenario there and here."""
    theirs = play_theirs(checkout, scenario, folder)
    found = play_ours(scenario, theirs.at_s, theirs.until_s)
    (folder / "estate").write_text(estate_of(scenario))
    (folder / "script").write_text(script_of(scenario, theirs.at_s, theirs.until_s))
    (folder / "log").write_text(found.log)
    return Compared(scenario, theirs.ends, _ends(found), theirs.fallen)


def _ends(found: Rehearsal) -> Ends:
    running = ("running", "booting")
    return {name: vm.host if vm.phase in running else None for name, vm in found.state.vms.items()}


# -- what is said


def tell(every: list[Compared]) -> bool:
    """Print the counts; give whether they are as good as they have to be."""
    services = sum(len(one.theirs) for one in every)
    same = services - sum(len(one.differences()) for one in every)
    alike = services - sum(len(one.unlike()) for one in every)
    fallen = [(one.theirs[name], one.ours[name]) for one in every for name in one.fallen]
    print(f"scenarios: {len(every)}, without any difference: {sum(not one.differences() for one in every)}")
    print(f"services: {services}, same end node: {_share(same, services)}")
    print(f"of those whose node was fenced: {_share(sum(a == b for a, b in fallen), len(fallen))}")
    print(f"run in both or in neither: {_share(alike, services)}")
    return alike == services and same >= SAME_NODE_LEAST * services


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.2f} %)" if whole else "none"


def tell_differences(one: Compared) -> None:
    """Print each service that does not end alike."""
    for name in one.differences():
        where = f"there {one.theirs[name] or 'nowhere'}, here {one.ours[name] or 'nowhere'}"
        print(f"seed {one.scenario.seed}: {name}: {where}", flush=True)


def main() -> int:
    """Play as many scenarios as asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkout", type=Path, required=True)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    every: list[Compared] = []
    ended_early = 0
    for seed in range(asked.seed, asked.seed + asked.scenarios):
        with tempfile.TemporaryDirectory() as passing:
            folder = asked.keep / str(seed) if asked.keep else Path(passing)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                every.append(compare(asked.checkout, random_scenario(seed), folder))
            except TesterError as error:
                ended_early += 1
                print(f"seed {seed}: their tester gave up: {error}", flush=True)
            else:
                tell_differences(every[-1])
    if ended_early:
        print(f"not compared, for their tester gave up: {ended_early}")
    return 0 if tell(every) and not ended_early else 1


if __name__ == "__main__":
    sys.exit(main())

"""Hosts fail together by whatever the estate says of them: fields of ours, and tags of the customer's own."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.__main__ import main
from planner.estate import FORMAT, VM, Estate, Host
from planner.lost_together import host_groups, is_known, tags_of
from planner.parameters import ParameterError, Parameters
from planner.placing import place_estate
from planner.resilience.failures import units_of

TAG = "Power feed"


def host(name: str, cluster: str = "c", **told: object) -> Host:
    return Host(name=name, cluster=cluster, sockets=1, cores=8, cpu_mhz=2500, memory_mib=65536, **told)


def tagged(*feeds: str | None) -> tuple[Host, ...]:
    return tuple(
        host(f"h{row}", attributes={} if feed is None else {TAG: feed}) for row, feed in enumerate(feeds)
    )


def vms(count: int, memory_mib: int = 32 * 1024) -> tuple[VM, ...]:
    return tuple(
        VM(
            name=f"vm{row}",
            cluster="c",
            host=f"h{row}",
            power="on",
            vcpus=1,
            memory_mib=memory_mib,
            disk_mib=0,
        )
        for row in range(count)
    )


def test_a_reserve_by_tag_keeps_what_the_largest_group_gives() -> None:
    hosts = tagged("A", "A", "B", "B", None)
    report = place_estate(Estate(hosts=hosts, vms=vms(2)).sorted(), Parameters(failures=1), TAG)
    (cluster,) = report.clusters
    assert cluster.placement.hosts_used == 2
    assert cluster.hosts_needed == 4
    assert cluster.reserve is not None
    assert all(len(loss.lost) <= 2 for loss in cluster.reserve.losses)


@given(st.lists(st.sampled_from(["A", "B", "h0", None]), max_size=6))
def test_every_host_is_in_exactly_one_group_whatever_tags_are_called(feeds: list[str | None]) -> None:
    hosts = tagged(*feeds)
    groups = host_groups(hosts, TAG)
    assert sorted(name for members in groups.values() for name in members) == [one.name for one in hosts]
    for one in hosts:
        together = {feed for row, feed in enumerate(feeds) if hosts[row].name in _with(groups, one.name)}
        assert len(together) == 1


def _with(groups: object, name: str) -> tuple[str, ...]:
    return next(members for members in groups.values() if name in members)  # type: ignore[attr-defined]


def test_a_tag_of_nobody_is_no_way_to_lose_hosts() -> None:
    assert tags_of(tagged("A", None)) == (TAG,)
    assert is_known(tagged("A"), TAG)
    assert not is_known(tagged(None), TAG)
    with pytest.raises(ParameterError, match="hosts cannot be lost by Power feed; they can by host, rack"):
        units_of(tagged(None), TAG)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    hosts = (*tagged("A", "A", "B"), host("other", cluster="d"))
    document = {
        "format": FORMAT,
        "hosts": [msgspec.to_builtins(one) for one in hosts],
        "vms": [msgspec.to_builtins(one) for one in vms(3, 20 * 1024)],
    }
    path = tmp_path / "estate.json"
    path.write_text(json.dumps(document))
    return path


def test_the_command_line_loses_hosts_by_tag_and_others_one_by_one(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["failures", str(written), "--by", TAG, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["by"], one["singles"]["tried"]) for one in document["clusters"]] == [
        ("c", TAG, 2),
        ("d", "host", 1),
    ]
    assert main(["place", str(written), "--failures", "1", "--failure-group", TAG]) == 0
    assert f"carry the loss of any 1 {TAG}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("group", "said"),
    [("shelf", "hosts cannot be lost by shelf; they can by host, rack"), ("rack", "no host tells its rack")],
)
def test_a_group_that_no_host_tells_is_refused_in_one_line(
    written: Path, capsys: pytest.CaptureFixture[str], group: str, said: str
) -> None:
    assert main(["place", str(written), "--failures", "1", "--failure-group", group]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1

"""The estate document: what is written is read back, what is odd is told or refused with its place."""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.estate import FORMAT, Cluster, Estate
from planner.formats.document import read_document, write_document
from planner.formats.reader import read
from planner.formats.schema import PUBLISHED, schema
from planner.formats.text import cleaned
from planner.quality import FormatError, Reading
from planner.service import Service

ROOT = Path(__file__).resolve().parents[3]
MINIMAL: dict[str, Any] = {
    "format": FORMAT,
    "clusters": [{"name": "c1"}],
    "hosts": [
        {"name": "esx1", "cluster": "c1", "sockets": 2, "cores": 32, "cpu_mhz": 2600, "memory_mib": 524288}
    ],
    "datastores": [
        {"name": "ds1", "capacity_mib": 1048576, "used_mib": 1024, "shared": True, "hosts": ["esx1"]}
    ],
    "vms": [
        {
            "name": "db1",
            "cluster": "c1",
            "host": "esx1",
            "power": "on",
            "template": False,
            "vcpus": 4,
            "memory_mib": 16384,
            "disk_mib": 102400,
            "cpu_demand_mhz": 800,
            "memory_demand_mib": 9000,
            "datastores": ["ds1"],
            "networks": ["net1"],
            "ft": "none",
            "restart_priority": "high",
        },
        {
            "name": "db2",
            "cluster": "c1",
            "power": "off",
            "template": False,
            "vcpus": 1,
            "memory_mib": 1,
            "disk_mib": 1,
            "datastores": [],
            "networks": [],
            "ft": "none",
            "restart_priority": "medium",
        },
    ],
    "rules": [{"kind": "spread", "vms": ["db1", "db2"]}],
}

NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8).map(cleaned)
NAMED = (
    "clusters",
    "hosts",
    "vms",
    "datastores",
    "sites",
    "racks",
    "luns",
    "controllers",
    "fabrics",
    "rooms",
    "raid_groups",
    "feeds",
    "services",
)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the estate, from its annotation."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is typing.Annotated:
        meta = next(part for part in arguments if isinstance(part, msgspec.Meta))
        if arguments[0] is str:
            return NAMES
        if typing.get_origin(arguments[0]) is tuple:
            return st.lists(of_type(typing.get_args(arguments[0])[0]), min_size=1, max_size=2).map(tuple)
        highest = min(int(meta.le or 0), 2**40)
        return st.integers(int(meta.ge or 0), highest) if arguments[0] is int else st.floats(meta.ge, highest)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of_type(part) for part in arguments])
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(NAMES, NAMES, max_size=2)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        hints = typing.get_type_hints(hint, include_extras=True)
        return st.builds(hint, **{name: of_type(part) for name, part in hints.items()})
    return {str: NAMES, bool: st.booleans(), type(None): st.none()}[hint]


def unambiguous(service: Service) -> Service:
    """The service with one tier a name, and no tier that needs more VMs than it has."""
    tiers = {
        tier.name: msgspec.structs.replace(
            tier,
            name=tier.name.replace("/", "-"),
            vms=tuple(dict.fromkeys(tier.vms)),
            needed=None if (tier.needed or 0) > len(set(tier.vms)) else tier.needed,
        )
        for tier in service.tiers
    }
    return msgspec.structs.replace(service, tiers=tuple({one.name: one for one in tiers.values()}.values()))


def consistent(estate: Estate) -> Estate:
    """The estate with one row a name, its clusters listed and its rules about VMs it has."""
    unique = {
        field: tuple({row.name: row for row in getattr(estate, field)}.values())
        for field in (*NAMED, "switches", "port_groups")
    }
    estate = msgspec.structs.replace(estate, **unique)
    named = {row.cluster for row in (*estate.hosts, *estate.vms) if row.cluster is not None}
    known = {cluster.name for cluster in estate.clusters}
    vms = {vm.name for vm in estate.vms}
    return msgspec.structs.replace(
        estate,
        clusters=(*estate.clusters, *(Cluster(name=name) for name in sorted(named - known))),
        rules=tuple(rule for rule in estate.rules if set(rule.vms) <= vms),
        services=tuple(map(unambiguous, estate.services)),
    ).sorted()


ESTATES = of_type(Estate).map(consistent)


def document(**changes: Any) -> bytes:
    return json.dumps(MINIMAL | changes).encode()


def with_vm(**changes: Any) -> bytes:
    vms = [dict(row) for row in MINIMAL["vms"]]
    vms[0] |= changes
    return document(vms=vms)


def refusal(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        read(data)
    return str(caught.value)


def templates(reading: Reading) -> list[str]:
    return [warning.message.template for warning in reading.quality.warnings]


def test_the_document_of_the_issue_is_read() -> None:
    reading = read(document(), "whatever.bin")
    assert reading.quality.format == FORMAT
    assert reading.quality.warnings == ()
    assert {sheet.name: sheet.rows_read for sheet in reading.quality.sheets} == {
        "clusters": 1,
        "hosts": 1,
        "datastores": 1,
        "vms": 2,
        "rules": 1,
    }
    first = reading.estate.vms[0]
    assert (first.name, first.cpu_demand_mhz, first.restart_priority, first.datastores) == (
        "db1",
        800,
        "high",
        ("ds1",),
    )


@settings(max_examples=60, deadline=None)
@given(ESTATES)
def test_what_is_written_is_read_back(estate: Estate) -> None:
    written = write_document(estate)
    assert read_document(written).estate == estate
    assert written.startswith(b'{"format":"headroom-estate/1"')


@settings(max_examples=30, deadline=None)
@given(ESTATES)
def test_what_is_written_meets_the_published_schema(estate: Estate) -> None:
    jsonschema.Draft202012Validator(json.loads(schema())).validate(json.loads(write_document(estate)))


def test_the_published_schema_is_the_one_made_from_the_types() -> None:
    assert (ROOT / PUBLISHED).read_bytes() == schema()
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))


@pytest.mark.parametrize("data", [document(), with_vm(ft=True), with_vm(vcpus=2.0)])
def test_what_is_read_without_a_warning_meets_the_schema(data: bytes) -> None:
    assert read(data).quality.warnings == ()
    jsonschema.validate(json.loads(data), json.loads(schema()))


@pytest.mark.parametrize(
    "changes",
    [
        {"power": "asleep"},
        {"vcpus": "4"},
        {"memory_mib": -1},
        {"disk_mib": None},
        {"datastores": "ds1"},
        {"name": ""},
    ],
)
def test_what_is_refused_fails_the_schema_too(changes: dict[str, Any]) -> None:
    data = with_vm(**changes)
    assert refusal(data)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(data), json.loads(schema()))


@pytest.mark.parametrize(
    ("ft", "expected"),
    [
        (True, "primary"),
        (False, "none"),
        ("secondary", "secondary"),
        ("Primary", "primary"),
        ("NONE", "none"),
    ],
)
def test_fault_tolerance_may_be_yes_or_no(ft: Any, expected: str) -> None:
    assert read(with_vm(ft=ft)).estate.vms[0].ft == expected


def test_words_are_read_in_any_case() -> None:
    found = read(with_vm(power="ON", restart_priority="Highest")).estate.vms[0]
    assert (found.power, found.restart_priority) == ("on", "highest")


def test_whole_numbers_may_be_written_with_a_point() -> None:
    found = read(with_vm(vcpus=4.0, memory_mib=1.6384e4)).estate.vms[0]
    assert (found.vcpus, found.memory_mib) == (4, 16384)


@pytest.mark.parametrize(
    ("changes", "place", "found"),
    [
        ({"vcpus": 2.5}, "vms[0].vcpus", "2.5"),
        ({"vcpus": "4"}, "vms[0].vcpus", "4"),
        ({"memory_mib": -1}, "vms[0].memory_mib", "-1"),
        ({"memory_mib": 10**13}, "vms[0].memory_mib", "10000000000000"),
        ({"power": "asleep"}, "vms[0].power", "asleep"),
        ({"ft": 3}, "vms[0].ft", "3"),
        ({"datastores": "ds1"}, "vms[0].datastores", "ds1"),
        ({"disks": [{"name": "d", "capacity_mib": "big"}]}, "vms[0].disks[0].capacity_mib", "big"),
        ({"name": "n" * 300}, "vms[0].name", "nnn"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_was_found(
    changes: dict[str, Any], place: str, found: str
) -> None:
    message = refusal(with_vm(**changes))
    assert message.startswith(f"{place}: ")
    assert f"found {found}" in message


@pytest.mark.parametrize("missing", ["name", "power", "vcpus", "memory_mib", "disk_mib"])
def test_a_missing_field_is_refused_by_name(missing: str) -> None:
    vms = [dict(MINIMAL["vms"][0])]
    del vms[0][missing]
    assert missing in refusal(document(vms=vms))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{}", "its format is - instead of headroom-estate/1"),
        (b"[]", "its format is -"),
        (b'{"format": "headroom-estate/2"}', "headroom-estate/2"),
        (b'{"format": 7}', "its format is 7"),
        (b'{"format": "headroom-estate/1", "vms": 3}', "vms: Expected `array`, got `int`; found 3"),
        (b'{"format": "headroom-estate/1",\n "vms": [}', "row 2"),
        (b'{"format": "headroom-estate/1", "vms": [{"memory_mib": NaN}]}', "NaN is no number"),
        (b'{"format": "headroom-estate/1", "hosts": [{"cpu_mhz": -Infinity}]}', "-Infinity is no number"),
        (b'{"format": "headroom-estate/1", "hosts": [{"cpu_mhz": 1e400}]}', "too large"),
        (b'{"x": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"format": "headroom-estate/1", "format": "headroom-estate/1"}', "stands twice in one object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"format": "\xff"}', "instead of"),
        (b'{"format": "headroom-estate/1"} trailing', "row 1"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, told: str) -> None:
    assert told in refusal(data)


def test_a_name_twice_is_refused_with_both_places() -> None:
    vms = [dict(MINIMAL["vms"][0]), dict(MINIMAL["vms"][0])]
    assert refusal(document(vms=vms)) == "vms[1].name: db1 stands twice, first at vms[0]"


def test_an_unlisted_cluster_is_added_and_told() -> None:
    reading = read(with_vm(cluster="c9"))
    assert [cluster.name for cluster in reading.estate.clusters] == ["c1", "c9"]
    (told,) = reading.quality.warnings
    assert told.message.values == {"cluster": "c9", "path": "vms[0].cluster"}


def test_unlisted_hosts_and_datastores_are_kept_and_told() -> None:
    reading = read(with_vm(host="gone", datastores=["lost"]))
    assert (reading.estate.vms[0].host, reading.estate.vms[0].datastores) == ("gone", ("lost",))
    assert {told.message.values["path"] for told in reading.quality.warnings} == {
        "vms[0].host",
        "vms[0].datastores",
    }


def test_a_rule_about_an_unlisted_vm_is_told() -> None:
    reading = read(
        document(
            rules=[{"kind": "gather", "vms": ["db1", "ghost", "db2"]}, {"kind": "spread", "vms": ["ghost"]}]
        )
    )
    assert [rule.vms for rule in reading.estate.rules] == [("db1", "db2")]
    (told,) = reading.quality.warnings
    assert (told.count, told.message.values) == (2, {"vm": "ghost", "path": "rules[0].vms"})


def test_unknown_fields_are_told_and_left_out() -> None:
    reading = read(json.dumps(MINIMAL | {"colour": 1, "hosts": [MINIMAL["hosts"][0] | {"gpu": 2}]}).encode())
    assert {told.column for told in reading.quality.warnings} == {"colour", "gpu"}
    assert any(told.message.values.get("path") == "hosts[0].gpu" for told in reading.quality.warnings)


def test_unknown_fields_inside_a_vm_are_told_with_their_place() -> None:
    reading = read(with_vm(disks=[{"name": "d", "capacity_mib": 1, "colour": "red"}]))
    (told,) = reading.quality.warnings
    assert told.message.values["path"] == "vms[0].disks[0].colour"


def test_hidden_characters_are_written_out_and_told() -> None:
    reading = read(with_vm(name="db\u202e1", networks=["a\u0000b"]))
    found = next(vm for vm in reading.estate.vms if vm.vcpus == 4)
    assert (found.name, found.networks) == ("db\\u202E1", ("a\\u0000b",))
    assert any(told.count == 2 for told in reading.quality.warnings)
    assert read(write_document(reading.estate)).estate == reading.estate


def test_half_a_character_is_written_out() -> None:
    reading = read(b'{"format": "headroom-estate/1", "sites": [{"name": "a\\ud800"}]}')
    assert reading.estate.sites[0].name == "a\\uD800"
    assert write_document(reading.estate)


def test_the_order_of_the_rows_does_not_matter() -> None:
    turned = {
        key: list(reversed(value)) if isinstance(value, list) else value for key, value in MINIMAL.items()
    }
    assert read(json.dumps(turned).encode()).estate == read(document()).estate


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_document_may_be_in_any_unicode(encoding: str) -> None:
    text = document().decode().replace("db1", "dé1")
    assert "dé1" in {vm.name for vm in read(text.encode(encoding)).estate.vms}


def test_10_000_unknown_hosts_are_one_warning() -> None:
    vms = [
        {"name": f"v{n}", "power": "on", "vcpus": 1, "memory_mib": 1, "disk_mib": 1, "host": f"h{n}"}
        for n in range(10_000)
    ]
    reading = read(json.dumps({"format": FORMAT, "vms": vms}).encode())
    (told,) = reading.quality.warnings
    assert (told.count, told.message.values["path"]) == (10_000, "vms[0].host")


SHOP: dict[str, Any] = {"name": "shop", "tiers": [{"name": "db", "vms": ["db1", "db2"], "needed": 1}]}


def with_shop(**changes: Any) -> bytes:
    return document(services=[SHOP | {"tiers": [SHOP["tiers"][0] | changes]}])


def test_a_service_is_read_as_it_is_told() -> None:
    (shop,) = read_document(with_shop()).estate.services
    assert (shop.name, shop.tiers[0].vms, shop.tiers[0].needed) == ("shop", ("db1", "db2"), 1)
    (shop,) = read_document(with_shop(needed=None)).estate.services
    assert shop.tiers[0].needed is None


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"needed": 3}, "services[0].tiers[0].needed"),
        ({"needed": 0}, "services[0].tiers[0].needed"),
        ({"vms": []}, "services[0].tiers[0].vms"),
        ({"vms": ["db1", "db1"]}, "services[0].tiers[0].vms"),
        ({"name": "a/b"}, "services[0].tiers[0].name"),
    ],
)
def test_a_service_that_contradicts_itself_is_refused_with_its_place(
    changes: dict[str, Any], place: str
) -> None:
    assert place in refusal(with_shop(**changes))


def test_two_services_or_tiers_of_one_name_are_refused_with_their_place() -> None:
    assert "services[1].name" in refusal(document(services=[SHOP, SHOP]))
    twice = SHOP | {"tiers": SHOP["tiers"] * 2}
    assert "services[0].tiers[1].name" in refusal(document(services=[twice]))


def test_a_vm_that_a_service_names_and_nobody_lists_stays_with_a_warning() -> None:
    found = read_document(with_shop(vms=["db1", "db9"]))
    assert found.estate.services[0].vms == ("db1", "db9")
    assert any(
        "db9" in str(one.message) and "services[0].tiers[0].vms" in str(one.message)
        for one in found.quality.warnings
    )

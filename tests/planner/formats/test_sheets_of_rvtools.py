"""What each of the 27 sheets gives to the estate, and that the order of rows and columns gives nothing."""

from __future__ import annotations

import io
import random

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.estate import VM, Estate
from planner.formats.columns import COLUMNS
from planner.formats.document import read_document, write_document
from planner.formats.headers import HEADERS
from planner.formats.reader import read
from planner.quality import Reading
from tests.invented import Cell, Shape, Tables, tables
from tests.workbooks import host, small, vm, workbook, write_workbook

SHAPE = Shape(vms=60, hosts=6, clusters=2, own_columns=3)


@pytest.fixture(scope="module")
def whole() -> Reading:
    return read(workbook(tables(SHAPE)))


def named(estate: Estate, name: str) -> VM:
    return next(each for each in estate.vms if each.name == name)


def read_rows(*rows: dict[str, Cell], **sheets: list[dict[str, Cell]]) -> Reading:
    return read(workbook(small(vInfo=list(rows), **sheets)))


def test_all_27_sheets_are_recognised_and_counted(whole: Reading) -> None:
    assert [sheet.name for sheet in whole.quality.sheets] == list(HEADERS)
    assert len(HEADERS) == 27
    assert all(sheet.rows_skipped == 0 for sheet in whole.quality.sheets)
    assert whole.quality.warnings == ()


def test_sheets_without_a_place_in_the_estate_are_counted_not_read(whole: Reading) -> None:
    unread = {sheet.name: sheet.rows_unread for sheet in whole.quality.sheets if sheet.name not in COLUMNS}
    assert unread["vSnapshot"] == 60
    assert unread["vMetaData"] == 1
    assert all(sheet.rows_unread == 0 for sheet in whole.quality.sheets if sheet.name in COLUMNS)
    assert {sheet.name for sheet in whole.quality.sheets if not sheet.used} == set(HEADERS) - set(COLUMNS)


def test_a_vm_is_read_from_seven_sheets(whole: Reading) -> None:
    found = named(whole.estate, "vm000000")
    assert found.id == "vm-1000"
    assert (found.cluster, found.host, found.power) == ("cluster0", "esx0000.example.com", "on")
    assert found.cpu_reservation_mhz == 500
    assert found.memory_reservation_mib == found.memory_mib
    assert [disk.name for disk in found.disks] == ["Hard disk 1", "Hard disk 2"]
    assert found.disks[0].datastore == "ds0"
    assert (found.disks[0].thin, found.disks[0].raw, found.disks[0].sharing) == (True, False, False)
    assert len(found.partitions) == 2
    assert (found.nics[0].label, found.nics[0].connected) == ("Network adapter 1", True)
    assert found.networks == ("net0",)
    assert found.datastores == ("ds0",)
    assert found.folder == "/DC1/vm/team0"
    assert found.guest_os == "Microsoft Windows Server 2022 (64-bit)"


def test_a_customers_own_columns_become_attributes(whole: Reading) -> None:
    assert named(whole.estate, "vm000004").attributes == {f"Own {n}": "value 4" for n in range(3)}
    info = next(sheet for sheet in whole.quality.sheets if sheet.name == "vInfo")
    assert info.columns_unknown == ("Own 0", "Own 1", "Own 2")


def test_an_owner_column_names_the_owner() -> None:
    found = read_rows(vm(Owner="Team Blue", Centre="4711")).estate.vms[0]
    assert (found.owner, found.attributes) == ("Team Blue", {"Centre": "4711"})


def test_a_hosts_own_columns_become_its_tags() -> None:
    sheets = small(vInfo=[vm()], vHost=[host(**{"Power feed": "A"}), host("esx2", **{"Power feed": None})])
    found = read(workbook(sheets)).estate.hosts
    assert [one.attributes for one in found] == [{"Power feed": "A"}, {}]


def test_a_host_has_its_ports(whole: Reading) -> None:
    found = whole.estate.hosts[0]
    assert (found.sockets, found.cores, found.cpu_mhz, found.memory_mib) == (2, 32, 3600, 1048576)
    assert [nic.device for nic in found.nics] == ["vmnic0", "vmnic1", "vmnic2", "vmnic3"]
    assert [nic.up for nic in found.nics] == [True, True, True, False]
    assert [hba.device for hba in found.hbas] == ["vmhba2", "vmhba3"]
    assert (found.vendor, found.evc) == ("Dell Inc.", "intel-sapphirerapids")


def test_a_cluster_has_its_settings(whole: Reading) -> None:
    found = whole.estate.clusters[0]
    assert (found.ha_enabled, found.drs_enabled, found.admission_control, found.failover_level) == (
        True,
        True,
        True,
        1,
    )
    assert found.datacenter == "DC1"


def test_storage_is_read_down_to_the_paths(whole: Reading) -> None:
    store = whole.estate.datastores[0]
    assert (store.name, store.shared, len(store.hosts)) == ("ds0", True, 3)
    assert (store.capacity_mib, store.used_mib) == (50 * 1024 * 1024, 20 * 1024 * 1024)
    assert store.luns == (whole.estate.luns[0].name,)
    first = whole.estate.paths[0]
    assert (first.host, first.state, first.policy, first.datastore) == (
        "esx0000.example.com",
        "active",
        "VMW_PSP_RR",
        "ds0",
    )
    assert {path.state for path in whole.estate.paths} == {"active", "standby"}


def test_switches_and_port_groups_are_read(whole: Reading) -> None:
    kinds = {switch.name: switch.kind for switch in whole.estate.switches}
    assert kinds == {"dvs1": "distributed", "vSwitch0": "standard"}
    standard = whole.estate.switches[1]
    assert len(standard.hosts) == 6
    assert standard.uplinks[:2] == ("esx0000.example.com/vmnic0", "esx0000.example.com/vmnic1")
    groups = {group.name: group.vlan for group in whole.estate.port_groups}
    assert groups["net3"] == "103"
    assert groups["Management Network"] == "0"


@pytest.mark.parametrize("without", sorted(set(HEADERS) - {"vInfo"}))
def test_any_subset_of_the_sheets_is_read(without: str) -> None:
    made = tables(Shape(vms=10))
    del made[without]
    assert len(read(workbook(made)).estate.vms) == 10


def test_vinfo_alone_is_read() -> None:
    reading = read_rows(vm())
    assert len(reading.estate.vms) == 1
    assert [cluster.name for cluster in reading.estate.clusters] == ["c1"]
    assert {str(assumption).split(":")[0] for assumption in reading.quality.assumptions} >= {
        "There is no vHost sheet",
        "There is no vCluster sheet",
    }


@pytest.mark.parametrize("name", ["tabvInfo", "RVTools_tabvInfo", "VINFO", " vinfo "])
def test_older_sheet_names_are_known(name: str) -> None:
    assert len(read(workbook({name: small(vInfo=[vm()])["vInfo"]})).estate.vms) == 1


def test_sheets_of_somebody_else_are_named_and_left() -> None:
    reading = read(workbook({**small(vInfo=[vm()]), "Notes": (("Remark",), [["x"]])}))
    (told,) = reading.quality.warnings
    assert told.sheet == "Notes"


def test_a_detail_sheet_without_its_columns_costs_the_details_only() -> None:
    reading = read_rows(vm(), vHost=[{"Something": "else"}])
    assert len(reading.estate.vms) == 1
    assert reading.estate.hosts == ()
    assert any(
        w.sheet == "vHost" and "the sheet was not read" in w.message.template
        for w in reading.quality.warnings
    )


# --- storage


def store(name: str, **cells: Cell) -> dict[str, Cell]:
    return {
        "Name": name,
        "Capacity MiB": 1000,
        "In Use MiB": 400,
        "# Hosts": 2,
        "URL": f"ds:///{name}/",
    } | cells


def test_a_datastore_seen_twice_is_counted_once() -> None:
    reading = read_rows(vm(), vDatastore=[store("ds1", Hosts="esx1"), store("ds1", Hosts="esx2")])
    (found,) = reading.estate.datastores
    assert (found.capacity_mib, found.hosts) == (1000, ("esx1", "esx2"))
    assert any("counted once" in w.message.template and w.row == 3 for w in reading.quality.warnings)


def test_two_local_datastores_of_one_name_stay_two() -> None:
    reading = read_rows(vm(), vDatastore=[store("local", URL="ds:///a/"), store("local", URL="ds:///b/")])
    assert [found.name for found in reading.estate.datastores] == ["local", "local [ds:///b/]"]


def test_a_datastore_of_one_host_is_not_shared() -> None:
    reading = read_rows(vm(), vDatastore=[store("a", **{"# Hosts": 1}), store("b", **{"# Hosts": 3})])
    assert [found.shared for found in reading.estate.datastores] == [False, True]


def test_used_space_is_capacity_less_free_where_it_is_not_told() -> None:
    row: dict[str, Cell] = {"Name": "ds1", "Capacity MB": 1000, "Free MB": 250}
    assert read_rows(vm(), vDatastore=[row]).estate.datastores[0].used_mib == 750


@pytest.mark.parametrize(
    ("columns", "disk_mib"),
    [
        ({"Provisioned MiB": 300, "Total disk capacity MiB": 200}, 300),
        ({"Total disk capacity MiB": 200}, 200),
        ({"Provisioned MiB": "x", "Total disk capacity MiB": 200}, 200),
    ],
)
def test_disk_size_is_provisioned_else_capacity(columns: dict[str, Cell], disk_mib: int) -> None:
    row = vm()
    del row["Provisioned MiB"]
    assert read_rows({**row, **columns}).estate.vms[0].disk_mib == disk_mib


def test_disk_size_is_the_sum_of_the_disks_where_vinfo_says_none() -> None:
    row = vm()
    del row["Provisioned MiB"]
    disks: list[dict[str, Cell]] = [
        {"VM": "web01", "Disk": f"d{n}", "Capacity MiB": 100 + n} for n in range(2)
    ]
    reading = read_rows(row, vDisk=disks)
    assert reading.estate.vms[0].disk_mib == 201
    assert any("vDisk" in str(assumption) for assumption in reading.quality.assumptions)


def test_a_multi_writer_disk_is_shared() -> None:
    disks: list[dict[str, Cell]] = [
        {
            "VM": "web01",
            "Disk": "a",
            "Capacity MiB": 1,
            "Sharing mode": "sharingMultiWriter",
            "Path": "[ds9] x/a.vmdk",
        }
    ]
    (disk,) = read_rows(vm(), vDisk=disks).estate.vms[0].disks
    assert (disk.sharing, disk.datastore) == (True, "ds9")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Active", "active"),
        ("Standby", "standby"),
        ("dead", "dead"),
        ("Disabled", "disabled"),
        ("Active (I/O)", "active"),
        ("?", "unknown"),
    ],
)
def test_path_states_are_understood(state: str, expected: str) -> None:
    row: dict[str, Cell] = {
        "Host": "esx1",
        "Disk": "naa.1",
        "Path 1": "vmhba1:C0:T0:L0",
        "Path 1 state": state,
    }
    (path,) = read_rows(vm(), vMultiPath=[row]).estate.paths
    assert path.state == expected


# --- protection and rules


@pytest.mark.parametrize(
    ("state", "role", "expected"),
    [
        ("notConfigured", None, "none"),
        (None, None, "none"),
        ("running", 1, "primary"),
        ("running", 2, "secondary"),
        ("running", None, "primary"),
        ("needSecondary", 1, "primary"),
        ("disabled", 1, "none"),
        ("odd", None, "none"),
    ],
)
def test_fault_tolerance_is_read_from_state_and_role(
    state: str | None, role: int | None, expected: str
) -> None:
    assert read_rows(vm("ok"), vm("x", **{"FT State": state, "FT Role": role})).estate.vms[1].ft == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("High", "high"),
        ("disabled", "disabled"),
        (None, "lowest"),
        ("clusterRestartPriority", "lowest"),
        ("soon", "lowest"),
    ],
)
def test_restart_priority_is_the_vms_else_the_clusters(word: str | None, expected: str) -> None:
    clusters: list[dict[str, Cell]] = [{"Name": "c1", "HA enabled": True, "Restart Priority": "lowest"}]
    row = vm("x", **{"HA Restart Priority": word})
    assert read_rows(row, vm("y"), vCluster=clusters).estate.vms[0].restart_priority == expected


def rules_of(*rows: tuple[str, str, str]) -> Reading:
    return read_rows(
        *(vm(name, **{"Cluster rule(s)": kind, "Cluster rule name(s)": rule}) for name, kind, rule in rows)
    )


def test_rules_between_vms_are_taken_over() -> None:
    reading = rules_of(
        ("a", "anti-affinity", "apart"),
        ("b", "anti-affinity, affinity", "apart, together"),
        ("c", "affinity", "together"),
    )
    assert [(rule.kind, rule.vms, rule.name, rule.cluster) for rule in reading.estate.rules] == [
        ("gather", ("b", "c"), "together", "c1"),
        ("spread", ("a", "b"), "apart", "c1"),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "VM-Host", "licences"), ("b", "VM-Host", "licences")],
        [("a", "anti-affinity", "alone")],
        [("a", "anti-affinity", "torn"), ("b", "affinity", "torn")],
        [("a", "anti-affinity, affinity", "x, y, z"), ("b", "anti-affinity, affinity", "x, y, z")],
    ],
)
def test_a_rule_that_the_export_does_not_tell_whole_is_told_not_guessed(
    rows: list[tuple[str, str, str]],
) -> None:
    reading = rules_of(*rows)
    assert reading.estate.rules == ()
    assert any("were not taken over" in w.message.template for w in reading.quality.warnings)


# --- laws


def shuffled(made: Tables, seed: int) -> Tables:
    chance = random.Random(seed)  # noqa: S311
    result: Tables = {}
    for name, (headers, rows) in made.items():
        order = list(range(len(headers)))
        chance.shuffle(order)
        mixed = [[row[place] for place in order] for row in rows]
        chance.shuffle(mixed)
        result[name] = (tuple(headers[place] for place in order), mixed)
    return dict(sorted(result.items(), key=lambda _: chance.random()))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_sheets_rows_and_columns_does_not_matter(seed: int) -> None:
    made = tables(Shape(vms=12, hosts=3, clusters=2, own_columns=2))
    assert read(workbook(shuffled(made, seed))).estate == read(workbook(made)).estate


def test_the_program_that_wrote_the_workbook_does_not_matter() -> None:
    made = tables(Shape(vms=15, hosts=3))
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, (headers, rows) in made.items():
        sheet = book.create_sheet(name)
        for row in (headers, *rows):
            sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    inline = io.BytesIO()
    write_workbook(made, inline, inline=True)
    assert read(buffer.getvalue()).estate == read(workbook(made)).estate == read(inline.getvalue()).estate


@settings(max_examples=20, deadline=None)
@given(
    st.builds(
        Shape,
        vms=st.integers(1, 30),
        hosts=st.integers(1, 8),
        clusters=st.integers(1, 4),
        disks_per_vm=st.integers(0, 3),
        partitions_per_vm=st.integers(0, 3),
        own_columns=st.integers(0, 4),
        seed=st.integers(0, 99),
    )
)
def test_what_is_read_is_a_valid_estate_document(shape: Shape) -> None:
    estate = read(workbook(tables(shape))).estate
    assert len(estate.vms) == shape.vms
    assert read_document(write_document(estate)).estate == estate


def test_columns_that_are_called_so_make_services_and_nothing_else_does() -> None:
    columns = [
        {"Application": "shop; crm", "Tier": "web", "Needed": "1", "Folder": "/x/erp"},
        {"Application": "shop", "Tier": "web", "Needed": "1"},
        {"Application": "shop", "Tier": "db"},
        {"Team": "blue"},
    ]
    rows = [vm(f"vm{place}", **own) for place, own in enumerate(columns)]
    found = read(workbook(small(vInfo=rows, vHost=[host()])))
    assert [
        (service.name, [(tier.name, tier.vms, tier.needed) for tier in service.tiers])
        for service in found.estate.services
    ] == [
        ("crm", [("web", ("vm0",), 1)]),
        ("shop", [("db", ("vm2",), None), ("web", ("vm0", "vm1"), 1)]),
    ]


def test_how_many_are_needed_stays_not_known_where_the_rows_disagree() -> None:
    rows = [vm(f"vm{n}", Service="shop", Needed=str(n + 1)) for n in range(2)]
    found = read(workbook(small(vInfo=rows, vHost=[host()])))
    (shop,) = found.estate.services
    assert (shop.tiers[0].name, shop.tiers[0].needed) == ("VMs", None)
    assert any("stays not known" in str(one.message) for one in found.quality.warnings)

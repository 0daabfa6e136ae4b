"""A cell that cannot be used becomes a warning naming sheet, row, column and what was found."""

from __future__ import annotations

import pytest

from planner.estate import VM
from planner.formats.proof import ERROR_CELL, NOT_CALCULATED
from planner.formats.reader import read
from planner.formats.table import PLACEHOLDER_TAKEN
from planner.quality import Finding, Reading
from tests.invented import Cell
from tests.workbooks import host, small, vm, workbook


def read_rows(*rows: dict[str, Cell], **sheets: list[dict[str, Cell]]) -> Reading:
    return read(workbook(small(vInfo=list(rows), **sheets)))


def only_vm(reading: Reading) -> VM:
    (found,) = reading.estate.vms
    return found


def warning(reading: Reading, column: str) -> Finding:
    (found,) = [finding for finding in reading.quality.warnings if finding.column == column]
    return found


@pytest.mark.parametrize(
    "found",
    ["-5", -5, "NaN", "Infinity", "-inf", "1e400", "1,2,3", "a lot", "٣", "0x10", 1e15, "12 GB", "#N/A"],
)
def test_an_unusable_size_is_unknown_and_told(found: Cell) -> None:
    reading = read_rows(vm("ok"), vm("web01", **{"In Use MiB": found}))
    assert {each.name: each.disk_used_mib for each in reading.estate.vms} == {"ok": 10240, "web01": None}
    told = warning(reading, "In Use MiB")
    assert (told.sheet, told.row, told.count) == ("vInfo", 3, 1)
    assert str(told.message.values["found"]).startswith(str(found)[:4])


@pytest.mark.parametrize("column", ["CPUs", "Memory"])
@pytest.mark.parametrize("found", [0, -1, "many", "NaN", 1e15, None])
def test_a_vm_without_usable_vcpus_or_memory_is_skipped_and_counted(column: str, found: Cell) -> None:
    reading = read_rows(vm("ok"), vm("web01", **{column: found}))
    assert [each.name for each in reading.estate.vms] == ["ok"]
    (sheet,) = reading.quality.sheets
    assert (sheet.rows_read, sheet.rows_skipped, sheet.vms_lost) == (1, 1, 1)
    skipped = [w for w in reading.quality.warnings if "the row was skipped" in w.message.template]
    assert [(w.sheet, w.row, w.column) for w in skipped] == [("vInfo", 3, column)]


def test_half_a_vcpu_is_not_rounded() -> None:
    reading = read_rows(vm("ok"), vm("web01", CPUs=2.5))
    assert [each.name for each in reading.estate.vms] == ["ok"]
    assert any(
        "no whole number" in w.message.template and w.message.values["found"] == "2.5"
        for w in reading.quality.warnings
    )


def test_one_bad_row_of_many_leaves_the_others() -> None:
    rows = [vm(f"vm{number}") for number in range(50)]
    rows[17]["Memory"] = "lots"
    reading = read_rows(*rows)
    assert len(reading.estate.vms) == 49


def test_a_thousand_bad_cells_are_one_warning() -> None:
    reading = read_rows(*(vm(f"vm{number}", **{"In Use MiB": f"bad {number}"}) for number in range(1000)))
    told = warning(reading, "In Use MiB")
    assert (told.row, told.count, told.message.values["found"]) == (2, 1000, "bad 0")


@pytest.mark.parametrize(
    ("found", "template"),
    [
        (True, True),
        ("True", True),
        ("true ", True),
        (1, True),
        ("1", True),
        ("yes", True),
        ("VRAI", True),
        ("Oui", True),
        (False, False),
        ("False", False),
        (0, False),
        ("no", False),
        ("NaN", False),
        (None, False),
        ("Faux", False),
    ],
)
def test_a_template_may_be_told_in_many_ways(found: Cell, template: bool) -> None:
    reading = read_rows(vm("ok"), vm("web01", Template=found))
    assert {each.name: each.template for each in reading.estate.vms}["web01"] is template
    assert all(w.column != "Template" for w in reading.quality.warnings)


def test_what_is_neither_yes_nor_no_is_told() -> None:
    reading = read_rows(vm("ok"), vm("web01", Template="perhaps"))
    assert (warning(reading, "Template").row, warning(reading, "Template").message.values["found"]) == (
        3,
        "perhaps",
    )
    assert not any(each.template for each in reading.estate.vms)


@pytest.mark.parametrize("state", ["poweredOn", "POWEREDON", " poweredOn ", "on"])
def test_a_power_state_is_read_in_any_case(state: str) -> None:
    assert only_vm(read_rows(vm(Powerstate=state))).power == "on"


def test_a_vm_of_unknown_power_state_is_skipped_and_told() -> None:
    reading = read_rows(vm("ok"), vm("web01", Powerstate="sleeping"))
    assert [each.name for each in reading.estate.vms] == ["ok"]
    assert warning(reading, "Powerstate").message.values["found"] == "sleeping"


def test_without_a_power_column_all_vms_count_as_on_and_the_report_says_so() -> None:
    row = vm()
    del row["Powerstate"]
    reading = read_rows(row)
    assert only_vm(reading).power == "on"
    assert any("all count as powered on" in str(assumption) for assumption in reading.quality.assumptions)
    assert "is missing" in warning(reading, "Powerstate").message.template


def test_a_row_of_placeholders_is_skipped() -> None:
    placeholder: dict[str, Cell] = dict.fromkeys(vm(), "VM")
    reading = read_rows(placeholder, vm())
    assert [each.name for each in reading.estate.vms] == ["web01"]
    assert reading.quality.sheets[0].rows_skipped == 1
    assert warning(reading, "VM").row == 2


def test_a_repeated_header_row_is_skipped() -> None:
    reading = read_rows(vm("a"), {header: header for header in vm()}, vm("b"))
    assert [each.name for each in reading.estate.vms] == ["a", "b"]
    assert warning(reading, "VM").row == 3


def test_a_vm_may_be_called_vm_or_none() -> None:
    reading = read_rows(vm("VM"), vm("none"), vm("NaN"))
    assert [each.name for each in reading.estate.vms] == ["NaN", "VM", "none"]


def test_a_placeholder_in_a_text_column_is_empty_and_told() -> None:
    reading = read_rows(vm("ok"), vm("web01", Host="VM"), vm("web02", Host="VM"))
    assert [each.host for each in reading.estate.vms] == ["esx1", None, None]
    told = warning(reading, "Host")
    assert (told.message.template, told.row, told.count) == (PLACEHOLDER_TAKEN, 3, 2)


def test_vms_without_cluster_or_host_are_kept() -> None:
    reading = read_rows(vm("web01", Cluster=None, Host=None))
    assert (only_vm(reading).cluster, only_vm(reading).host) == (None, None)
    assert warning(reading, "Cluster").message.values["vm"] == "web01"


def test_a_vm_without_cluster_takes_that_of_its_host_and_the_report_says_so() -> None:
    reading = read_rows(vm("web01", Cluster=None), vHost=[host("esx1", Cluster="c7")])
    assert only_vm(reading).cluster == "c7"
    told = warning(reading, "Cluster")
    assert (told.row, told.message.values) == (2, {"host": "esx1", "cluster": "c7"})


def test_an_empty_tail_is_no_rows() -> None:
    reading = read_rows(vm(), *(dict.fromkeys(vm()) for _ in range(2000)))
    assert len(reading.estate.vms) == 1
    assert (reading.quality.sheets[0].rows_read, reading.quality.sheets[0].rows_skipped) == (1, 0)


def test_row_numbers_count_the_empty_rows_between() -> None:
    empty: dict[str, Cell] = dict.fromkeys(vm())
    reading = read_rows(vm("a"), empty, empty, vm("b", **{"In Use MiB": "x"}))
    assert warning(reading, "In Use MiB").row == 5


def test_a_formula_without_a_value_is_told_and_its_cell_unknown() -> None:
    reading = read_rows(vm("a"), vm("b", **{"In Use MiB": "=G2*2"}), vm("c", **{"In Use MiB": "=G2*3"}))
    assert {each.name: each.disk_used_mib for each in reading.estate.vms} == {
        "a": 10240,
        "b": None,
        "c": None,
    }
    (told,) = [finding for finding in reading.quality.warnings if finding.message.template == NOT_CALCULATED]
    letter = chr(ord("A") + list(vm()).index("In Use MiB"))
    assert (told.sheet, told.row, told.column, told.count) == ("vInfo", 3, letter, 2)


def test_a_formula_with_a_value_is_its_value() -> None:
    import io

    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet("vInfo")
    row = vm()
    for column, (header, cell) in enumerate(row.items()):
        sheet.write(0, column, header)
        sheet.write(1, column, cell)
    sheet.write_formula(1, list(row).index("Memory"), "=2048*4", value=8192)
    book.close()
    reading = read(buffer.getvalue())
    assert only_vm(reading).memory_mib == 8192
    assert reading.quality.warnings == ()


def test_a_cell_that_holds_an_error_is_told_with_the_error_and_counts_as_empty() -> None:
    import io

    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet("vInfo")
    for number, name in enumerate(("a", "b"), start=1):
        for column, (header, cell) in enumerate(vm(name).items()):
            sheet.write(0, column, header)
            sheet.write(number, column, cell)
    at = list(vm()).index("In Use MiB")
    sheet.write_formula(2, at, "=1/0", value="#DIV/0!")
    book.close()
    reading = read(buffer.getvalue())
    assert {each.name: each.disk_used_mib for each in reading.estate.vms} == {"a": 10240, "b": None}
    (told,) = [finding for finding in reading.quality.warnings if finding.message.template == ERROR_CELL]
    assert (told.sheet, told.row, told.column) == ("vInfo", 3, chr(ord("A") + at))
    assert told.message.values["found"] == "#DIV/0!"


def test_the_same_vm_again_is_skipped_and_not_lost() -> None:
    (sheet,) = read_rows(vm("a"), vm("a"), vm("b")).quality.sheets
    assert (sheet.rows_read, sheet.rows_skipped, sheet.vms_lost) == (2, 1, 0)


def test_a_vm_whose_disks_are_not_known_is_load_all_the_same() -> None:
    nothing: dict[str, Cell] = {"Provisioned MiB": None, "In Use MiB": None}
    reading = read_rows(vm("a"), vm("b", **{"Provisioned MiB": None}), vm("c", **nothing))
    assert {each.name: each.disk_mib for each in reading.estate.vms} == {"a": 20480, "b": 10240, "c": 0}
    told = warning(reading, "Provisioned MiB")
    assert (told.row, told.count) == (4, 1)
    assert str(told.message) == "How large the disks are is not known; they count as 0"


def test_a_sheet_that_says_nothing_of_disks_gives_its_vms_all_the_same() -> None:
    sizes = ("Provisioned MiB", "In Use MiB")
    bare = [{header: cell for header, cell in vm(name).items() if header not in sizes} for name in "ab"]
    reading = read_rows(*bare)
    assert [(each.name, each.disk_mib) for each in reading.estate.vms] == [("a", 0), ("b", 0)]
    assert any("says nothing of the size of disks" in str(w.message) for w in reading.quality.warnings)


def test_an_empty_cell_is_told_as_empty() -> None:
    reading = read_rows(vm("ok"), vm("web01", Memory=None))
    assert str(warning(reading, "Memory").message) == "web01 has an empty Memory; the row was skipped"


def test_a_sheet_without_a_single_vm_says_that_there_is_nothing_to_plan() -> None:
    reading = read_rows(vm("web01", CPUs="many"))
    assert any("nothing to plan" in str(finding.message) for finding in reading.quality.warnings)


def test_hidden_characters_of_a_name_are_written_out_and_told() -> None:
    reading = read_rows(vm("web\u202e10"), vm("db\u0007"), vm("ok"))
    assert [each.name for each in reading.estate.vms] == ["db\\u0007", "ok", "web\\u202E10"]
    told = warning(reading, "VM")
    assert (told.row, told.count) == (2, 2)


def test_html_in_a_name_is_plain_text() -> None:
    name = "<script>alert(1)</script>&amp;'\"{count}"
    reading = read_rows(vm(name), vm("other", **{"In Use MiB": "<b>"}))
    assert name in {each.name for each in reading.estate.vms}
    assert str(warning(reading, "In Use MiB").message).startswith("<b> is not a number")


def test_odd_blanks_in_a_name_become_blanks() -> None:
    assert only_vm(read_rows(vm("\u00a0web\u202f01 "))).name == "web 01"


def test_a_composed_and_a_decomposed_name_are_one_host() -> None:
    reading = read_rows(vm("a", Host="hôte"), vHost=[host("ho\u0302te")])
    assert reading.estate.hosts[0].name == "hôte"
    assert reading.estate.unknown_hosts() == ()


def test_a_name_too_long_is_cut_and_told() -> None:
    reading = read_rows(vm("w" * 300))
    assert only_vm(reading).name == "w" * 254 + "…"
    assert warning(reading, "VM").row == 2


def test_a_vm_larger_than_the_largest_host_is_told() -> None:
    reading = read_rows(vm("huge", Memory=999_999), vHost=[host()])
    told = warning(reading, "Memory")
    assert told.message.values == {"vm": "huge"}


@pytest.mark.parametrize(
    ("column", "found"), [("# Cores", 0), ("# CPU", None), ("Speed", 0), ("# Memory", "much")]
)
def test_a_host_without_usable_hardware_is_skipped_and_told(column: str, found: Cell) -> None:
    reading = read_rows(vm(), vHost=[host("esx1"), host("esx2", **{column: found})])
    assert [each.name for each in reading.estate.hosts] == ["esx1"]
    assert any((w.sheet, w.row, w.column) == ("vHost", 3, column) for w in reading.quality.warnings)
    assert next(sheet for sheet in reading.quality.sheets if sheet.name == "vHost").rows_skipped == 1


def test_a_host_busier_than_possible_is_of_unknown_use() -> None:
    reading = read_rows(vm(), vHost=[host(**{"CPU usage %": 140})])
    assert reading.estate.hosts[0].cpu_usage_percent is None
    assert warning(reading, "CPU usage %").message.values["highest"] == 100

"""Figures show what the rows say, stay small however large the estate, and show names as text."""

from __future__ import annotations

import gzip
import json

import msgspec
import plotly.graph_objects as go
import pytest
from django.test import Client
from django.utils import translation

from cluster import charts, snapshot
from cluster.charts import HostLoad, VmBox
from cluster.models import Estate
from cluster.roles import Role
from planner import estate as planner
from planner.forecast.runway import runway
from planner.forecast.series import Point, Series
from planner.quality import Quality, Reading
from planner.report import Parameters, PlanReport, plan
from tests.cluster.people import person

HOSTILE = "<a href='javascript:alert(1)'>&amp;</a>"


def reading(hosts: int = 2, vms: int = 8) -> Reading:
    """Hosts of 16 cores and 64 GiB; VMs of 4 vCPU and 8 GiB spread over them, the last powered off."""
    names = [f"esx{number}" for number in range(hosts)]
    estate = planner.Estate(
        clusters=(planner.Cluster(name="Blue"),),
        hosts=tuple(
            planner.Host(name=name, cluster="Blue", sockets=2, cores=16, cpu_mhz=2600, memory_mib=65536)
            for name in names
        ),
        vms=tuple(
            planner.VM(
                name=f"app{number}",
                cluster="Blue",
                host=names[number % hosts],
                power="off" if number == vms - 1 else "on",
                vcpus=4,
                memory_mib=8192,
                disk_mib=1024,
            )
            for number in range(vms)
        ),
    )
    return Reading(estate=estate.sorted(), quality=Quality(format="headroom-estate/1"))


@pytest.fixture
def stored() -> Estate:
    row = Estate.objects.create(name="Charts")
    snapshot.save(row, reading())
    return row


@pytest.fixture
def report() -> PlanReport:
    return plan(reading(), Parameters())


@pytest.mark.django_db
def test_a_host_is_loaded_by_the_vms_that_run_on_it(stored: Estate) -> None:
    loads = {load.name: load for load in charts.host_loads(stored, "Blue")}
    assert loads["esx0"] == HostLoad(
        name="esx0", vcpu_per_core=1.0, memory_percent=50.0, cpu_usage_percent=None, vms_on=4
    )
    assert loads["esx1"].vms_on == 3  # app7 is off
    assert [load.name for load in charts.host_loads(stored, "Blue")] == ["esx0", "esx1"]


@pytest.mark.django_db
def test_the_treemap_has_every_vm_of_the_cluster_that_is_no_template(stored: Estate) -> None:
    assert [vm.name for vm in charts.host_vms(stored, "Blue")] == [f"app{number}" for number in range(8)]
    assert charts.host_vms(stored, "Red") == []


@pytest.mark.django_db
def test_a_load_is_unknown_and_not_zero_where_vms_name_other_hosts() -> None:
    read = reading()
    moved = tuple(msgspec.structs.replace(vm, host="elsewhere") for vm in read.estate.vms)
    row = Estate.objects.create(name="Elsewhere")
    estate = msgspec.structs.replace(read.estate, vms=moved).sorted()
    snapshot.save(row, Reading(estate=estate, quality=read.quality))
    loads = charts.host_loads(row, "Blue")
    assert [(load.vcpu_per_core, load.memory_percent, load.vms_on) for load in loads] == [
        (None, None, None)
    ] * 2
    assert charts.host_heatmap(loads).data[0].text[0][0] == "–"


def test_a_percentage_is_coloured_from_0_to_100_and_a_count_against_the_largest() -> None:
    figure = charts.host_heatmap(
        [
            HostLoad(name="a", vcpu_per_core=2.0, memory_percent=50.0, cpu_usage_percent=25.0, vms_on=10),
            HostLoad(name="b", vcpu_per_core=4.0, memory_percent=130.0, cpu_usage_percent=None, vms_on=5),
        ]
    )
    (heatmap,) = figure.data
    assert [list(row) for row in heatmap.z] == [[0.5, 0.5, 0.25, 1.0], [1.0, 1.0, None, 0.5]]
    assert heatmap.text[1][1] == "130"  # the colour ends at full, the number does not
    assert heatmap.text[1][2] == "–"


def test_the_boxes_of_a_host_add_up_to_the_host_and_all_hosts_to_the_cluster() -> None:
    vms = [
        VmBox(name=f"v{n}", host=f"h{n % 3}", vcpus=n % 7 + 1, memory_mib=1024 * n, power="on")
        for n in range(50)
    ]
    boxes = boxes_of(charts.vm_treemap(vms, "memory_mib"))
    for host in ("h0", "h1", "h2"):
        parent = next(box for box in boxes if box["label"] == host)
        children = sum(box["value"] for box in boxes if box["parent"] == parent["id"])
        assert children == parent["value"]
    assert sum(box["value"] for box in boxes if not box["parent"]) == sum(vm.memory_mib for vm in vms)


def test_ten_thousand_vms_are_no_more_boxes_than_a_browser_draws() -> None:
    vms = [
        VmBox(name=f"v{n}", host=f"h{n % 20}", vcpus=2, memory_mib=1024 + n, power="on")
        for n in range(10_000)
    ]
    figure = charts.vm_treemap(vms, "vcpus")
    boxes = boxes_of(figure)
    assert len(boxes) <= charts.LEAVES_MOST + 20
    assert len({box["id"] for box in boxes}) == len(boxes)
    rest = next(box for box in boxes if box["id"] == "0/rest")
    assert rest["label"] == "441 smaller VMs"
    assert sum(box["value"] for box in boxes if not box["parent"]) == 20_000
    assert len(figure.to_json().encode()) < 300 * 1024


def test_names_that_look_like_paths_do_not_share_a_box() -> None:
    vms = [
        VmBox(name="c", host="a/b", vcpus=1, memory_mib=1024, power="on"),
        VmBox(name="b/c", host="a", vcpus=1, memory_mib=1024, power="on"),
    ]
    boxes = boxes_of(charts.vm_treemap(vms, "vcpus"))
    assert len({box["id"] for box in boxes}) == 4


def test_thousands_of_hosts_are_the_largest_and_a_box_of_the_others() -> None:
    vms = [VmBox(name=f"v{n}", host=f"h{n}", vcpus=n + 1, memory_mib=1024, power="on") for n in range(2000)]
    boxes = boxes_of(charts.vm_treemap(vms, "vcpus"))
    assert [box["label"] for box in boxes if box["id"] == "others"] == ["1,700 smaller hosts"]
    assert sum(box["value"] for box in boxes if not box["parent"]) == sum(range(1, 2001))
    assert len(boxes) == 601


def test_a_name_in_a_figure_is_never_markup() -> None:
    vms = [VmBox(name=HOSTILE, host=HOSTILE, vcpus=1, memory_mib=1024, power="on")]
    loads = [HostLoad(name=HOSTILE, vcpu_per_core=1.0, memory_percent=1.0, cpu_usage_percent=1.0, vms_on=1)]
    for shown in (charts.vm_treemap(vms, "vcpus").data[0].labels, charts.host_heatmap(loads).data[0].y):
        assert all("<" not in label for label in shown)
        assert all("&lt;a href" in label for label in shown)


def test_used_and_reserved_and_free_are_the_whole_of_what_is_there(report: PlanReport) -> None:
    figure = charts.capacity_against_need(report.clusters[0])
    used, reserved, free = ([round(share, 6) for share in bar.x] for bar in figure.data)
    assert list(figure.data[0].y) == ["CPU", "Memory"]
    assert used[0] == round(100 * 28 / 128, 6)  # 7 running VMs of 4 vCPU on 32 cores of 4
    assert reserved[0] == 50.0  # one host of two
    assert [sum(shares) for shares in zip(used, reserved, free, strict=True)] == pytest.approx([100.0, 100.0])


def test_every_figure_carries_its_numbers_as_a_table(report: PlanReport) -> None:
    loads = [HostLoad(name="a", vcpu_per_core=1.5, memory_percent=50.0, cpu_usage_percent=None, vms_on=3)]
    numbers = charts.host_heatmap(loads).layout.meta
    assert numbers["rows"] == [["a", "1.5", "50", "–", "3"]]
    for figure in (charts.capacity_against_need(report.clusters[0]), charts.vm_treemap([], "vcpus")):
        assert all(len(row) == len(figure.layout.meta["head"]) for row in figure.layout.meta["rows"])


def test_a_figure_speaks_the_readers_language_in_his_numbers() -> None:
    loads = [HostLoad(name="a", vcpu_per_core=1.5, memory_percent=50.0, cpu_usage_percent=None, vms_on=3)]
    with translation.override("fr"):
        figure = charts.host_heatmap(loads)
    assert figure.data[0].text[0][0] == "1,5"
    assert figure.layout.separators.startswith(",")


def test_a_figure_is_json_whose_colours_are_names_of_the_theme(report: PlanReport) -> None:
    text = charts.capacity_against_need(report.clusters[0]).to_json(engine="json")
    assert json.loads(text)["layout"]["template"]["data"] == {"scatter": [{"type": "scatter"}]}
    assert "var(--used)" in text
    assert "NaN" not in text


def boxes_of(figure: go.Figure) -> list[dict[str, object]]:
    (treemap,) = figure.data
    columns = zip(treemap.ids, treemap.labels, treemap.parents, treemap.values, strict=True)
    return [
        {"id": i, "label": label, "parent": parent, "value": value} for i, label, parent, value in columns
    ]


def test_the_boxes_of_ten_thousand_vms_come_in_sixty_kib() -> None:
    vms = [
        VmBox(name=f"app-{n:05}", host=f"esx{n % 300}", vcpus=n % 7 + 1, memory_mib=1024 + 64 * n, power="on")
        for n in range(10_000)
    ]
    answer = charts.vm_treemap(vms, "memory_mib").to_json(engine="json").encode()
    assert len(gzip.compress(answer)) <= 60 * 1024


def test_ten_thousand_measurements_are_a_figure_of_sixty_kib() -> None:
    points = tuple(Point(n / 10, 100.0 + n / 50) for n in range(10_000))
    series = Series(
        subject="cluster", name="Blue", resource="memory", unit="GiB", points=points, capacity=900
    )
    figure = charts.runway_figure(runway(series, 1000.0, ()), ())
    assert len(figure.to_json(engine="json").encode()) <= 60 * 1024


@pytest.mark.django_db
def test_figures_are_compressed_on_their_way(stored: Estate) -> None:
    client = Client()
    client.force_login(person(Role.AUDITOR))
    address = f"/estates/{stored.pk}/charts/treemap.json?cluster=Blue"
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.content))["data"]

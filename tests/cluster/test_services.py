"""What people ask for is queued, carried out, or refused with a reason; nothing is half done."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import msgspec
import pytest
import xlsxwriter
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from cluster import quarantine, queueing, results, services, snapshot, tasks
from cluster.models import Estate, Event, Host, Plan, Run, Upload, VirtualMachine
from cluster.roles import Action, Role, may
from cluster.work import claim
from planner.estate import Estate as PlannerEstate
from planner.formats.document import write_document
from planner.report import Parameters, PlanReport
from tests.cluster.estates import estate_of, reading
from tests.cluster.people import administrator, person

pytestmark = pytest.mark.django_db
WORKERS_MAX = 3


def document(estate: PlannerEstate, name: str = "site.json") -> ContentFile:
    return ContentFile(write_document(estate), name)


def workbook(*sheets: tuple[str, list[list[object]]]) -> ContentFile:
    content = BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return ContentFile(content.getvalue(), "export.xlsx")


def imported(file: ContentFile, name: str = "site") -> Run:
    """Import as the worker does."""
    run = services.start_import(administrator(), file, name)
    tasks.import_estate(str(run.pk))
    run.refresh_from_db()
    return run


def told(run: Run) -> list[tuple[str, str, int | None]]:
    return [(event.kind, event.template, event.progress) for event in run.events.order_by("seq")]


def test_an_import_ends_in_rows_and_a_plan():
    run = imported(document(estate_of(vms=20)))
    assert (run.state, run.progress, run.stage) == ("succeeded", 100, "done")
    estate = Estate.objects.get(name="site")
    assert (estate.source_filename, estate.revision, estate.format) == ("site.json", 1, "headroom-estate/1")
    assert estate.sha256 == run.upload.sha256
    assert snapshot.load(estate) == estate_of(vms=20)
    plan = Plan.objects.get(run=run)
    report = msgspec.convert(plan.report, PlanReport)
    assert (plan.estate, plan.estate_revision) == (estate, 1)
    assert report.parameters == Parameters()
    assert [cluster.name for cluster in report.clusters] == ["A", "B"]
    assert report.totals.vms == 20


def test_an_import_tells_how_far_it_is():
    run = imported(document(estate_of(vms=20)))
    kinds = [kind for kind, _, _ in told(run)]
    progress = [percent for _, _, percent in told(run)]
    assert kinds[0] == "import-queued"
    assert kinds[-1] == "import-done"
    assert set(kinds[1:-1]) == {"import-progress"}
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, 100)
    stored = Event.objects.get(run=run, template__startswith="Stored")
    assert stored.estate == Estate.objects.get()
    assert stored.values == {"inserted": 129, "updated": 0, "deleted": 0}


def test_the_sheets_of_a_workbook_are_told_one_by_one():
    vinfo = [
        ["VM", "Powerstate", "Template", "CPUs", "Memory", "Host"],
        ["a", "poweredOn", False, 2, 4096, "h"],
    ]
    run = imported(workbook(("vInfo", vinfo), ("vDisk", [["VM", "Disk", "Capacity MiB"], ["a", "d", 9]])))
    sheets = Event.objects.filter(run=run, template="Reading sheet {sheet}").order_by("seq")
    assert [event.values["sheet"] for event in sheets] == ["vInfo", "vDisk"]


def test_rows_that_cannot_be_used_are_told_at_once_and_stand_in_the_plan():
    vinfo = [
        ["VM", "Powerstate", "Template", "CPUs", "Memory", "Host"],
        ["a", "poweredOn", False, 2, 4096, "h"],
        ["b", "poweredOn", False, 2, -5, "h"],
    ]
    run = imported(workbook(("vInfo", vinfo)))
    odd = Event.objects.get(run=run, level=Event.Level.WARNING, kind="import-progress")
    assert (odd.values["vms"], odd.values["skipped"]) == (1, 1)
    report = msgspec.convert(Plan.objects.get(run=run).report, PlanReport)
    assert report.totals.vms == 1
    assert any("could not be used (1)" in str(said) for said in report.assumptions)


def test_each_cluster_is_told_as_its_plan_begins():
    run = imported(document(estate_of(vms=20)))
    begun = Event.objects.filter(run=run, template__startswith="Planning {cluster}").order_by("seq")
    assert [event.values for event in begun] == [
        {"cluster": "A", "place": 1, "count": 2},
        {"cluster": "B", "place": 2, "count": 2},
    ]


def test_of_an_estate_without_hosts_the_end_of_the_run_claims_nothing():
    run = imported(document(msgspec.structs.replace(estate_of(vms=20), hosts=(), datastores=())))
    end = run.events.get(kind="import-done")
    assert (end.level, end.values) == ("warning", {"count": 2, "short": 0, "unknown": 2})


def test_a_plan_that_does_not_fit_ends_with_a_warning():
    run = imported(document(estate_of(vms=2000)))
    end = run.events.get(kind="import-done")
    assert (run.state, end.level, end.values["short"]) == ("succeeded", "warning", 2)


def test_an_estate_that_is_removed_is_gone_and_its_runs_and_events_stay():
    run = imported(document(estate_of(vms=20)))
    imported(document(estate_of(vms=5)), "other")
    services.remove_estate(administrator(), Estate.objects.get(name="site"))
    run.refresh_from_db()
    assert list(Estate.objects.values_list("name", flat=True)) == ["other"]
    assert (VirtualMachine.objects.count(), Plan.objects.count()) == (5, 1)
    assert (run.state, run.estate, run.events.count() > 0) == ("succeeded", None, True)
    assert Event.objects.latest("seq").kind == "estate-removed"
    again = imported(document(estate_of(vms=20)))
    assert (again.state, Estate.objects.get(name="site").revision) == ("succeeded", 1)


def test_who_may_not_import_may_not_remove():
    imported(document(estate_of(vms=2)))
    with pytest.raises(PermissionDenied):
        services.remove_estate(person(Role.AUDITOR), Estate.objects.get())
    assert Estate.objects.count() == 1


def test_an_unchanged_import_writes_no_row_and_says_so():
    imported(document(estate_of(vms=20)))
    before = Estate.objects.get()
    run = imported(document(estate_of(vms=20)))
    after = Estate.objects.get()
    assert Event.objects.filter(run=run, template="Nothing has changed since the last import").exists()
    assert (after.revision, after.imported_at) == (before.revision, before.imported_at)
    assert Plan.objects.filter(estate=after).count() == 2


def test_a_changed_import_moves_the_estate_on_and_keeps_the_old_plan_apart():
    imported(document(estate_of(vms=20)))
    imported(document(estate_of(vms=25)))
    estate = Estate.objects.get()
    assert VirtualMachine.objects.filter(estate=estate).count() == 25
    assert list(estate.plans.order_by("id").values_list("estate_revision", flat=True)) == [1, 2]


def test_an_estate_is_named_after_its_file_unless_told_otherwise():
    run = services.start_import(administrator(), document(estate_of(1), "dir/Paris 2026.json"))
    assert run.estate_name == "Paris 2026"
    assert (
        services.start_import(administrator(), document(estate_of(1)), "  My   site ").estate_name
        == "My site"
    )


@pytest.mark.parametrize("name", [" \t", "x" * 256, "a\x00b", "a\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(name: str):
    with pytest.raises(services.BadName):
        services.start_import(administrator(), ContentFile(b"x", f"{name}.json"), name)
    assert Run.objects.count() == Upload.objects.count() == 0


def test_a_file_over_the_limit_is_refused_before_it_is_read(settings):
    settings.UPLOAD_LIMIT_BYTES = 3 * 1024 * 1024

    class Unread(ContentFile):
        def chunks(self, chunk_size: int | None = None):
            raise AssertionError("the file was read")

    file = Unread(b"", "big.xlsx")
    file.size = 4 * 1024 * 1024
    with pytest.raises(services.UploadTooBig, match="The file has 4 MiB; 3 MiB is the most"):
        services.start_import(administrator(), file, "big")
    assert Run.objects.count() == Upload.objects.count() == 0


def test_the_same_content_is_kept_once():
    one = services.start_import(administrator(), document(estate_of(3)), "one")
    two = services.start_import(administrator(), document(estate_of(3)), "two")
    assert one.upload.file.name == two.upload.file.name
    assert default_storage.size(one.upload.file.name) == one.upload.size_bytes


def test_a_file_that_is_no_estate_leaves_a_reason_and_no_estate():
    run = imported(ContentFile(b"GIF89a", "holiday.gif"))
    assert run.state == "failed"
    assert "neither an RVTools workbook nor its CSV nor an estate document" in run.error["template"]
    assert Estate.objects.count() == Plan.objects.count() == 0
    assert told(run)[-1][0] == "import-failed"
    assert run.events.order_by("seq").last().level == "error"


def test_a_failed_import_names_the_place_and_leaves_the_old_estate():
    imported(document(estate_of(vms=20)))
    run = imported(workbook(("vInfo", [["VM", "Powerstate"], ["a", "poweredOn"]])))
    assert (run.state, run.error_sheet) == ("failed", "vInfo")
    assert run.error_row is not None or run.error_column
    assert snapshot.load(Estate.objects.get()) == estate_of(vms=20)


def test_a_reader_out_of_memory_fails_the_run_and_not_the_worker(monkeypatch):
    monkeypatch.setattr(
        quarantine.read, "__kwdefaults__", {**quarantine.read.__kwdefaults__, "memory_mib": 150}
    )
    run = imported(document(estate_of(vms=60_000)))
    assert run.state == "failed"
    assert run.error["template"] in (
        "Reading needs more than {limit} MiB",
        "Reading ended by {signal}: the file needs more than a reader may use",
    )
    assert Estate.objects.count() == 0


def test_a_reader_out_of_time_fails_the_run(monkeypatch):
    monkeypatch.setattr(
        quarantine.read, "__kwdefaults__", {**quarantine.read.__kwdefaults__, "within_s": 0.0}
    )
    run = imported(document(estate_of(vms=2)))
    assert run.error == {"template": "Reading takes longer than {seconds} s", "values": {"seconds": 0}}


def test_a_plan_with_other_parameters_stands_beside_the_first():
    imported(document(estate_of(vms=20)))
    estate = Estate.objects.get()
    run = services.start_plan(administrator(), estate, Parameters(failures=2, vcpu_per_core=2.0))
    tasks.make_plan(str(run.pk))
    run.refresh_from_db()
    report = msgspec.convert(run.plan.report, PlanReport)
    assert run.state == "succeeded"
    assert (report.parameters.failures, report.parameters.vcpu_per_core) == (2, 2.0)
    assert report.clusters[0].failures_asked == 2
    assert estate.plans.count() == 2


def test_a_plan_of_what_is_not_there_says_what_is_missing():
    imported(document(estate_of(vms=20)))
    run = services.start_plan(administrator(), Estate.objects.get(), Parameters(cluster="nowhere"))
    tasks.make_plan(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert "nowhere" in run.error["values"].values()


@pytest.mark.parametrize("role", [*Role, None])
def test_only_some_roles_import_and_plan(role: Role | None):
    user = person(role)
    works = role in (Role.VIRTUAL_INFRASTRUCTURE_ADMINISTRATOR, Role.BUYER)
    assert may(user, Action.READ) == (role not in (None, Role.SITE_ADMINISTRATOR))
    if works:
        assert services.start_import(user, document(estate_of(1)), "site").requested_by == user
        return
    with pytest.raises(PermissionDenied):
        services.start_import(user, document(estate_of(1)), "site")
    estate = Estate.objects.create(name="site")
    with pytest.raises(PermissionDenied):
        services.start_plan(user, estate, Parameters())
    with pytest.raises(PermissionDenied):
        services.cancel(user, Run(kind="plan"))
    assert Run.objects.count() == 0


def test_a_cancelled_run_is_not_begun():
    run = services.start_import(administrator(), document(estate_of(5)), "site")
    assert services.cancel(administrator(), run)
    tasks.import_estate(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("cancelled", 0)
    assert Estate.objects.count() == 0
    assert not services.cancel(administrator(), run)


def test_a_run_cancelled_under_way_leaves_no_trace_of_its_import():
    run = services.start_import(administrator(), document(estate_of(5)), "site")
    with claim(run.pk) as work:
        read = reading(estate_of(5))
        changes = snapshot.compare(results._estate_of(work), read)
        assert changes.rows > 0
        services.cancel(administrator(), run)
        results.store_estate(work, read)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert Estate.objects.count() == Host.objects.count() == 0


def test_the_task_is_sent_when_the_run_stands(django_capture_on_commit_callbacks, monkeypatch):
    sent = []
    monkeypatch.setattr(queueing.current_app, "send_task", lambda *task, **_: sent.append(task))
    with django_capture_on_commit_callbacks(execute=True):
        run = services.start_import(administrator(), document(estate_of(5)), "site")
        assert sent == []
    assert sent == [("cluster.tasks.import_estate", [str(run.pk)])]


def test_a_broker_that_is_away_does_not_refuse_the_import(django_capture_on_commit_callbacks, caplog):
    with django_capture_on_commit_callbacks(execute=True):
        run = services.start_import(administrator(), document(estate_of(5)), "site")
    assert "is queued, but no worker could be told" in caplog.text
    run.refresh_from_db()
    assert run.state == "queued"


def lost(run: Run) -> Run:
    """Let the run's lease run out."""
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    return run


def test_the_sweep_sends_lost_runs_again_and_only_those():
    queued = lost(services.start_import(administrator(), document(estate_of(5)), "queued"))
    running = services.start_import(administrator(), document(estate_of(5)), "running")
    claim(running.pk)
    lost(running)
    services.start_import(administrator(), document(estate_of(5)), "fresh")
    held = services.start_import(administrator(), document(estate_of(5)), "held")
    claim(held.pk)
    done = lost(services.start_import(administrator(), document(estate_of(5)), "done"))
    Run.objects.filter(pk=done.pk).update(state="succeeded")
    assert queueing.sweep_lost_runs() == 2
    assert queueing.sweep_lost_runs() == 0
    assert {run.state for run in Run.objects.filter(pk__in=[queued.pk, running.pk])} == {"queued"}


def test_what_killed_three_workers_is_given_up():
    run = services.start_import(administrator(), document(estate_of(5)), "site")
    for _ in range(WORKERS_MAX):
        assert claim(run.pk)
        lost(run)
        assert queueing.sweep_lost_runs() == 1
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("failed", WORKERS_MAX)
    assert run.error["values"] == {"count": WORKERS_MAX}
    assert claim(run.pk) is None
    assert run.events.order_by("seq").last().kind == "import-failed"

"""What a worker writes: the estate that was read, the plan that was made."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from django.db import transaction
from django.utils import timezone

from cluster import outlook, snapshot, tallies
from cluster.models import Connection, Definition, Estate, Event, Observation, Plan, Redundancy, Run, Use
from cluster.question import YearsAsked
from cluster.snapshot import EstateMoved, Wired, Written
from cluster.work import LEASE_S, Work, WorkFailed, as_json
from operations.drivers.remote import Observed
from operations.drivers.usage import Usage, VmUsage
from planner.availability.answer import ClusterAvailability, ServiceAvailability
from planner.availability.report import examine_availability, examine_services
from planner.difference import still
from planner.formats.document import write_document
from planner.nines_priced import price_nines
from planner.parameters import Parameters
from planner.paths.report import PathsReport
from planner.quality import Reading
from planner.report import PlanReport, failures_tolerated
from planner.sentence import Sentence

PRICED_WITH: Final = Parameters()  # the defaults of a first plan
PAIRS_KEPT: Final = 500
VMS_KEPT: Final = 100
USES_A_STATEMENT: Final = 500
COMPARES_MAX: Final = 5  # imports into one estate at the same time make each other compare again
ROWS_PER_S: Final = 5_000  # a tenth of what COPY stores on a busy machine: the lease must outlast the store
STORE_PERCENT: Final = 60
STORED_PERCENT: Final = 80


def tell_quality(work: Work, reading: Reading) -> None:
    """Say at once what was odd about what was read; a perfect file needs no words."""
    skipped = sum(sheet.rows_skipped for sheet in reading.quality.sheets)
    odd = sum(finding.count for finding in reading.quality.warnings)
    if skipped or odd:
        work.remark(
            Sentence(
                "Read {vms} VMs and {hosts} hosts; rows skipped: {skipped}, warnings: {warnings}",
                {
                    "vms": len(reading.estate.vms),
                    "hosts": len(reading.estate.hosts),
                    "skipped": skipped,
                    "warnings": odd,
                },
            )
        )


def store_estate(work: Work, reading: Reading) -> Written:
    """Make the rows say what was read: all of it and the news of it, or nothing.

    The worker's claim is asked for last: a run that was cancelled meanwhile leaves no trace, and
    whoever cancels does not wait for the rows.
    """
    for _ in range(COMPARES_MAX):
        estate = _estate_of(work)
        with work.kept():
            changes = snapshot.compare(estate, reading)
        work.advance(
            "store",
            STORE_PERCENT,
            Sentence("Storing {rows} changed rows", {"rows": changes.rows}),
            lease_s=LEASE_S + changes.rows / ROWS_PER_S,
        )
        try:
            with transaction.atomic():
                written = snapshot.write(changes)
                work.advance("store", STORED_PERCENT, _stored(written), estate=estate)
        except EstateMoved:
            continue
        return written
    raise WorkFailed(Sentence("Other imports keep changing this estate; try again when they are done"))


def keep_observation(work: Work, observed: Observed) -> Observation:
    """Keep what was observed, dated, with the use, and work out until when it suffices.

    An estate that differs from the one before in measured use alone is kept once a day, its document once:
    else a reading every few minutes would fill the disk with what never stands still.
    """
    reading = observed.reading
    if work.run.connection is not None:
        _keep_use(work.run.connection, observed.usage)
        _keep_definitions(work.run.connection, observed)
    document = write_document(reading.estate)
    digest = hashlib.sha256(write_document(still(reading.estate))).hexdigest()
    newest = Observation.objects.filter(estate=work.estate()).defer("document").first()
    is_known = newest is not None and newest.sha256 == digest
    if newest is not None and is_known and newest.taken_at.date() == timezone.now().date():
        return newest
    kept = Observation.objects.create(
        connection=work.run.connection,
        estate=work.estate(),
        document=b"" if is_known else zlib.compress(document, 6),
        sha256=digest,
        hosts=len(reading.estate.hosts),
        vms=len(reading.estate.vms),
        measures=outlook.measured(reading.estate),
        demands=outlook.wanted(reading.estate),
    )
    kept.rightsizing = outlook.sizes(work.estate(), reading.estate)
    kept.save(update_fields=["rightsizing"])
    outlook.work_out(work.estate())
    return kept


def _keep_use(connection: Connection, usage: Sequence[VmUsage]) -> None:
    """Keep the use of the last window, instead of the one before."""
    rows = [
        Use(
            connection=connection, vm=one.vm, window_s=one.window_s, sample_s=one.sample_s,
            dirty_mib_s=one.dirty_mib_s,
            **_use("cpu", "mhz", one.cpu_mhz), **_use("memory", "mib", one.memory_mib),
        )
        for one in usage
    ]  # fmt: skip
    with transaction.atomic():
        _wait_for_turn(connection)
        Use.objects.filter(connection=connection).delete()
        Use.objects.bulk_create(rows, batch_size=USES_A_STATEMENT)


def _keep_definitions(connection: Connection, observed: Observed) -> None:
    """Keep what starts VMs: anew of the hosts that answered, as it was of those that are silent."""
    answered = [host.name for host in observed.reading.estate.hosts if host.connected]
    rows = [
        Definition(connection=connection, vm_id=one.vm_id, host=one.host, text=one.text)
        for one in observed.definitions
    ]
    with transaction.atomic():
        _wait_for_turn(connection)
        Definition.objects.filter(connection=connection, host__in=answered).delete()
        Definition.objects.bulk_create(rows, batch_size=USES_A_STATEMENT)


def _wait_for_turn(connection: Connection) -> None:
    """Let another reading of the same server wait; of one that was removed nothing is kept."""
    row = Connection.objects.select_for_update(no_key=True).filter(pk=connection.pk)
    if row.values_list("pk").first() is None:
        raise WorkFailed(Sentence("The connection was removed meanwhile"))


def _use(what: str, unit: str, usage: Usage | None) -> dict[str, float]:
    if usage is None:
        return {}
    return {
        f"{what}_average_{unit}": usage.average,
        f"{what}_p95_{unit}": usage.p95,
        f"{what}_peak_{unit}": usage.peak,
        f"{what}_coverage": usage.coverage,
    }


def store_plan(work: Work, report: PlanReport) -> Plan:
    """Keep the plan of the run's estate as it stands now, and end the run."""
    estate = work.estate()
    with transaction.atomic():
        plan, _ = Plan.objects.update_or_create(
            run=work.run,
            defaults={
                "estate": estate,
                "estate_revision": estate.revision,
                "parameters": as_json(report.parameters),
                "report": as_json(report),
            },
        )
        good = all(cluster.fits for cluster in report.clusters)
        work.succeed(_planned(report), Event.Level.SUCCESS if good else Event.Level.WARNING)
    return plan


def store_redundancy(
    work: Work,
    wired: Wired,
    asked: YearsAsked,
    paths: PathsReport,
    availability: Sequence[ClusterAvailability],
    services: Sequence[ServiceAvailability] = (),
) -> Redundancy:
    """Keep what was found about the wiring of the run's estate, and end the run."""
    estate = work.estate()
    shared = [pair for pair in paths.pairs if len({(cut.kind, cut.name) for cut in pair.cuts}) > 1]
    kept = msgspec.structs.replace(paths, pairs=tuple(shared[:PAIRS_KEPT]))
    with transaction.atomic():
        redundancy, _ = Redundancy.objects.update_or_create(
            run=work.run,
            defaults={
                "estate": estate,
                "estate_revision": estate.revision,
                "designs": [list(one) for one in wired.designs],
                "edits": wired.mark,
                "parameters": msgspec.to_builtins(asked),
                "paths": as_json(kept),
                "tally": tallies.of_redundancy(paths),
                "availability": [as_json(_worst_vms(one)) for one in availability],
                "priced": {
                    one.name: [as_json(row) for row in price_nines(wired.reading, one, PRICED_WITH)]
                    for one in availability
                },
                "services": [as_json(one) for one in services],
            },
        )
        points, unknown = len(paths.single_points), paths.count("unknown")
        work.succeed(
            Sentence(
                "Wiring examined: {points} single points of failure, {unknown} services not known",
                {"points": points, "unknown": unknown},
            )
        )
    return redundancy


def availability_of(
    reading: Reading, asked: YearsAsked, tolerated: Mapping[str, int] | None = None
) -> tuple[ClusterAvailability, ...]:
    """How available the VMs are, with the failures that each cluster tolerates by its plan.

    The years of the hosts are left to whoever plays them: see `cluster.years`.
    """
    tolerated = tolerated_by(reading) if tolerated is None else tolerated
    chance = np.random.Generator(np.random.PCG64(asked.seed))
    return examine_availability(
        reading.estate, tolerated, chance, years=asked.years, assumed=asked.assumed, with_play=False
    )


def services_of(
    reading: Reading, asked: YearsAsked, tolerated: Mapping[str, int] | None = None
) -> tuple[ServiceAvailability, ...]:
    """How available each service is that somebody told."""
    if not reading.estate.services:
        return ()
    chance = np.random.Generator(np.random.PCG64(asked.seed))
    tolerated = tolerated_by(reading) if tolerated is None else tolerated
    return examine_services(reading.estate, tolerated, chance, years=asked.years, assumed=asked.assumed)


def tolerated_by(reading: Reading) -> dict[str, int]:
    """The host failures that each cluster tolerates: every VM is placed for it, so it is asked for once."""
    return failures_tolerated(reading, Parameters(licence="none"))


def _worst_vms(one: ClusterAvailability) -> ClusterAvailability:
    """The VMs that lose most: a page shows no more."""
    worst = sorted(one.vms, key=lambda vm: (-vm.minutes, vm.name))[:VMS_KEPT]
    return msgspec.structs.replace(one, vms=tuple(worst))


def _estate_of(work: Work) -> Estate:
    """The estate that the run imports into, described by the run's upload; it may have no row yet."""
    name, upload = work.run.estate_name, work.run.upload
    if work.run.kind == Run.Kind.REFRESH:
        estate = Estate.objects.filter(name=name).first() or Estate(name=name)
        estate.source_filename, estate.sha256 = "", ""
        return estate
    if upload is None:
        raise WorkFailed(Sentence("The uploaded file was deleted meanwhile"))
    estate = Estate.objects.filter(name=name).first() or Estate(name=name)
    estate.source_filename, estate.sha256 = upload.filename, upload.sha256
    return estate


def _stored(written: Written) -> Sentence:
    if written.rows == 0:
        return Sentence("Nothing has changed since the last import")
    return Sentence(
        "Stored: {inserted} rows are new, {updated} changed, {deleted} are gone",
        {"inserted": written.inserted, "updated": written.updated, "deleted": written.deleted},
    )


def _planned(report: PlanReport) -> Sentence:
    """Say how many clusters carry their load; of what could not be judged nothing is claimed."""
    count = len(report.clusters)
    short = sum(cluster.fits is False for cluster in report.clusters)
    unknown = sum(cluster.fits is None for cluster in report.clusters)
    if count == 0:
        return Sentence("Nothing to plan: the estate has no cluster, no host and no VM")
    if count == 1 and unknown:
        return Sentence("Planned 1 cluster: whether it carries its load is not known")
    if count == 1 and short:
        return Sentence("Planned 1 cluster: it cannot carry its load")
    if count == 1:
        return Sentence("Planned 1 cluster: it carries its load")
    if unknown:
        return Sentence(
            "Planned {count} clusters: {short} cannot carry their load, of {unknown} it is not known",
            {"count": count, "short": short, "unknown": unknown},
        )
    if short:
        return Sentence(
            "Planned {count} clusters: {short} cannot carry their load", {"count": count, "short": short}
        )
    return Sentence("Planned {count} clusters: all carry their load", {"count": count})

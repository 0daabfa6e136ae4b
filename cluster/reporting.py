"""A plan -> its report as a file, with all that belongs beside it; the same for a page and for a mail."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from cluster import foretelling, outlook, selectors, snapshot
from cluster.exports import EXPORTS
from cluster.exports.beside import Beside
from cluster.exports.origin import Origin
from cluster.exports.redundant import Redundant, cluster_part
from cluster.models import Estate, Plan, Redundancy, Upload
from cluster.question import YearsAsked
from planner.paths.picture import draw

DRAWN_AT_MOST: Final = 40  # a page each; the pages on screen draw them all
NO_EDITS: Final = "0:0"  # the mark of an estate that nobody edited
WITH_PICTURES: Final = ("pdf", "html")


class File(Struct, frozen=True, kw_only=True):
    """A report, ready to be sent."""

    name: str
    content_type: str
    content: bytes


def file_of(plan: Plan, kind: str, language: str) -> File:
    """The report of a plan; its date is the plan's, not today's."""
    export = EXPORTS[kind]
    content = export.render(
        selectors.report_of(plan),
        title=plan.estate.name,
        language=language,
        made_at=plan.created_at,
        beside=beside_of(plan, with_pictures=kind in WITH_PICTURES),
    )
    name = export.file_name(plan.estate.name, plan.created_at)
    return File(name=name, content_type=export.content_type, content=content)


def beside_of(plan: Plan, *, with_pictures: bool = True) -> Beside:
    """What is told beside the plan; without pictures no more than tables hold."""
    estate = plan.estate
    taught = foretelling.taught_of(estate)
    if not with_pictures:
        return Beside(origin=origin_of(plan, None), taught=taught)
    redundancy = selectors.latest_redundancy(estate)
    return Beside(
        origin=origin_of(plan, redundancy),
        redundancy=None if redundancy is None else _redundant(estate, redundancy),
        outlook=outlook.outlook_of(estate),
        taught=taught,
    )


def origin_of(plan: Plan, redundancy: Redundancy | None) -> Origin:
    """The file behind the plan's revision; nothing where it was read from a server."""
    upload = _upload_of(plan)
    asked = None if redundancy is None else msgspec.convert(redundancy.parameters, YearsAsked)
    played = asked is not None and asked.years > 0
    return Origin(
        file=upload.filename if upload else "",
        sha256=upload.sha256 if upload else "",
        revision=plan.estate_revision,
        seed=asked.seed if asked is not None and played else None,
        years=asked.years if asked is not None and played else None,
    )


def is_old(estate: Estate, redundancy: Redundancy) -> bool:
    """Whether the estate, its designs or edits have changed since it was examined."""
    return (
        redundancy.estate_revision != estate.revision
        or [tuple(one) for one in redundancy.designs] != snapshot.designs_of(estate)
        or (redundancy.edits or NO_EDITS) != snapshot.mark_of(estate)
    )


def _upload_of(plan: Plan) -> Upload | None:
    """The file that was imported as this revision: by the plan's own run, or the first of the revision."""
    if plan.run is not None and plan.run.upload is not None:
        return plan.run.upload
    first = (
        plan.estate.plans.filter(estate_revision=plan.estate_revision, run__upload__isnull=False)
        .order_by("pk")
        .select_related("run__upload")
        .first()
    )
    return first.run.upload if first is not None and first.run is not None else None


def _redundant(estate: Estate, redundancy: Redundancy) -> Redundant:
    """The newest examination with a drawing of each cluster."""
    paths = selectors.paths_of(redundancy)
    found = selectors.availability_of(redundancy)
    wired = snapshot.load_wired(estate).reading.estate
    pictures = {
        one.name: draw(cluster_part(wired, one.name), one.name, paths) for one in found[:DRAWN_AT_MOST]
    }
    return Redundant(
        paths=paths,
        availability=found,
        pictures=pictures,
        is_old=is_old(estate, redundancy),
        services=selectors.services_of(redundancy),
    )

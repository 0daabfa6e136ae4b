"""What people ask for: import a file, make a plan, cancel.  Every write that a screen causes starts here.

Asking writes a queued Run and its event in one transaction; `queueing` tells a worker when that stands.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath
from typing import Final

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from cluster import audit, feed, selectors
from cluster.audit import Deed
from cluster.models import (
    Design,
    Disk,
    Estate,
    Event,
    Partition,
    Rehearsal,
    Run,
    Upload,
    VirtualMachine,
    VmNic,
)
from cluster.models.columns import NAME_MAX
from cluster.question import Question, YearsAsked
from cluster.queueing import queue
from cluster.reach import covers
from cluster.roles import Action, may
from planner.report import Parameters
from planner.sentence import Sentence

BYTES_PER_MIB: Final = 1024 * 1024


class Refused(Exception):
    """What was asked for is not done, and why; `message` is for the asker."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


class UploadTooBig(Refused):
    """The file is larger than a file may be."""


class BadName(Refused):
    """An estate cannot have this name."""


class NotAllowed(PermissionDenied):
    """None of the asker's roles opens this action."""


def start_import(user: User, uploaded_file: File, name: str = "") -> Run:
    """Keep the file and queue its import as the estate of this name (by default the file's own).

    Raises:
        NotAllowed, UploadTooBig, BadName: nothing has been kept or queued.
    """
    allow(user, Action.IMPORT)
    wanted = _estate_name(name or PurePath(_file_name(uploaded_file)).stem)
    allow_on(user, Action.IMPORT, Estate.objects.filter(name=wanted).first())
    return queue_import(user, uploaded_file, name)


def queue_import(user: User | None, uploaded_file: File, name: str, *, tell_a_worker: bool = True) -> Run:
    """Queue an import; no user: the site itself asks for it, and may carry it out without a worker."""
    filename = _file_name(uploaded_file)
    estate_name = _estate_name(name or PurePath(filename).stem)
    _refuse_too_big(uploaded_file)
    sha256 = _hash(uploaded_file)
    stored_as = _keep(uploaded_file, sha256, filename)
    with transaction.atomic():
        upload = Upload.objects.create(
            file=stored_as,
            filename=filename[:NAME_MAX],
            size_bytes=uploaded_file.size,
            sha256=sha256,
            uploaded_by=user,
        )
        run = Run(
            kind=Run.Kind.IMPORT,
            estate_name=estate_name,
            estate=Estate.objects.filter(name=estate_name).first(),
            upload=upload,
            requested_by=user,
        )
        note = {"file": filename, "sha256": sha256, "run": str(run.pk)}
        audit.note(Deed.IMPORT_ASKED, user.get_username() if user else "", estate_name, after=note)
        return queue(run, Sentence("{file} was received", {"file": filename}), tell_a_worker=tell_a_worker)


def start_plan(user: User, estate: Estate, parameters: Parameters) -> Run:
    """Queue a plan of the estate; the Plan will hang on the run.

    Raises:
        NotAllowed: nothing has been queued.
    """
    allow_on(user, Action.PLAN, estate, parameters.cluster or "")
    run = Run(
        kind=Run.Kind.PLAN,
        estate_name=estate.name,
        estate=estate,
        parameters=msgspec.to_builtins(parameters),
        requested_by=user,
    )
    with transaction.atomic():
        note = {"parameters": run.parameters, "run": str(run.pk)}
        audit.note(Deed.PLAN_ASKED, user.get_username(), estate.name, after=note)
        return queue(run, Sentence("A plan was asked for"))


def start_study(user: User, estate: Estate, question: Question) -> Run:
    """Queue a question about one cluster; the Study will hang on the run.

    Raises:
        NotAllowed: nothing has been queued.
    """
    allow_on(user, Action.PLAN, estate, question.cluster)
    parameters = msgspec.to_builtins(question)
    run = Run(
        kind=Run.Kind.STUDY,
        estate_name=estate.name,
        estate=estate,
        parameters=parameters,
        requested_by=user,
    )
    with transaction.atomic():
        note = {**parameters, "run": str(run.pk)}
        audit.note(Deed.STUDY_ASKED, user.get_username(), estate.name, after=note)
        return queue(run, Sentence("A study of {cluster} was asked for", {"cluster": question.cluster}))


def start_rehearsal(user: User, rehearsal: Rehearsal, estate: Estate | None, name: str) -> Run:
    """Queue a rehearsal or drill that is not stored yet, of a cluster of an estate or of a scenario.

    Raises:
        NotAllowed: nothing has been queued.
    """
    allow(user, Action.REHEARSE)
    if estate is not None:  # a scenario is nobody's
        allow_on(user, Action.REHEARSE, estate)
    kind = Run.Kind.DRILL if rehearsal.drill else Run.Kind.REHEARSAL
    with transaction.atomic():
        run = Run(kind=kind, estate_name=name[:NAME_MAX], estate=estate, requested_by=user)
        note = {
            "cluster": rehearsal.cluster_name,
            "scenario": rehearsal.scenario,
            "script": rehearsal.script,
            "drill": rehearsal.drill,
            "run": str(run.pk),
        }
        audit.note(Deed.REHEARSAL_ASKED, user.get_username(), name, after=note)
        queue(run, Sentence("A rehearsal was asked for"))
        rehearsal.run = run
        rehearsal.save(force_insert=True)
    return run


def start_wiring(user: User, estate: Estate, asked: YearsAsked | None = None) -> Run:
    """Queue an examination of how the estate is wired; the Redundancy will hang on the run.

    `asked` None: as it was asked for the last time.

    Raises:
        NotAllowed: nothing has been queued.
    """
    allow_on(user, Action.PLAN, estate)
    last = selectors.latest_redundancy(estate)
    parameters = msgspec.to_builtins(asked) if asked else last.parameters if last else {}
    run = Run(
        kind=Run.Kind.WIRING,
        estate_name=estate.name,
        estate=estate,
        parameters=parameters,
        requested_by=user,
    )
    with transaction.atomic():
        audit.note(Deed.WIRING_ASKED, user.get_username(), estate.name, after={"run": str(run.pk)})
        return queue(run, Sentence("The wiring is to be examined"))


def change_design(user: User, estate: Estate, cluster: str, kind: str, *, laid: bool) -> Run:
    """Lay a standard design over a cluster, or take it away, and have the wiring examined.

    Raises:
        NotAllowed: nothing has been changed.
    """
    allow_on(user, Action.IMPORT, estate)
    with transaction.atomic():
        if laid:
            Design.objects.get_or_create(
                estate=estate, cluster_name=cluster, kind=kind, defaults={"created_by": user}
            )
        else:
            Design.objects.filter(estate=estate, cluster_name=cluster, kind=kind).delete()
        deed = Deed.DESIGN_LAID if laid else Deed.DESIGN_TAKEN
        audit.note(deed, user.get_username(), estate.name, after={"cluster": cluster, "design": kind})
        return start_wiring(user, estate)


def start_pricing(user: User, estate: Estate, request: dict[str, object]) -> Run:
    """Queue a cost question of the estate; the answer will hang on the run.

    Raises:
        NotAllowed: nothing has been queued.
    """
    allow_on(user, Action.PLAN, estate)
    run = Run(
        kind=Run.Kind.COST,
        estate_name=estate.name,
        estate=estate,
        parameters=request,
        requested_by=user,
    )
    with transaction.atomic():
        audit.note(Deed.PRICES_ASKED, user.get_username(), estate.name, after={"run": str(run.pk)})
        return queue(run, Sentence("Prices were asked for"))


def cancel(user: User, run: Run) -> bool:
    """End the run unless it is finished; a worker that works on it stops at its next step."""
    if not may_cancel(user, run):
        raise NotAllowed
    with transaction.atomic():
        unfinished = Run.objects.filter(pk=run.pk, state__in=[Run.State.QUEUED, Run.State.RUNNING])
        if not unfinished.update(state=Run.State.CANCELLED, lease_until=None, finished_at=Now()):
            return False
        audit.note(Deed.RUN_CANCELLED, user.get_username(), run.estate_name, after={"run": str(run.pk)})
        message = Sentence("Cancelled by {user}", {"user": user.get_username()})
        feed.publish(
            f"{run.kind}-cancelled",
            message,
            subject=run.estate_name,
            level=Event.Level.WARNING,
            run=run,
            estate=run.estate,
        )
    return True


def may_cancel(user: User, run: Run) -> bool:
    """Whether a user may end a run: his own, or one of an estate that his role reaches."""
    is_own = run.requested_by_id == user.pk
    return may(user, Action.CANCEL) and (is_own or covers(user, Action.CANCEL, run.estate))


def remove_estate(user: User, estate: Estate) -> None:
    """Forget an estate, its plans and its studies; its runs and events stay, and say that it is gone.

    Raises:
        NotAllowed: nothing has been removed.
    """
    allow_on(user, Action.IMPORT, estate)
    with transaction.atomic():
        if Estate.objects.select_for_update().filter(pk=estate.pk).first() is None:
            return  # somebody was quicker
        name, vms = estate.name, VirtualMachine.objects.filter(estate=estate).count()
        for details in (Disk, Partition, VmNic):  # the many: one statement each, and no row is fetched
            details.objects.filter(vm__estate=estate).delete()
        estate.delete()
        audit.note(Deed.ESTATE_REMOVED, user.get_username(), name, {"vms": vms})
        message = Sentence("{user} removed the estate", {"user": user.get_username()})
        feed.publish("estate-removed", message, subject=name, level=Event.Level.WARNING)


def allow(user: User, action: Action) -> None:
    """Let a user pass whose role opens the action.

    Raises:
        NotAllowed: none of his roles does.
    """
    if not may(user, action):
        raise NotAllowed


def allow_on(user: User, action: Action, estate: Estate | None, cluster: str = "") -> None:
    """Let a user pass whose role opens the action for this estate, or for this cluster of it.

    Raises:
        NotAllowed: none of his roles reaches so far.
    """
    if not covers(user, action, estate, cluster):
        raise NotAllowed


def wait_for_turn(estate: Estate) -> None:
    """Let another who says something of the same estate wait until the end of the caller's transaction.

    Raises:
        Refused: it is gone.
    """
    row = Estate.objects.select_for_update(no_key=True).filter(pk=estate.pk)
    if row.values_list("pk").first() is None:
        raise Refused(Sentence("The estate was deleted meanwhile"))


def _file_name(uploaded_file: File) -> str:
    return PurePath(uploaded_file.name or "estate").name


def _estate_name(wanted: str) -> str:
    name = " ".join(wanted.split())
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise BadName(
            Sentence("An estate needs a name of 1 to {max} printable characters", {"max": NAME_MAX})
        )
    return name


def _refuse_too_big(uploaded_file: File) -> None:
    if uploaded_file.size > settings.UPLOAD_LIMIT_BYTES:
        sizes = {
            "size": round(uploaded_file.size / BYTES_PER_MIB),
            "limit": settings.UPLOAD_LIMIT_BYTES // BYTES_PER_MIB,
        }
        raise UploadTooBig(Sentence("The file has {size} MiB; {limit} MiB is the most", sizes))


def _hash(uploaded_file: File) -> str:
    digest = hashlib.sha256()
    for chunk in uploaded_file.chunks(BYTES_PER_MIB):
        digest.update(chunk)
    return digest.hexdigest()


def _keep(uploaded_file: File, sha256: str, filename: str) -> str:
    """Store the file under its hash, once; its ending stays, for readers go by it too."""
    ending = re.sub(r"[^a-z0-9.]", "", PurePath(filename).suffix.lower())[:10]
    path = f"imports/{sha256[:2]}/{sha256}{ending}"
    if default_storage.exists(path) and default_storage.size(path) == uploaded_file.size:
        return path
    return default_storage.save(path, uploaded_file)

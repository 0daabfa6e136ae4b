"""One worker working on one run: claim it, tell how far it is, end it.

A claim is one conditional UPDATE that counts `attempt` up.  Everything that the worker writes later
asks for that attempt, so that a worker that lost its lease (it was stopped, or slow) writes nothing
any more: it gets `ClaimLost`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import msgspec
from billiard.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from cluster import feed
from cluster.models import Estate, Event, Run
from cluster.models.columns import NAME_MAX
from planner.quality import FormatError
from planner.report import ParameterError, Parameters
from planner.sentence import Sentence

READ_PERCENT: Final = 55
SHEET_PERCENT: Final = 2  # of the 27 sheets of a full export, each
PLAN_PERCENT: Final = 85
PLANNED_PERCENT: Final = 98
LEASE_S: Final = 30  # a killed worker's run is taken up after this and at most one sweep of 15 s
HOLD_EVERY_S: Final = 5.0  # several may be missed before the lease is over

_log = logging.getLogger(__name__)


class ClaimLost(Exception):
    """The run was cancelled, or another worker holds it now."""


class WorkFailed(Exception):
    """The run cannot succeed, and why; not a fault of ours."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(str(message))
        self.message = message


def claim(run_id: UUID | str) -> Work | None:
    """Take the run; None where it is finished, or another worker's lease still holds."""
    free = Q(state=Run.State.QUEUED) | Q(state=Run.State.RUNNING, lease_until__lt=Now())
    run = Run.objects.select_related("upload", "estate").filter(free, pk=run_id).first()
    if run is None:
        return None
    # By the attempt that was read: one that is read afterwards may be another worker's already.
    same = Run.objects.filter(free, pk=run_id, attempt=run.attempt)
    if not same.update(
        state=Run.State.RUNNING,
        attempt=run.attempt + 1,
        lease_until=lease(LEASE_S),
        started_at=Coalesce("started_at", Now()),
    ):
        return None
    run.state, run.attempt = Run.State.RUNNING, run.attempt + 1
    return Work(run)


class Work:
    """A claimed run.  Leaving its `with` block by an expected error ends the run as failed."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._attempt = run.attempt

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            return self._end_by(error)
        except ClaimLost:
            _log.info("run %s: cancelled, or taken over; its results are dropped", self.run.pk)
            return True

    def _end_by(self, error: BaseException | None) -> bool:
        """End the run as the error asks for; True where the error is told with that."""
        match error:
            case ClaimLost():
                raise error
            case FormatError():
                self.fail(error.message, sheet=error.sheet, row=error.row, column=error.column)
                return True
            case WorkFailed() | ParameterError():
                self.fail(error.message)
                return True
            case OperationalError():
                _log.warning("run %s: the database did not answer; the next sweep tries again", self.run.pk)
            case SoftTimeLimitExceeded():
                self.fail(Sentence("This took longer than a worker may work on one thing"))
            case IntegrityError() | ObjectDoesNotExist() if (gone := self._gone()) is not None:
                self.fail(gone)
                return True
            case Exception():
                self.fail(Sentence("Headroom failed here by a fault of its own; its log says more"))
        return False

    def _gone(self) -> Sentence | None:
        """What the run was about and somebody removed while it worked; None: all of it is there."""
        now = Run.objects.only("estate", "connection").filter(pk=self.run.pk).first()
        if now is not None and self.run.estate_id and not now.estate_id:
            self.run.estate = None
            return Sentence("The estate was deleted meanwhile")
        if now is not None and self.run.connection_id and not now.connection_id:
            return Sentence("The connection was removed meanwhile")
        return None

    def file(self) -> tuple[Path, str]:
        """Where the upload lies, and what its owner calls it."""
        upload = self.run.upload
        if upload is None or not Path(upload.file.path).exists():
            raise WorkFailed(Sentence("The uploaded file was deleted meanwhile"))
        return Path(upload.file.path), upload.filename

    def estate(self) -> Estate:
        if self.run.estate is None:
            raise WorkFailed(Sentence("The estate was deleted meanwhile"))
        return self.run.estate

    def parameters(self) -> Parameters:
        """What the plan is asked for; an import asks for the planner's own defaults."""
        return msgspec.convert(self.run.parameters, Parameters)

    def advance(
        self, stage: str, progress: int, message: Sentence, *, lease_s: float = LEASE_S, **changes: object
    ) -> None:
        """Say how far the work is; the lease then holds for what comes next."""
        with transaction.atomic():
            self.hold(lease_s, stage=stage, progress=progress, **changes)
            self._tell("progress", message, Event.Level.INFO, progress)

    def sheet(self, name: str) -> None:
        """Say that the reader begins a sheet."""
        progress = min(READ_PERCENT, self.run.progress + SHEET_PERCENT)
        self.advance("read", progress, Sentence("Reading sheet {sheet}", {"sheet": name}))

    def cluster(self, name: str, place: int, count: int) -> None:
        """Say that the planner begins a cluster; of very many, one a percent is told."""
        progress = PLAN_PERCENT + (PLANNED_PERCENT - PLAN_PERCENT) * (place - 1) // count
        if count > 1 and (place == 1 or progress > self.run.progress):
            words = {"cluster": name, "place": place, "count": count}
            self.advance("plan", progress, Sentence("Planning {cluster}, {place} of {count}", words))

    def hold(self, lease_s: float = LEASE_S, **changes: object) -> None:
        """Renew the lease; within a transaction this also keeps every other worker out until its end."""
        if not self._mine().update(lease_until=lease(lease_s), **changes):
            raise ClaimLost
        for name, value in changes.items():
            setattr(self.run, name, value)

    @contextmanager
    def kept(self, every_s: float = HOLD_EVERY_S) -> Iterator[None]:
        """Hold the lease while one long step works, however long it takes.

        A thread renews it: it dies with the worker, and then the lease runs out as it should.
        """
        done = Signal()
        keeper = Thread(target=self._keep, args=(done, every_s), name=f"lease of {self.run.pk}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _keep(self, done: Signal, every_s: float) -> None:
        try:
            while not done.wait(every_s):
                try:
                    self.hold()
                except OperationalError:
                    _log.warning("run %s: no answer of the database; its lease is renewed later", self.run.pk)
        except ClaimLost:
            return  # the worker is told by its own next write
        finally:
            connection.close()  # a thread has a connection of its own

    def remark(self, message: Sentence) -> None:
        """Say what whoever asked should look at, while the work goes on."""
        with transaction.atomic():
            self.hold()
            self._tell("progress", message, Event.Level.WARNING, int(self.run.progress))

    def succeed(self, message: Sentence, level: Event.Level = Event.Level.SUCCESS) -> None:
        """End the run as done; the news may be bad all the same."""
        with transaction.atomic():
            self._end(Run.State.SUCCEEDED, progress=100, stage="done")
            self._tell("done", message, level, 100)

    def fail(self, message: Sentence, *, sheet: str = "", row: int | None = None, column: str = "") -> None:
        """End the run as failed, with the place of the error where there is one."""
        with transaction.atomic():
            self._end(
                Run.State.FAILED,
                error=msgspec.to_builtins(message),
                error_sheet=sheet[:NAME_MAX],
                error_row=row,
                error_column=column[:NAME_MAX],
            )
            self._tell("failed", message, Event.Level.ERROR, None)

    def _end(self, state: Run.State, **changes: object) -> None:
        changes |= {"state": state, "lease_until": None}
        if not self._mine().update(finished_at=Now(), **changes):
            raise ClaimLost
        for name, value in changes.items():
            setattr(self.run, name, value)

    def _mine(self) -> QuerySet[Run]:
        return Run.objects.filter(pk=self.run.pk, state=Run.State.RUNNING, attempt=self._attempt)

    def _tell(self, what: str, message: Sentence, level: Event.Level, progress: int | None) -> None:
        feed.publish(
            f"{self.run.kind}-{what}",
            message,
            subject=self.run.estate_name,
            level=level,
            run=self.run,
            estate=self.run.estate,
            progress=progress,
        )


def as_json(thing: msgspec.Struct) -> object:
    """A value as a JSON column keeps it."""
    return msgspec.json.decode(msgspec.json.encode(thing))


def lease(seconds: float) -> object:
    return Now() + timedelta(seconds=seconds)

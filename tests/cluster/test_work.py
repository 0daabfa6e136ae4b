"""A run has one worker at a time; who has lost it writes nothing any more."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from cluster.models import Event, Run
from cluster.work import ClaimLost, Work, WorkFailed, claim
from planner.quality import FormatError
from planner.sentence import Sentence
from tests.cluster.meanwhile import every_place

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return Run.objects.create(kind=Run.Kind.PLAN, estate_name="site")


def taken(run: Run) -> Work:
    work = claim(run.pk)
    assert work is not None
    return work


def test_a_run_is_claimed_once(run: Run):
    assert taken(run).run.attempt == 1
    assert claim(run.pk) is None


def test_a_run_that_is_not_there_cannot_be_claimed():
    assert claim(uuid.uuid4()) is None


def test_a_run_whose_worker_is_gone_is_claimed_again_and_the_first_worker_is_fenced(run: Run):
    slow = taken(run)
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    quick = taken(run)
    with pytest.raises(ClaimLost):
        slow.advance("plan", 50, Sentence("Planning"))
    with slow:
        slow.succeed(Sentence("Done"))
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("running", 2)
    quick.succeed(Sentence("Done"))
    run.refresh_from_db()
    assert (run.state, run.progress) == ("succeeded", 100)
    assert [event.kind for event in Event.objects.filter(run=run)] == ["plan-done"]


def test_a_worker_that_is_held_up_while_it_claims_does_not_go_on_as_the_one_that_followed(run: Run):
    """Stopped between two of its queries, it must not read the other's attempt and think it its own."""
    for late in every_place(fewest=1):
        Run.objects.filter(pk=run.pk).update(state=Run.State.QUEUED, attempt=0, lease_until=None)
        claims: list[Work | None] = []

        def take_over(claims: list[Work | None] = claims) -> None:
            Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
            claims.append(claim(run.pk))

        with late.lets(take_over):
            claims.append(claim(run.pk))
        assert sum(holds(work) for work in claims if work) == 1, late.place


def holds(work: Work) -> bool:
    try:
        work.hold()
    except ClaimLost:
        return False
    return True


def test_a_lease_is_renewed_with_every_step(run: Run):
    work = taken(run)
    Run.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
    work.advance("plan", 50, Sentence("Planning"), lease_s=100)
    assert claim(run.pk) is None


def test_an_expected_end_is_told_with_its_place(run: Run):
    with taken(run):
        raise FormatError(Sentence("no {what}", {"what": "vInfo"}), sheet="vInfo" * 99, row=7, column="VM")
    run.refresh_from_db()
    assert (run.state, run.error_row, run.error_column) == ("failed", 7, "VM")
    assert run.error_sheet == ("vInfo" * 99)[:255]
    assert run.error == {"template": "no {what}", "values": {"what": "vInfo"}}
    event = Event.objects.get(run=run)
    assert (event.kind, event.level, event.template) == ("plan-failed", "error", "no {what}")


def test_what_cannot_succeed_says_why(run: Run):
    with taken(run):
        raise WorkFailed(Sentence("The estate was deleted meanwhile"))
    run.refresh_from_db()
    assert run.error["template"] == "The estate was deleted meanwhile"


def test_a_fault_of_ours_ends_the_run_and_is_not_swallowed(run: Run):
    with pytest.raises(ZeroDivisionError), taken(run):
        raise ZeroDivisionError
    run.refresh_from_db()
    assert run.state == "failed"
    assert "fault of its own" in run.error["template"]

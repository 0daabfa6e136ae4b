"""Old events go, oldest first; what stays has no gap, and the newest number is never given again."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from cluster import feed, forgetting
from cluster.models import Event
from planner.sentence import Sentence

pytestmark = pytest.mark.django_db


def say(count: int, days_ago: int) -> list[int]:
    seqs = [feed.publish("test", Sentence("event {n}", {"n": n})) for n in range(count)]
    Event.objects.filter(seq__in=seqs).update(at=timezone.now() - timedelta(days=days_ago))
    return seqs


def test_what_is_older_goes_and_the_rest_has_no_gap(monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 3)
    Event.objects.all().delete()
    old, young = say(8, days_ago=40), say(4, days_ago=3)
    assert forgetting.forget_old_events(30) == len(old)
    assert [event.seq for event in feed.after(0)] == young
    assert forgetting.forget_old_events(30) == 0


def test_the_newest_stays_so_that_its_number_is_known(settings):
    settings.EVENTS_KEEP_DAYS = 1
    seqs = say(3, days_ago=40)
    call_command("prune", stdout=StringIO())
    assert list(Event.objects.values_list("seq", flat=True)) == seqs[-1:]
    assert feed.publish("test", Sentence("next")) == seqs[-1] + 1


def test_nothing_goes_where_all_is_kept():
    seqs = say(3, days_ago=4000)
    said = StringIO()
    call_command("prune", "--events-older-than", "0", stdout=said)
    assert "0 events" in said.getvalue()
    assert Event.objects.filter(seq__in=seqs, at__lt=timezone.now()).count() == 3

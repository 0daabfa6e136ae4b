"""Programs that are told of events: who, of what, and the telling itself, in order and at least once.

The cursor of a webhook moves when its address took an event, or did not want it: so a crash between taking
and noting tells an event twice (its `Headroom-Delivery` is the same), and none is ever left out.

A webhook is told what its maker may see in the feed at the moment of the delivery, and no more: who keeps
connections reads no estate by that alone.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone
from msgspec import Struct

from cluster import audit, feed, frames, posting, services, signing, vault
from cluster.audit import Deed
from cluster.exports.version import version
from cluster.models import Event, Webhook
from cluster.reach import Sight, sight_of
from cluster.roles import NONE, Action, may, read_rights
from cluster.work import lease
from operations.drivers.addresses import networks_of
from planner.sentence import Sentence

SECRET_BYTES: Final = 32
LEASE_S: Final = 60
IN_ONE_TURN: Final = 200  # deliveries, then another webhook has its turn
PAUSE_S: Final = 10
PAUSE_MAX_S: Final = 3600
DAYS_OF_FAILURE: Final = 3


class Told(Struct, frozen=True, kw_only=True):
    """The body of a delivery."""

    webhook: str
    event: frames.EventView


def add(asker: User, name: str, url: str, kinds: list[str]) -> tuple[Webhook, str]:
    """Keep a webhook that is told of what happens from now on, and give its secret, this once.

    Raises:
        PermissionDenied: none of the asker's roles opens this.
        services.Refused: an address that the site does not allow.  Nothing is stored.
    """
    _allow(asker)
    _check(url)
    with transaction.atomic():
        hook = Webhook.objects.create(
            name=name, url=url, kinds=kinds, cursor=feed.last_seq(), created_by=asker
        )
        secret = _renew(hook)
        audit.note(Deed.WEBHOOK_ADDED, asker.get_username(), name, after=seen(hook))
    return hook, secret


def remove(asker: User, hook: Webhook) -> None:
    """Forget it and its secret."""
    _allow(asker)
    with transaction.atomic():
        audit.note(Deed.WEBHOOK_REMOVED, asker.get_username(), hook.name, before=seen(hook))
        hook.delete()


def turn(asker: User, hook: Webhook, *, on: bool) -> None:
    """Switch it off, or on again: then it is told all that it missed."""
    _allow(asker)
    if on:
        _check(hook.url)
    with transaction.atomic():
        before = seen(hook)
        hook.is_on = on
        Webhook.objects.filter(pk=hook.pk).update(
            is_on=on, attempts=0, failing_since=None, next_at=Now(), error=None
        )
        audit.note(Deed.WEBHOOK_CHANGED, asker.get_username(), hook.name, before, seen(hook))


def renew_secret(asker: User, hook: Webhook) -> str:
    """Make a new secret and give it, this once; the old one signs nothing any more."""
    _allow(asker)
    with transaction.atomic():
        secret = _renew(hook)
        audit.note(Deed.WEBHOOK_CHANGED, asker.get_username(), hook.name, after={"secret": "new"})
    return secret


def due() -> list[int]:
    """The webhooks that have something to hear, or to try again."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    found = Webhook.objects.filter(free, is_on=True, next_at__lte=Now(), cursor__lt=feed.last_seq())
    return list(found.values_list("pk", flat=True))


def tell(hook_id: int) -> int:
    """Tell one webhook what it has not heard, in order, and say how much it took; one worker at a time."""
    holder = uuid4()
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    same = Webhook.objects.filter(free, pk=hook_id, is_on=True, next_at__lte=Now())
    if not same.update(holder=holder, lease_until=lease(LEASE_S)):
        return 0
    hook, taken = Webhook.objects.get(pk=hook_id), 0
    events = feed.after(hook.cursor)
    for event in events:
        if not wants(hook, event.kind) or not _may_hear(hook, event):
            continue
        try:
            _deliver(hook, event)
        except posting.Undelivered as error:
            _failed(hook, holder, event, error.message)
            return taken
        except vault.Sealed as error:
            _failed(hook, holder, event, Sentence("{reason}", {"reason": str(error)}))
            return taken
        taken += 1
        if not _heard(hook, holder, event.seq) or taken >= IN_ONE_TURN:
            break
    else:
        if events:
            _held(hook, holder).filter(cursor__lt=events[-1].seq).update(cursor=events[-1].seq)
    _held(hook, holder).update(lease_until=None)
    return taken


def wants(hook: Webhook, kind: str) -> bool:
    """Whether it asked for this kind of event; who asked for none in particular hears all."""
    return not hook.kinds or any(
        kind == part or kind.startswith(f"{part}-") or kind.endswith(f"-{part}") for part in hook.kinds
    )


def sights(hooks: Iterable[Webhook]) -> dict[int, Sight]:
    """What each webhook may be told now: what its maker may see, while he manages connections still.

    `Webhook.created_by` is NULL where the maker's account is gone: then nothing.
    """
    asked = list(hooks)
    makers = User.objects.filter(pk__in={hook.created_by_id for hook in asked if hook.created_by_id})
    rights = read_rights(makers)
    held = {pk: found if found.opens(Action.CONNECT) else NONE for pk, found in rights.items()}
    return {
        hook.pk: sight_of(hook.created_by_id or 0, held.get(hook.created_by_id or 0, NONE)) for hook in asked
    }


def seen(hook: Webhook) -> dict[str, Any]:
    """What anybody may see of it: all but the secret."""
    return {"url": hook.url, "kinds": hook.kinds, "is_on": hook.is_on}


def _may_hear(hook: Webhook, event: Event) -> bool:
    asked_by: int | None = getattr(event, "asked_by", None)
    return sights([hook])[hook.pk].sees(event.estate_id, asked_by)


def _deliver(hook: Webhook, event: Event) -> None:
    body = msgspec.json.encode(Told(webhook=hook.name, event=frames.view(event, "en")))
    secret = vault.unseal(hook.secret, place_of(hook))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Headroom/{version()}",
        "Headroom-Delivery": f"{hook.pk}-{event.seq}",
        signing.HEADER: signing.signature(secret, int(time.time()), body),
    }
    posting.post(
        hook.url,
        body,
        headers,
        networks_of(settings.WEBHOOK_NETWORKS),
        ca_file=settings.WEBHOOK_CA_FILE or None,
    )


def _held(hook: Webhook, holder: UUID) -> QuerySet[Webhook]:
    return Webhook.objects.filter(pk=hook.pk, holder=holder)


def _heard(hook: Webhook, holder: UUID, seq: int) -> bool:
    """Note that it took an event; False: somebody else tells it now, or it was switched off."""
    changed = _held(hook, holder).update(
        cursor=seq,
        attempts=0,
        failing_since=None,
        error=None,
        delivered_at=Now(),
        lease_until=lease(LEASE_S),
    )
    hook.attempts = 0
    return bool(changed) and Webhook.objects.filter(pk=hook.pk, is_on=True).exists()


def _failed(hook: Webhook, holder: UUID, event: Event, why: Sentence) -> None:
    """Try again after a pause that grows; after days, switch it off and say so."""
    pause_s = min(PAUSE_S * 2 ** min(hook.attempts, 16), PAUSE_MAX_S)
    with transaction.atomic():
        held = _held(hook, holder).update(
            attempts=F("attempts") + 1,
            cursor=Greatest(F("cursor"), Value(event.seq - 1, BigIntegerField())),
            failing_since=Coalesce("failing_since", Now()),
            next_at=lease(pause_s),
            lease_until=None,
            error=msgspec.to_builtins(why),
        )
        if held:
            _give_up(hook)


def _give_up(hook: Webhook) -> None:
    too_long = timezone.now() - timedelta(days=DAYS_OF_FAILURE)
    if not Webhook.objects.filter(pk=hook.pk, is_on=True, failing_since__lt=too_long).update(is_on=False):
        return
    hook.is_on = False
    audit.note(Deed.WEBHOOK_OFF, "", hook.name, after=seen(hook))
    said = Sentence(
        "The webhook {name} was switched off: it took nothing for {days} days",
        {"name": hook.name, "days": DAYS_OF_FAILURE},
    )
    feed.publish("webhook-off", said, subject=hook.name, level=Event.Level.ERROR)


def _renew(hook: Webhook) -> str:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    Webhook.objects.filter(pk=hook.pk).update(secret=vault.seal(secret, place_of(hook)))
    return secret


def place_of(hook: Webhook) -> str:
    """Where its secret is sealed for."""
    return f"webhook/{hook.pk}"


def _check(url: str) -> None:
    why = posting.refused_url(url, networks_of(settings.WEBHOOK_NETWORKS))
    if why is not None:
        raise services.Refused(why)


def _allow(asker: User) -> None:
    if not may(asker, Action.CONNECT):
        raise PermissionDenied

"""What a user may see: the one layer that every page, answer of the API, socket and command asks.

    visible_to(user, Model) -> QuerySet     rows of any model, none of them foreign
    whole_estates(user)     -> QuerySet     estates of which everything may be seen
    covers(user, action, estate, cluster)   whether a role that opens the action reaches so far
    Sight                                   the same for events that are read by a hub, without a query

A model that is not listed here is visible to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar, cast

from django.contrib.auth.models import User
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from msgspec import Struct

from cluster.models import (
    ApiToken,
    AuditEntry,
    Cluster,
    Connection,
    CostStudy,
    Datastore,
    Estate,
    Event,
    Host,
    Letter,
    MigrationFit,
    Mount,
    Observation,
    Operation,
    Plan,
    PortGroup,
    PriceBook,
    Project,
    Redundancy,
    Rehearsal,
    Run,
    SavedView,
    Schedule,
    Service,
    SignIn,
    Study,
    Variant,
    VirtualMachine,
    Webhook,
    WiringEdit,
    Wish,
)
from cluster.roles import Action, Extent, Rights, Whoever, rights_of

Row = TypeVar("Row", bound=Model)
NOTHING: Final = Q(pk__in=[])
ANYTHING: Final = Q()


def visible_to(user: Whoever, model: type[Row]) -> QuerySet[Row]:
    """The rows of a model that a user may see."""
    sight = _SIGHTS.get(cast("type[Model]", model))
    rows = cast("QuerySet[Row]", model._default_manager.all())
    return rows.filter(sight(user, rights_of(user)) if sight else NOTHING)


def whole_estates(user: Whoever) -> QuerySet[Estate]:
    """The estates of which this user may see everything."""
    return Estate.objects.filter(_whole(rights_of(user), "pk"))


def covers(user: Whoever, action: Action, estate: Estate | None, cluster: str = "") -> bool:
    """Whether a role that opens the action reaches a whole estate, or one cluster of it.

    No estate yet: an import that makes one, or a scenario; that asks for a role without any scope.
    """
    extents = rights_of(user).extents(action)
    if estate is None:
        return any(extent.is_whole and extent.estate is None for extent in extents)
    here = [extent for extent in extents if extent.estate in (None, estate.pk)]
    return any(_holds(extent, cluster) for extent in here)


def reaches_an_estate(user: Whoever, action: Action) -> bool:
    """Whether a role that opens the action reaches at least one estate whole, be it there already or not."""
    return any(extent.is_whole for extent in rights_of(user).extents(action))


def sees_everything(user: Whoever) -> bool:
    """Whether no scope narrows what this user may see of estates."""
    return covers(user, Action.READ, None)


class Sight(Struct, frozen=True, kw_only=True):
    """What of the feed somebody may see."""

    person: int
    everything: bool = False
    estates: frozenset[int] = frozenset()
    reads: bool = False

    def sees(self, estate: int | None, asked_by: int | None) -> bool:
        """Whether an event of this estate, of a run that this person asked for, may be told."""
        return self.reads and (self.everything or estate in self.estates or asked_by == self.person)


def sight_of(person: int, rights: Rights) -> Sight:
    """The sight that rights give, without a look at the rows."""
    extents = [extent for extent in rights.extents(Action.READ) if extent.is_whole]
    return Sight(
        person=person,
        everything=any(extent.estate is None for extent in extents),
        estates=frozenset(extent.estate for extent in extents if extent.estate is not None),
        reads=rights.opens(Action.READ),
    )


# -- extents as conditions


def _holds(extent: Extent, cluster: str) -> bool:
    return extent.is_whole or bool(
        cluster and extent.cluster == cluster and not extent.site and not extent.owner
    )


def _any(conditions: Iterable[Q]) -> Q:
    """One of several conditions; none of them: nothing."""
    found = list(conditions)
    if any(condition == ANYTHING for condition in found):
        return ANYTHING
    whole = NOTHING
    for condition in found:
        whole |= condition
    return whole


def _in(extent: Extent, field: str) -> Q:
    return ANYTHING if extent.estate is None else Q(**{field: extent.estate})


def _whole(rights: Rights, field: str) -> Q:
    """Rows that hang on an estate which is seen whole."""
    return _any(_in(extent, field) for extent in rights.extents(Action.READ) if extent.is_whole)


def _vm(extent: Extent) -> Q:
    found = _in(extent, "estate_id")
    if extent.cluster:
        found &= Q(cluster_name=extent.cluster) | Q(cluster_name=None, host__cluster_name=extent.cluster)
    if extent.site:
        found &= Q(host__site_name=extent.site)
    if extent.owner:
        found &= Q(owner__iexact=extent.owner)
    return found


def _host(extent: Extent) -> Q:
    """The hosts below; an owner's VMs show none of them."""
    if extent.owner:
        return NOTHING
    found = _in(extent, "estate_id")
    if extent.cluster:
        found &= Q(cluster_name=extent.cluster)
    if extent.site:
        found &= Q(site_name=extent.site)
    return found


def _cluster(extent: Extent) -> Q:
    """Clusters that are seen whole."""
    if extent.owner or extent.site:
        return NOTHING
    named = Q(name=extent.cluster) if extent.cluster else ANYTHING
    return _in(extent, "estate_id") & named


def _datastore(extent: Extent) -> Q:
    if extent.is_whole:
        return _in(extent, "estate_id")
    if extent.owner:
        return NOTHING
    hosts = Host.objects.filter(_host(extent), estate=OuterRef(OuterRef("estate")))
    return Q(Exists(Mount.objects.filter(datastore=OuterRef("pk"), host_name__in=hosts.values("name"))))


def _part(extent: Extent) -> Q:
    """Estates of which this shows at least something."""
    if extent.is_whole:
        return _in(extent, "pk")
    shown = Q(pk__in=VirtualMachine.objects.filter(_vm(extent)).values("estate_id"))
    if not extent.owner:
        shown |= Q(pk__in=Host.objects.filter(_host(extent)).values("estate_id"))
    return shown


def _by(condition: Callable[[Extent], Q]) -> Callable[[Whoever, Rights], Q]:
    return lambda _user, rights: _any(condition(extent) for extent in rights.extents(Action.READ))


def _of_whole(user: Whoever, rights: Rights) -> Q:
    return _whole(rights, "estate_id")


# -- what each model shows


def _letters(user: Whoever, rights: Rights) -> Q:
    return _whole(rights, "schedule__estate_id")


def _runs(user: Whoever, rights: Rights, before: str = "") -> Q:
    """Runs of estates seen whole, one's own, and, where nothing is narrowed, those of no estate yet."""
    if not rights.opens(Action.READ):
        return NOTHING
    whole = _whole(rights, f"{before}estate_id")
    return whole if whole == ANYTHING else whole | Q(**{f"{before}requested_by": user.pk})


def _events(user: Whoever, rights: Rights) -> Q:
    if not rights.opens(Action.READ):
        return NOTHING
    whole = _whole(rights, "estate_id")
    return whole if whole == ANYTHING else whole | Q(run__requested_by=user.pk)


def _studies(user: Whoever, rights: Rights) -> Q:
    """Studies of estates seen whole, and of clusters seen whole."""
    return _any(
        _in(extent, "estate_id") & (Q(cluster_name=extent.cluster) if extent.cluster else ANYTHING)
        for extent in rights.extents(Action.READ)
        if not extent.site and not extent.owner
    )


def _operations(user: Whoever, rights: Rights) -> Q:
    """Operations on estates seen whole, and those one asked for: an estate bears its connection's name."""
    if not rights.opens(Action.READ):
        return NOTHING
    whole = _whole(rights, "pk")
    if whole == ANYTHING:
        return ANYTHING
    names = Estate.objects.filter(whole).values("name")
    return Q(connection__name__in=names) | Q(requested_by=user.pk)


def _fits(_: Whoever, rights: Rights) -> Q:
    """Of estates seen whole, which bear their connections' names."""
    whole = _whole(rights, "pk")
    if whole in (ANYTHING, NOTHING):
        return whole
    return Q(connection__name__in=Estate.objects.filter(whole).values("name"))


def _connections(user: Whoever, rights: Rights) -> Q:
    """All for those who manage them; for those who operate, those of estates seen whole."""
    if rights.opens(Action.CONNECT):
        return ANYTHING
    extents = [*rights.extents(Action.OPERATE), *rights.extents(Action.REFRESH)]
    whole = _any(_in(extent, "pk") for extent in extents if extent.is_whole)
    return whole if whole in (ANYTHING, NOTHING) else Q(name__in=Estate.objects.filter(whole).values("name"))


def _wishes(user: Whoever, rights: Rights) -> Q:
    """One's own, and those about VMs of estates seen whole."""
    if not rights.opens(Action.READ):
        return NOTHING
    whole = _whole(rights, "estate_id")
    return whole if whole == ANYTHING else whole | Q(asked_by=user.pk)


def _if(action: Action) -> Callable[[Whoever, Rights], Q]:
    return lambda _user, rights: ANYTHING if rights.opens(action) else NOTHING


def _own(user: Whoever, rights: Rights) -> Q:
    return Q(person=user.pk)


def _books(user: Whoever, rights: Rights) -> Q:
    """Prices belong to no estate: whoever sees whole estates reads them, an owner of VMs does not."""
    return ANYTHING if any(e.is_whole for e in rights.extents(Action.READ)) else NOTHING


def _rehearsals(user: Whoever, rights: Rights) -> Q:
    return _runs(user, rights, "run__")


_SIGHTS: Final[Mapping[type[Model], Callable[[Whoever, Rights], Q]]] = {
    Estate: _by(_part),
    Cluster: _by(_cluster),
    Host: _by(_host),
    VirtualMachine: _by(_vm),
    Datastore: _by(_datastore),
    Run: _runs,
    Event: _events,
    Rehearsal: _rehearsals,
    Plan: _of_whole,
    Redundancy: _of_whole,
    CostStudy: _of_whole,
    Observation: _of_whole,
    PortGroup: _of_whole,
    Project: _of_whole,
    Variant: _of_whole,
    WiringEdit: _of_whole,
    Schedule: _of_whole,
    Service: _of_whole,
    Letter: _letters,
    Webhook: _if(Action.CONNECT),
    Study: _studies,
    Operation: _operations,
    Connection: _connections,
    MigrationFit: _fits,
    Wish: _wishes,
    PriceBook: _books,
    AuditEntry: _if(Action.AUDIT),
    User: _if(Action.PEOPLE),
    ApiToken: _own,
    SignIn: _own,
    SavedView: _own,
}

"""The pages about redundancy of the printed report: what is single, drawings, the minutes a year by cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from msgspec import Struct
from msgspec.structs import replace

from cluster.component_names import KIND_NAMES, service_of, word_of
from cluster.exports.drawing import svg_of
from cluster.exports.paper import DrawnCluster, Pill, RedundancyPage
from cluster.shown import number
from cluster.wording import say
from planner.availability.answer import PROTECTIONS, ClusterAvailability, ServiceAvailability
from planner.estate import Estate
from planner.paths.picture import Picture
from planner.paths.report import Cut, PathsReport
from planner.service import Service

POINTS_PRINTED: Final = 25
RULES_PRINTED: Final = 25
CUTS_PRINTED: Final = 3
SAVINGS_PRINTED: Final = 5
SERVICES_PRINTED: Final = 25


class Redundant(Struct, frozen=True, kw_only=True):
    """What an examination found, and the drawing of each cluster; `is_old`: the estate changed since."""

    paths: PathsReport
    availability: tuple[ClusterAvailability, ...]
    pictures: Mapping[str, Picture]
    is_old: bool
    services: tuple[ServiceAvailability, ...] = ()


def cluster_part(wired: Estate, cluster: str) -> Estate:
    """The part of an estate that is drawn with one of its clusters."""
    hosts = wired.hosts_of(cluster)
    names = {host.name for host in hosts}
    off = {vm.name for vm in wired.vms if not vm.is_load and vm.cluster != cluster}
    return replace(
        wired,
        services=_in_part(wired.services, {vm.name for vm in wired.vms_of(cluster)}, off),
        hosts=hosts,
        vms=wired.vms_of(cluster),
        datastores=tuple(store for store in wired.datastores if not store.hosts or names & set(store.hosts)),
        paths=tuple(path for path in wired.paths if path.host in names),
    )


def _in_part(services: Iterable[Service], inside: Set[str], off: Set[str]) -> tuple[Service, ...]:
    """The services of which a VM is inside; VMs elsewhere go on, but for those that are off."""
    return tuple(
        replace(
            service,
            tiers=tuple(
                replace(tier, vms=tuple(name for name in tier.vms if name not in off))
                for tier in service.tiers
            ),
        )
        for service in services
        if not inside.isdisjoint(service.vms)
    )


def page(found: Redundant) -> RedundancyPage:
    """The pages, every sentence in the active language."""
    points, lint = found.paths.single_points, found.paths.lint
    return RedundancyPage(
        title=_("Redundancy and availability"),
        verdict=_verdict(found.paths),
        old=_("The estate or its designs have changed since this was examined.") if found.is_old else "",
        points_title=_("Single points of failure"),
        points_head=(_("Component"), _("Kind"), _("Cuts off")),
        points=tuple(
            (point.component, str(KIND_NAMES.get(point.kind, point.kind)), _cuts(point.cuts))
            for point in points[:POINTS_PRINTED]
        ),
        points_more=_more(len(points) - POINTS_PRINTED),
        rules_title=_("Rules broken"),
        rules_head=(_("What was found"), _("What mends it")),
        rules=tuple((say(one.message), say(one.remedy)) for one in lint[:RULES_PRINTED]),
        rules_more=_more(len(lint) - RULES_PRINTED),
        services_title=_("Services"),
        services_head=(_("Service"), _("VMs needed"), _("Minutes a year"), _("What costs most")),
        services=tuple(map(_service, found.services[:SERVICES_PRINTED])),
        services_more=_more(len(found.services) - SERVICES_PRINTED),
        clusters=tuple(_cluster(one, found.pictures.get(one.name)) for one in found.availability),
    )


def _verdict(paths: PathsReport) -> Pill:
    count, unknown = len(paths.single_points), len(paths.unknown)
    proofs = " · ".join(
        f"{number(paths.count(proof))} {word}"
        for proof, word in (
            ("redundant", _("proven redundant")),
            ("single", _("proven single")),
            ("unknown", _("unknown")),
            ("lost", _("lost")),
        )
    )
    if count:
        word = ngettext("%(points)s single point of failure", "%(points)s single points of failure", count)
        return Pill(name="", state="bad", word=word % {"points": number(count)}, sentence=proofs)
    if unknown:
        word = _("No single point of failure is proven, but not everything is known")
        return Pill(name="", state="unknown", word=word, sentence=proofs)
    return Pill(name="", state="ok", word=_("No single point of failure"), sentence=proofs)


def _cuts(cuts: Iterable[Cut]) -> str:
    colon = _(":")
    told = [f"{word_of(cut.kind)} {cut.name}{colon} {service_of(cut.service)}" for cut in cuts]
    more = _more(len(told) - CUTS_PRINTED)
    return "; ".join([*told[:CUTS_PRINTED], *([more] if more else [])])


def _more(count: int) -> str:
    return _("and {count} more").format(count=number(count)) if count > 0 else ""


def _cluster(one: ClusterAvailability, picture: Picture | None) -> DrawnCluster:
    unknown = _("not known")
    rows = [
        (say(cause.label), *(_minutes(cause.minutes[kind], unknown) for kind in PROTECTIONS))
        for cause in one.causes
    ]
    whole = _("At least") if one.unknown else _("Together")
    rows.append((whole, *(_minutes(one.minutes[kind], unknown) for kind in PROTECTIONS)))
    rows.append(
        (_("Availability"), *(f"{number(100 * one.availability(kind), 5)} %" for kind in PROTECTIONS))
    )
    return DrawnCluster(
        name=one.name,
        head=(_("Minutes a year of an average VM"), _("No protection"), "HA", "FT"),
        rows=tuple(rows),
        savings_title=_("What one component costs"),
        savings=tuple(
            (
                f"{KIND_NAMES.get(saving.kind, saving.kind)} {saving.component}",
                _("{minutes} minutes a year").format(minutes=number(saving.minutes, 3)),
            )
            for saving in one.savings[:SAVINGS_PRINTED]
        ),
        drawing=_drawing(picture) if picture and picture.nodes else "",
        drawing_alt=_("Topology of {name}, in layers from the clients to the datastores").format(
            name=one.name
        ),
    )


def _service(one: ServiceAvailability) -> tuple[str, str, str, str]:
    tiers = "; ".join(
        _("{tier}: {needed} of {vms}").format(
            tier=tier.name, needed="?" if tier.needed is None else number(tier.needed), vms=number(tier.vms)
        )
        for tier in one.tiers
    )
    causes = "; ".join(
        f"{word_of(cause.kind)} {cause.component}".strip() + f" {number(cause.minutes, 2)}"
        for cause in one.causes[:CUTS_PRINTED]
    )
    return (one.name, tiers, service_minutes(one), causes)


def service_minutes(one: ServiceAvailability) -> str:
    """The minutes a year of a service in words, as far as they are known."""
    if one.least is None:
        return _("down: too few of its VMs are powered on")
    if one.minutes is not None:
        told = number(one.minutes, 2)
        return _("at least {minutes}").format(minutes=told) if one.unknown else told
    most = _("down") if one.most is None else number(one.most, 2)
    return _("{least} to {most}: nobody told how many VMs it needs").format(
        least=number(one.least, 2), most=most
    )


def _drawing(picture: Picture) -> str:
    layers = (
        _("clients"),
        _("switches"),
        _("hosts"),
        _("fabrics"),
        _("controllers"),
        _("datastores"),
        _("power"),
    )
    kinds = {key: str(word) for key, word in KIND_NAMES.items()}
    return svg_of(picture, layers, kinds, _("nobody told"), _("{count} hosts"))


def _minutes(minutes: float | None, unknown: str) -> str:
    return unknown if minutes is None else number(minutes, 3)

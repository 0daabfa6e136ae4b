"""Services as documents and exports tell them: refused by name and place, or read from columns of one's own.

An export has no word for a service.  Where the customer's own columns of its VMs are called Service (or
Application), Tier and Needed, they are taken: `shop`, `web`, `1`.  A VM may belong to several, `shop; crm`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from planner.estate import VM, Estate
from planner.formats.findings import Findings
from planner.quality import FormatError
from planner.sentence import Sentence
from planner.service import Service, Tier, contradictions

SERVICE_COLUMNS: Final = ("service", "application", "business service")
TIER_COLUMNS: Final = ("tier", "service tier", "application tier")
NEEDED_COLUMNS: Final = ("needed", "service needed", "vms needed")
NO_TIER: Final = "VMs"  # of a service whose VMs are told and whose tiers are not
_BETWEEN: Final = ";"


def refuse_contradictions(services: Sequence[Service]) -> None:
    """Refuse a tier that contradicts itself, and two of one name.

    Raises:
        FormatError: with its place, `services[0].tiers[1].needed`.
    """
    for index, service in enumerate(services):
        first: dict[str, int] = {}
        for place, tier in enumerate(service.tiers):
            where = f"services[{index}].tiers[{place}]"
            if first.setdefault(tier.name, place) != place:
                raise FormatError(
                    Sentence(
                        "{name} stands twice, first at {first}",
                        {"name": tier.name, "first": f"services[{index}].tiers[{first[tier.name]}]"},
                    ),
                    sheet=f"{where}.name",
                )
            if found := contradictions(tier):
                field, why = found
                raise FormatError(why, sheet=f"{where}.{field}")


def note_strange_vms(estate: Estate, findings: Findings) -> None:
    """Warn of VMs that a service names and nobody lists; they stay, for a tier without them is another."""
    known = {vm.name for vm in estate.vms}
    for index, service in enumerate(estate.services):
        for place, tier in enumerate(service.tiers):
            for name in tier.vms:
                if name not in known:
                    findings.warn(
                        "The service {service} names {vm}, which is not listed under vms; it is kept as it "
                        "stands, first at {path}",
                        sheet="services",
                        column="vms",
                        service=service.name,
                        vm=name,
                        path=f"services[{index}].tiers[{place}].vms",
                    )


def services_of(vms: Iterable[VM], findings: Findings, sheet: str = "vInfo") -> tuple[Service, ...]:
    """Read the services that the VMs' own columns tell; none where no column is called so."""
    named: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    needed: dict[tuple[str, str], set[str]] = defaultdict(set)
    for vm in vms:
        own = {" ".join(name.split()).casefold(): value for name, value in vm.attributes.items()}
        tier = _one_of(own, TIER_COLUMNS).replace("/", "-")[:255] or NO_TIER
        for name in _names(_one_of(own, SERVICE_COLUMNS)) if not vm.template else ():
            named[name][tier].append(vm.name)
            if told := _one_of(own, NEEDED_COLUMNS):
                needed[name, tier].add(told)
    return tuple(
        Service(
            name=name,
            tiers=tuple(
                Tier(
                    name=tier,
                    vms=tuple(sorted(set(members))),
                    needed=_needed(name, tier, members, needed, findings, sheet),
                )
                for tier, members in sorted(tiers.items())
            ),
        )
        for name, tiers in sorted(named.items())
    )


def _one_of(own: Mapping[str, str], columns: Sequence[str]) -> str:
    return next((own[name].strip() for name in columns if own.get(name, "").strip()), "")


def _names(text: str) -> list[str]:
    return [name.strip()[:255] for name in text.split(_BETWEEN) if name.strip()]


def _needed(
    service: str,
    tier: str,
    members: Sequence[str],
    needed: Mapping[tuple[str, str], set[str]],
    findings: Findings,
    sheet: str,
) -> int | None:
    """Give how many are needed where all rows say the same whole number; else it stays not known."""
    told = needed.get((service, tier), set())
    if not told:
        return None
    word = min(told)
    if len(told) == 1 and word.isascii() and word.isdecimal() and 1 <= int(word[:9]) <= len(set(members)):
        return int(word)
    findings.warn(
        "How many VMs of {tier} the service {service} needs is not told by {found}; it stays not known",
        sheet=sheet,
        column="Needed",
        service=service,
        tier=tier,
        found=", ".join(sorted(told)[:3]),
    )
    return None

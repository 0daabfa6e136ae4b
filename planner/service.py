"""A service: several VMs that together give one thing, tier by tier.

shop -- web  1 of web1, web2        the service works while each of its tiers does,
     -- db   1 of db1               a tier while so many of its VMs serve as are needed
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from planner.row import Name, Row
from planner.sentence import Sentence


class Tier(Row, frozen=True, kw_only=True):
    """VMs that do the same work.  `needed`: how many of them have to serve; None: nobody told."""

    name: Name
    vms: Annotated[tuple[Name, ...], Meta(min_length=1)]
    needed: Annotated[int, Meta(ge=1, le=100_000)] | None = None

    @property
    def least(self) -> int:
        """The fewest VMs that may have to serve: of one VM that one."""
        return self.needed or 1

    @property
    def most(self) -> int:
        """The most VMs that may have to serve: all where nobody told."""
        return self.needed or len(self.vms)

    @property
    def is_known(self) -> bool:
        """Whether it is known how many have to serve; of one VM there is no question."""
        return self.least == self.most


class Service(Row, frozen=True, kw_only=True):
    """What users see as one thing; it works while all its tiers do."""

    name: Name
    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]

    @property
    def vms(self) -> tuple[str, ...]:
        """Every VM of it once, in the order of the tiers."""
        return tuple(dict.fromkeys(name for tier in self.tiers for name in tier.vms))


def contradictions(tier: Tier) -> tuple[str, Sentence] | None:
    """Give the field of a tier that contradicts itself, and why; None: nothing does.

    >>> field, why = contradictions(Tier(name="web", vms=("web1", "web2"), needed=3))
    >>> field, str(why)
    ('needed', '3 VMs are needed and the tier has 2')
    """
    if "/" in tier.name:
        return "name", Sentence("The name of a tier takes no /")
    if len(set(tier.vms)) < len(tier.vms):
        twice = next(name for place, name in enumerate(tier.vms) if name in tier.vms[:place])
        return "vms", Sentence("{vm} stands twice in the tier", {"vm": twice})
    if tier.most > len(tier.vms):
        why = "{needed} VMs are needed and the tier has {vms}"
        return "needed", Sentence(why, {"needed": tier.most, "vms": len(tier.vms)})
    return None

"""The headings of the printed report, in the active language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cluster.exports.paper import Words


def words() -> Words:
    """Every word that the template itself would have to say."""
    return Words(
        kind=_("Capacity report"),
        made=_("Made on"),
        executive=_("In one page"),
        contents=_("Contents"),
        technical=_("Technical annex"),
        estate=_("The estate as a whole"),
        origin=_("What this report was made of"),
        origin_says=_(
            "The same file, revision, parameters and version give the same numbers, whoever makes the report."
        ),
        asked=_("What was asked"),
        clusters=_("Clusters"),
        cost_of_all=_("Cost of all clusters as one order"),
        page=_("Page {page} of {pages}"),
        need=_("Need against capacity"),
        used=_("Needed by VMs"),
        reserved=_("Reserved for failure"),
        free=_("Free"),
        over=_("Missing"),
        today=_("Today"),
        planned=_("Planned"),
        admission=_("vSphere HA admission control"),
        migrations=_("Migrations, foretold and measured"),
        cost=_("Cost"),
        cost_line=_("Line"),
        no_cost=_("No cost is known."),
        refusals=_("Why it does not fit"),
        assumptions=_("Assumptions"),
        quality=_("How well the import could be read"),
        sheet=_("Sheet"),
        rows_read=_("Rows read"),
        rows_skipped=_("Rows skipped"),
        columns_unknown=_("Unknown columns"),
        warnings=_("Warnings"),
        no_warnings=_("Nothing odd was met."),
        place=_("Place"),
        message=_("What was found"),
        count=_("Times"),
        annex=_("Annex: every number, opened"),
        annex_says=_(
            "Each number with the rule that made it, what went into the rule, and whose rule it is."
        ),
        figure=_("Number"),
        value=_("Value"),
        formula=_("Formula"),
    )

"""A cost answer in one sentence, and whether to trust it."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext
from msgspec import Struct

from cluster.bills import level_name, name_of, whole
from cluster.shown import money, number
from cluster.wording import say
from planner.cost.answer import Answer


class Headline(Struct, frozen=True, kw_only=True):
    """The answer in a sentence, and whether to trust it."""

    state: str
    word: str
    text: str
    more: str


def headline_of(answer: Answer) -> Headline | None:
    """Name the cheapest by what is known, and say how much is not."""
    if not answer.designs:
        return Headline(
            state="bad",
            word=gettext("not priced"),
            text=gettext("Nothing could be priced."),
            more=" ".join(say(remark) for remark in answer.remarks),
        )
    if answer.levels:
        return _protection(answer)
    able = [shown for shown in answer.designs if not shown.short] or answer.designs
    best = min(able, key=lambda shown: shown.bill.total.present.middle)
    years = answer.asked.assumptions.years
    text = gettext("{design}: {amount} over {years} years, by what is known.").format(
        design=name_of(best), amount=whole(best.bill.total.amount, answer), years=number(years)
    )
    unknown = len(answer.missing)
    if not unknown:
        share = number(best.outcome.cheapest_percent, 1)
        more = gettext("It is the cheapest in {share} % of the draws, every open number varied at once.")
        return Headline(
            state="ok", word=gettext("all prices known"), text=text, more=more.format(share=share)
        )
    more = ngettext(
        "{count} card of the price book is empty: fill it before you compare.",
        "{count} cards of the price book are empty: fill them before you compare.",
        unknown,
    ).format(count=number(unknown))
    return Headline(state="unknown", word=gettext("prices are missing"), text=text, more=more)


def _protection(answer: Answer) -> Headline:
    """What protection costs more than none: that none is the cheapest is no news."""
    by_key = {level.key: level.bill.total.amount.middle for level in answer.levels if level.bill}
    none, currency = by_key.get("none"), answer.asked.assumptions.currency
    known = [(key, by_key[key] - none) for key in ("ha", "ft") if none is not None and key in by_key]
    said = [
        gettext("{level} costs {amount} more").format(
            level=level_name(key), amount=money(str(round(amount)), currency)
        )
        for key, amount in known
    ]
    unknown = len(answer.missing)
    return Headline(
        state="unknown" if unknown or len(said) < 2 else "ok",
        word=gettext("prices are missing") if unknown else gettext("all prices known"),
        text=", ".join(said) + "." if said else gettext("Nothing could be priced."),
        more=gettext("Over {years} years, against no protection, by what is known.").format(
            years=number(answer.asked.assumptions.years)
        ),
    )

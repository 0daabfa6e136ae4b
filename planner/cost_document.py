"""A cost answer as JSON: the study's lines and totals, break-even, intervals, levels and variants."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from planner.compared import Comparison
from planner.cost.answer import Answer, Shown
from planner.cost.book import Prices
from planner.cost.document import Document, study_document
from planner.cost.levels import Level
from planner.cost.study import Study
from planner.cost.tipping import sentences
from planner.sentence import Sentence


def answer_document(answer: Answer, study: Study, prices: Prices, found: Comparison | None) -> Document:
    """Give all that `study_document` gives, and what was compared and doubted on top."""
    document = study_document(study, prices)
    document["break_even"] = [_break_even(shown) for shown in answer.designs if shown.verdict is not None]
    document["uncertainty"] = [_uncertainty(shown) for shown in answer.designs]
    document["owners"] = [
        {"design": shown.bill.design.key, "owner": row.owner, "vms": row.vms, "amount": str(row.amount.low),
         "amount_high": str(row.amount.high)}
        for shown in answer.designs
        for row in shown.owners
    ]  # fmt: skip
    document["levels"] = [_level(level) for level in answer.levels]
    document["variants"] = [] if found is None else _variants(found)
    return document


def _break_even(shown: Shown) -> Document:
    found, payback = shown.verdict, shown.outcome.payback
    assert found is not None  # noqa: S101  asked by the caller
    return {
        "design": shown.bill.design.key,
        "pays_from_month": found.month,
        "discounts": [{"card": tip.card, "percent": str(tip.percent)} for tip in found.tips],
        "sentences": _texts(sentences(found, shown.bill.design.name)),
        "waits_for": list(found.waits),
        "compared_waits_for": list(found.waited),
        "draws": None if payback is None else msgspec.to_builtins(payback),
    }


def _uncertainty(shown: Shown) -> Document:
    interval = shown.outcome.total
    return {
        "design": shown.bill.design.key,
        "low": str(interval.low),
        "median": str(interval.median),
        "high": str(interval.high),
        "draws": interval.draws,
        "cheapest_percent": shown.outcome.cheapest_percent,
        "tornado": [
            {
                "card": one.card,
                "low": f"{one.span.low:f}",
                "high": f"{one.span.high:f}",
                "at_low": str(one.at_low),
                "at_high": str(one.at_high),
            }
            for one in shown.swings
        ],
        "hosts_last_year_grown": list(shown.hosts_grown),
    }


def _level(level: Level) -> Document:
    return {
        "level": level.key,
        "amount": None if level.bill is None else str(level.bill.total.amount.middle),
        "minutes_vm_year_hosts": None if level.minutes_vm_year is None else float(level.minutes_vm_year),
        "minutes_vm_year": level.all_minutes,
        "unknown_causes": list(level.unknown),
        "nines": level.nines,
        "cost_per_nine": None if level.cost_per_nine is None else f"{level.cost_per_nine:.2f}",
    }


def _variants(found: Comparison) -> list[Document]:
    return [
        {
            "variant": row.name,
            "changes": _texts(row.changes),
            "vms": row.vms,
            "hosts": row.hosts,
            "hosts_to_buy": row.hosts_to_buy,
            "hosts_needed": row.hosts_needed,
            "failures_asked": row.failures_asked,
            "failures_tolerated": row.failures_tolerated,
            "vcpu_per_core": row.vcpu_per_core,
            "vms_per_host": row.vms_per_host,
            "outage_minutes_vm_year": row.outage_minutes,
            "outage_causes_unknown": list(row.outage_unknown),
            "kwh": None if row.kwh is None else float(round(row.kwh, 1)),
            "carbon_kg": None if row.carbon_kg is None else float(round(row.carbon_kg, 1)),
        }
        for row in found.rows
    ]


def _texts(said: Sequence[Sentence]) -> list[str]:
    return [str(one) for one in said]

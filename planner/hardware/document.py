"""The front as a JSON document."""

from __future__ import annotations

from planner.cost.document import Document, lines_document
from planner.hardware.option import Option
from planner.hardware.search import Found


def found_document(found: Found, currency: str) -> Document:
    """Give the front, the cheapest first with its lines and reasons, and how it was searched."""
    return {
        "currency": currency,
        "front": [_option(option) for option in found.front],
        "best_of_platforms": [_option(option) for option in found.best],
        "grid": [_option(option) for option in found.grid],
        "cheapest": None if not found.front else _option(found.front[0]),
        "why": [str(reason) for reason in found.why],
        "lines": [] if found.bill is None else lines_document(found.bill),
        "models": found.models,
        "models_impossible": list(found.impossible),
        "models_placed_closely": found.placed_closely,
        "missing": [] if found.bill is None else list(found.bill.missing),
        "remarks": [str(remark) for remark in found.remarks],
    }


def _option(option: Option) -> Document:
    machine = option.machine
    return {
        "platform": option.platform,
        "edition": option.design.choice.edition.key if option.design.choice.edition else None,
        "model": machine.name,
        "sockets": machine.sockets,
        "cores": machine.cores,
        "memory_gib": machine.memory_mib // 1024,
        "hosts": option.hosts,
        "hosts_for_load": option.hosts_for_load,
        "hosts_kept": option.kept_hosts,
        "hosts_spare": option.extra,
        "spare_percent": option.spare_percent,
        "cost": str(option.cost),
        "carbon_kg": None if option.carbon_kg is None else float(round(option.carbon_kg, 1)),
        "outage_minutes_vm_year": None if option.outage_minutes is None else round(option.outage_minutes, 4),
        "proven": option.proven,
    }

"""Small parts of pages: icons, states, numbers with units, the meter; every one is words as well as ink."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django import template
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django_tables2 import Table

from cluster import component_names, labels, shown
from cluster.models import Event
from cluster.visible import visible
from cluster.wording import say as say_sentence
from planner.figure import Figure
from planner.report import ClusterPlan, Need
from planner.sentence import Sentence, Value
from planner.units import MIB_PER_GIB, MIB_PER_TIB

register = template.Library()

BYTES_PER_KIB: Final = 1024
NOT_RECORDED: Final = "–"
_LEVEL_ICON: Final[Mapping[str, str]] = {
    Event.Level.INFO: "info",
    Event.Level.SUCCESS: "ok",
    Event.Level.WARNING: "warn",
    Event.Level.ERROR: "bad",
}
_MESSAGE_STATE: Final[Mapping[str, str]] = {"success": "ok", "warning": "warn", "error": "bad"}

_PRODUCTS: Final[Mapping[str, str]] = {"vsphere": "vSphere", "proxmox": "Proxmox VE"}
_MOMENTS: Final = {"minute": "DATETIME_FORMAT", "second": "Y-m-d H:i:s", "time": "H:i:s"}

register.filter("label", labels.label_of)
register.filter("figure_help", labels.help_of)
register.filter("resource", labels.resource_of)
register.filter("unit", labels.unit_of)
register.filter("card_unit", labels.card_unit_of)
register.filter("measured", labels.measured_of)
register.filter("planner_name", labels.name_of)
register.filter("wiring_word", component_names.word_of)
register.filter("service_word", component_names.service_of)
register.filter("say", say_sentence)
register.filter("visible", visible)


@register.simple_tag
def sprite(name: str) -> str:
    """Where an icon of our sprite is."""
    return f"{static('img/icons.svg')}#{name}"


@register.simple_tag
def icon(name: str, words: str = "") -> SafeString:
    """An icon; with words it is an image of that name, without it is decoration."""
    if words:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', words, sprite(name)
        )
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"/></svg>', sprite(name)
    )


@register.simple_tag
def state(name: str, words: str, *, soft: bool = False) -> SafeString:
    """A state: its colour, its sign and its word together."""
    return format_html(
        '<span class="state state-{}{}">{}{}</span>', name, " state-soft" if soft else "", icon(name), words
    )


@register.simple_tag
def term(label_id: str, words: str = "") -> SafeString:
    """A word of ours with what it means, on hover, on focus and for whoever listens."""
    meaning = labels.help_of(label_id)
    said = words or labels.label_of(label_id)
    if not meaning:
        return format_html("{}", said)
    return format_html(
        '<span class="term" tabindex="0">{}<span class="meaning" role="note">{}</span></span>', said, meaning
    )


@register.simple_tag
def meter(used: float | None, reserved: float | None, capacity: float | None, unit: str = "") -> SafeString:
    """The bar of the product: used | reserved for failure | free.

    The bar is as wide as the larger of capacity and need, so that an overfull one shows by how much.
    Nothing is drawn where need or capacity is not known: an empty bar would read as room.
    """
    if used is None or not capacity:
        return format_html('<span class="muted">{}</span>', gettext("unknown"))
    reserved = max(reserved or 0.0, 0.0)
    whole = max(capacity, used + reserved)
    free = capacity - used - reserved
    words = gettext("{used} used, {reserved} reserved for failure, {free} free, of {capacity}").format(
        used=number(used, 1),
        reserved=number(reserved, 1),
        free=number(max(free, 0), 1),
        capacity=shown.quantity(capacity, unit, 1),
    )
    kept = min(reserved, max(capacity - used, 0))
    return format_html(
        '<svg class="meter" role="img" aria-label="{0}"><title>{0}</title>{1}{2}{3}{4}</svg>',
        words,
        _bar("room", 0, capacity, whole),
        _bar("used", 0, min(used, capacity), whole),
        _bar("reserved", min(used, capacity), kept, whole),
        _bar("over", capacity, -free, whole),
    )


@register.simple_tag
def hosts_meter(plan: ClusterPlan) -> SafeString:
    """The meter of a cluster in hosts: those for the load, those kept for failures, the free ones."""
    if plan.hosts_for_load is None:
        return meter(None, None, None)
    return meter(plan.hosts_for_load, plan.failures_asked, plan.hosts_today, "hosts")


@register.simple_tag
def need_meter(plan: ClusterPlan, need: Need) -> SafeString:
    """The meter of one resource; a lost host takes CPU and memory with it, and no shared storage."""
    kept = 0.0
    if need.resource != "storage" and need.capacity_per_host:
        kept = plan.failures_asked * need.capacity_per_host
    return meter(need.demand, kept, need.capacity_today, need.unit)


def _bar(kind: str, start: float, width: float, whole: float) -> SafeString:
    if width <= 0:
        return SafeString("")
    return format_html(
        '<rect class="meter-{}" x="{}%" width="{}%" height="100%"/>',
        kind,
        f"{100 * start / whole:.3f}",
        f"{100 * width / whole:.3f}",
    )


@register.filter
def number(value: Value, decimals: int = 2) -> str:
    """A number in the reader's locale: at most so many decimals, none that say nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return shown.value(value)
    return shown.number(value, decimals)


@register.simple_tag
def headline(value: Value, unit: str = "") -> str:
    """A value for the eye: in the unit that gives few digits."""
    return shown.headline(value, unit)


@register.filter
def answer(figure: Figure) -> str:
    """What a figure answers."""
    return shown.answer(figure)


@register.simple_tag
def quantity(value: Value, unit: str = "") -> str:
    """A value with its unit, to the last digit that means something."""
    return shown.quantity(value, unit)


@register.filter
def tenths(seconds: float) -> float:
    """A duration as it is told: whole, or with one decimal."""
    return round(seconds, 1)


@register.filter
def product(name: str) -> str:
    """The product whose timings and rules a rehearsal takes."""
    return _PRODUCTS.get(name, name)


@register.filter
def runs_out_first(resource: str) -> str:
    """What runs out first, as a sentence."""
    return gettext("{resource} runs out first.").format(resource=labels.resource_of(resource))


@register.simple_tag
def ratio(part: float, whole: float) -> str:
    """So many of the one for each of the other; never by nothing."""
    return shown.number(part / whole, 2) if whole else NOT_RECORDED


@register.filter
def percent(value: float | None) -> str:
    """A percentage, one decimal."""
    return NOT_RECORDED if value is None else shown.quantity(value, "%", 1)


@register.filter
def size(mib: float | None) -> str:
    """An amount of MiB in the largest of MiB, GiB and TiB that leaves a whole number before the point."""
    if mib is None:
        return NOT_RECORDED
    if mib >= MIB_PER_TIB:
        return shown.quantity(mib / MIB_PER_TIB, "TiB", 2)
    if mib >= MIB_PER_GIB:
        return shown.quantity(mib / MIB_PER_GIB, "GiB", 1)
    return shown.quantity(mib, "MiB", 0)


@register.filter
def file_size(size_bytes: int) -> str:
    """The size of a file; whole KiB while it is small."""
    kib = size_bytes / BYTES_PER_KIB
    return shown.quantity(kib, "KiB", 0) if kib < BYTES_PER_KIB else size(kib / BYTES_PER_KIB)


@register.filter
def known(value: Value) -> str:
    """A recorded value, or a dash where nothing was recorded: not known is never zero."""
    return NOT_RECORDED if value is None or value == "" else number(value)


@register.simple_tag
def moment(at: datetime | None, precision: str = "minute") -> SafeString:
    """Day and time in UTC; the page's script turns them into the reader's own zone."""
    if at is None:
        return SafeString(NOT_RECORDED)
    words = date_format(at, _MOMENTS[precision])
    return format_html(
        '<time datetime="{}" data-local="{}" title="{} UTC">{}</time>',
        at.isoformat(timespec="seconds"),
        precision,
        words,
        words,
    )


@register.filter
def say_event(event: Event) -> str:
    """What an event tells, in the reader's language."""
    return say_sentence(Sentence(event.template, event.values))


@register.filter
def level_icon(level: str) -> str:
    """The sign of an event's level."""
    return _LEVEL_ICON.get(level, "info")


@register.filter
def message_state(tag: str) -> str:
    """The state that stands for a message's level."""
    return _MESSAGE_STATE.get(tag, "info")


@register.filter
def split(names: str) -> list[str]:
    """The words of a string, for a loop in a template."""
    return names.split()


@register.filter
def pages_shown(table: Table) -> list[int | str]:
    """The pages of a table that its foot names, with a mark where some are left out."""
    return list(table.paginator.get_elided_page_range(table.page.number, on_each_side=1, on_ends=1))


@register.filter
def said(words: str) -> str:
    """A word of a list that is kept in English, in the reader's language."""
    return gettext(str(words))


@register.filter
def as_json(content: object) -> str:
    """A recorded value as it was recorded."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


@register.simple_tag
def before_after(before: float, after: float) -> SafeString:
    """A bar of what there will be, with a line where it is today; both in percent."""
    whole = max(100.0, before, after)
    words = gettext("{before} before, {after} after").format(before=percent(before), after=percent(after))
    line = f"{100 * before / whole:.3f}"
    return format_html(
        '<svg class="before-after" role="img" aria-label="{0}"><title>{0}</title>{1}'
        '<rect class="after" width="{2}%" height="100%"/>'
        '<line class="before" x1="{3}%" x2="{3}%" y1="-15%" y2="115%"/></svg>',
        words,
        format_html('<rect class="room" width="{}%" height="100%"/>', f"{10000 / whole:.3f}"),
        f"{100 * after / whole:.3f}",
        line,
    )

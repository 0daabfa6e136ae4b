"""What stands on the pages of the printed report: finished text and shares, nothing left to decide.

    Paper --+-- Words                         the headings, in the report's language
            +-- Executive -- Answered, HostBar   the first page: five questions of a buyer
            +-- Pill, Tile, CostTable         the estate as a whole
            +-- ClusterPage -- Bar, Line      one page a cluster
            +-- RedundancyPage -- DrawnCluster   what is single, drawings, minutes a year
            +-- QualityPage                   what the import read, skipped and assumed
            +-- Opened                        the annex: every number with its formula

The Typst template draws it and adds no word of its own.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cluster.exports.origin import Made

State = Literal["ok", "bad", "unknown"]


class Pill(Struct, frozen=True, kw_only=True):
    """What is said about a cluster before any number."""

    name: str
    state: State
    word: str
    sentence: str


class Tile(Struct, frozen=True, kw_only=True):
    """A number to be seen from afar."""

    label: str
    value: str
    note: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A label and what stands beside it."""

    label: str
    value: str


class Bar(Struct, frozen=True, kw_only=True):
    """Used, reserved for failure and free, as shares of the whole width; `capacity` is where hosts end."""

    label: str
    hosts: str
    known: bool
    used: float
    reserved: float
    over: float
    capacity: float
    words: tuple[Line, ...]


class Answered(Struct, frozen=True, kw_only=True):
    """A question of a buyer with its answer, and what stands under it."""

    question: str
    state: State
    answer: str
    details: tuple[str, ...] = ()


class HostBar(Struct, frozen=True, kw_only=True):
    """Hosts of one cluster, as shares of the longest bar of all."""

    name: str
    today: float
    needed: float
    state: State
    words: str


class Executive(Struct, frozen=True, kw_only=True):
    """The first page."""

    answers: tuple[Answered, ...]
    chart_title: str
    bars: tuple[HostBar, ...]
    bars_more: str
    there: str
    needed: str


class CostRow(Struct, frozen=True, kw_only=True):
    """One line of cost, today and as planned."""

    label: str
    today: str
    today_quantity: str
    planned: str
    planned_quantity: str
    is_total: bool


class CostGroup(Struct, frozen=True, kw_only=True):
    """What is paid once, or every year."""

    label: str
    rows: tuple[CostRow, ...]


class ClusterPage(Struct, frozen=True, kw_only=True):
    """One cluster."""

    pill: Pill
    tiles: tuple[Tile, ...]
    bars: tuple[Bar, ...]
    today: tuple[Line, ...]
    planned: tuple[Line, ...]
    admission: tuple[Line, ...]
    migrations: tuple[Line, ...]
    cost: tuple[CostGroup, ...]
    refusals: tuple[str, ...]
    assumptions: tuple[str, ...]


class SheetRow(Struct, frozen=True, kw_only=True):
    """One sheet of the import."""

    name: str
    read: str
    skipped: str
    unknown: str


class WarningRow(Struct, frozen=True, kw_only=True):
    """Something odd that the import met."""

    place: str
    message: str
    count: str


class QualityPage(Struct, frozen=True, kw_only=True):
    """How well the import could be read."""

    summary: str
    sheets: tuple[SheetRow, ...]
    warnings: tuple[WarningRow, ...]
    more: str
    assumptions: tuple[str, ...]


class Opened(Struct, frozen=True, kw_only=True):
    """A number, opened."""

    label: str
    help: str
    value: str
    formula: str
    inputs: str
    assumptions: tuple[str, ...]
    source: str


class OpenedGroup(Struct, frozen=True, kw_only=True):
    """The opened numbers of one cluster, or of the whole order."""

    name: str
    figures: tuple[Opened, ...]


class DrawnCluster(Struct, frozen=True, kw_only=True):
    """One cluster: its minutes a year by cause, what costs most, and its drawing as SVG, or none."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    savings_title: str
    savings: tuple[tuple[str, str], ...]
    drawing: str
    drawing_alt: str


class RedundancyPage(Struct, frozen=True, kw_only=True):
    """What is single, which rules are broken, how available the VMs are."""

    title: str
    verdict: Pill
    old: str
    points_title: str
    points_head: tuple[str, ...]
    points: tuple[tuple[str, str, str], ...]
    points_more: str
    rules_title: str
    rules_head: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    rules_more: str
    services_title: str
    services_head: tuple[str, ...]
    services: tuple[tuple[str, str, str, str], ...]
    services_more: str
    clusters: tuple[DrawnCluster, ...]


class Words(Struct, frozen=True, kw_only=True):
    """The headings."""

    kind: str
    made: str
    executive: str
    contents: str
    technical: str
    estate: str
    origin: str
    origin_says: str
    asked: str
    clusters: str
    cost_of_all: str
    page: str
    need: str
    used: str
    reserved: str
    free: str
    over: str
    today: str
    planned: str
    admission: str
    migrations: str
    cost: str
    cost_line: str
    no_cost: str
    refusals: str
    assumptions: str
    quality: str
    sheet: str
    rows_read: str
    rows_skipped: str
    columns_unknown: str
    warnings: str
    no_warnings: str
    place: str
    message: str
    count: str
    annex: str
    annex_says: str
    figure: str
    value: str
    formula: str


class Paper(Struct, frozen=True, kw_only=True):
    """The whole report.  `made_on` is the day as year, month, day: the PDF's own date."""

    title: str
    language: str
    made_at: str
    made_on: tuple[int, int, int]
    version: str
    verdict: Pill
    totals: tuple[Tile, ...]
    asked: tuple[Line, ...]
    pills: tuple[Pill, ...]
    cost: tuple[CostGroup, ...]
    assumptions: tuple[str, ...]
    clusters: tuple[ClusterPage, ...]
    quality: QualityPage
    annex: tuple[OpenedGroup, ...]
    words: Words
    executive: Executive
    origin: tuple[Made, ...]
    redundancy: RedundancyPage | None = None

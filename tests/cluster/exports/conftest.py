"""Plan reports to export: the demo, one whose every text is hostile, one far too large, one empty."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.utils import translation

from planner.estate import Estate
from planner.formats.document import read_document
from planner.quality import Finding, Quality, Reading, SheetRead
from planner.report import Parameters, PlanReport, plan
from planner.sentence import Sentence
from tests.cluster.exports.texts import HOSTILE, ROOT

FIGURES = 3  # enough to be sure that all are treated alike; reading a PDF back is slow


@pytest.fixture(autouse=True)
def _english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def demo_report() -> PlanReport:
    return plan(read_document((ROOT / "scenarios/demo/estate.json").read_bytes()), Parameters())


@pytest.fixture(scope="session")
def hostile_report(demo_report: PlanReport) -> PlanReport:
    """The demo with a cluster for every hostile text, which also stands wherever a text may stand."""
    model = demo_report.clusters[0]
    clusters = tuple(
        msgspec.structs.replace(
            model,
            name=text,
            figures=model.figures[:FIGURES],
            cost=model.cost[:FIGURES],
            template=msgspec.structs.replace(model.template, name=text),
            host_model=msgspec.structs.replace(model.host_model, name=text),
            assumptions=(Sentence("{vm} is assumed", {"vm": text}),),
            refusals=(Sentence("{vm} finds no host", {"vm": text}),),
        )
        for text in HOSTILE
    )
    quality = Quality(
        format="rvtools",
        sheets=tuple(SheetRead(name=text, rows_read=1) for text in HOSTILE),
        warnings=tuple(
            Finding(sheet=text, row=2, column=text, message=Sentence("found {found}", {"found": text}))
            for text in HOSTILE
        ),
    )
    return msgspec.structs.replace(demo_report, clusters=clusters, quality=quality)


@pytest.fixture(scope="session")
def large_report(demo_report: PlanReport) -> PlanReport:
    """40 clusters, 1,000 warnings, a cluster that refuses 5,000 VMs."""
    clusters = [
        msgspec.structs.replace(
            cluster,
            name=f"{cluster.name} {number:02d}",
            figures=cluster.figures[:FIGURES],
            cost=cluster.cost[:FIGURES],
        )
        for number in range(10)
        for cluster in demo_report.clusters
    ]
    refusals = tuple(Sentence("{vm} finds no host", {"vm": f"vm-{number}"}) for number in range(5000))
    clusters[0] = msgspec.structs.replace(clusters[0], refusals=refusals)
    warnings = tuple(
        Finding(
            sheet="vInfo", row=number, column="Memory", message=Sentence("{found} is odd", {"found": number})
        )
        for number in range(2, 1002)
    )
    quality = Quality(format="rvtools", warnings=warnings)
    return msgspec.structs.replace(demo_report, clusters=tuple(clusters), quality=quality)


@pytest.fixture(scope="session")
def empty_report() -> PlanReport:
    return plan(Reading(estate=Estate(), quality=Quality(format="headroom-estate/1")), Parameters())

"""The cost report that somebody takes to a buyer: three host models, three platforms, N+1, five years."""

from __future__ import annotations

import html
import re
from io import BytesIO

import numpy as np
import pypdf
import pytest
from msgspec.structs import replace

from cluster.exports import bill
from planner.cost.answer import Asked, answer
from planner.cost.assumptions import Assumptions
from planner.cost.book import layered
from planner.cost.public import public_book
from planner.formats.reader import read
from planner.hardware.models import read_models
from planner.hardware.search import search
from tests.cluster.exports.texts import MADE_AT
from tests.planner.cost.books import quotes
from tests.planner.small import WORKSHOP, needs_workshop

PLATFORMS = ("vmware", "hyperv", "proxmox")
MODELS = b"""name,sockets,cores,cpu_mhz,memory_gib,price,currency,source
Small 2x16,2,32,2900,512,11000,EUR,example quote
Medium 2x32,2,64,2600,1024,19000,EUR,example quote
Large 2x64,2,128,2400,2048,36000,EUR,example quote
"""


@needs_workshop
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_workshop_estate_becomes_a_report_for_a_buyer(language: str) -> None:
    estate = read(WORKSHOP, WORKSHOP.name).estate
    models = read_models(MODELS, "models.csv")
    prices = layered([public_book(), quotes(), models.quotes], None)
    asked = Asked(assumptions=Assumptions(years=5, failures=1), platforms=PLATFORMS)
    found = search(estate, models.machines, asked.question, asked.assumptions, prices)
    best = found.front[0].machine
    chosen = replace(
        asked,
        host_model=best.name,
        host_cores=best.cores,
        host_sockets=best.sockets,
        host_memory_gib=best.memory_mib // 1024,
    )
    answered = answer(estate, chosen, prices, np.random.default_rng(1))
    made = bill.render(answered, title="Workshop", language=language, made_at=MADE_AT, found=found)
    text = "".join("".join(page.extract_text().split()) for page in pypdf.PdfReader(BytesIO(made)).pages)
    same = next(one for one in answered.designs if one.bill.design.key == found.front[0].platform)
    assert round(same.bill.total.amount.low) == round(found.front[0].cost)
    assert [shown.bill.design.key for shown in answered.designs] == ["today", *PLATFORMS]
    for option in found.front:
        assert option.machine.name.replace(" ", "") in text
    if language == "en":
        assert f"{round(found.front[0].cost):,}" in text
        for shown in answered.designs:
            assert f"{round(shown.bill.total.amount.low):,}" in text
    else:
        assert "Côteàcôte" in text
    again = bill.render(answered, title="Workshop", language=language, made_at=MADE_AT, found=found)
    assert made == again
    page = bill.render(
        answered, title="<b>Workshop", language=language, made_at=MADE_AT, found=found, ending="html"
    ).decode()
    assert "<b>Workshop" not in page
    assert "&lt;b&gt;Workshop" in page
    shown = "".join(html.unescape(re.sub(r"<[^>]+>|\s", "", page)).split())
    figures = set(re.findall(r"\d[\d,.]{6,}", text))  # what is printed stands on the page
    assert len(figures) > 20
    assert [one for one in figures if one not in shown] == []

"""The printed report: opened again with another library, its text compared with the report it was made of."""

from __future__ import annotations

import re
from io import BytesIO

import msgspec
import pypdf
import pytest

from cluster.exports import pdf
from cluster.exports.pages import SENTENCES_PRINTED, WARNINGS_PRINTED
from planner.report import PlanReport
from tests.cluster.exports.texts import HOSTILE, MADE_AT, TITLE


def printed(report: PlanReport, *, title: str = TITLE, language: str = "en") -> pypdf.PdfReader:
    return pypdf.PdfReader(BytesIO(pdf.render(report, title=title, language=language, made_at=MADE_AT)))


def text_of(reader: pypdf.PdfReader) -> str:
    """All text; spaces and line breaks are the page's and not the text's."""
    return joined("\n".join(page.extract_text() for page in reader.pages))


def joined(text: str) -> str:
    return re.sub(r"[\s\u200b\u00a0\u202f]+", "", text)


def test_every_whole_number_and_amount_of_the_report_is_printed_to_the_last_digit(
    demo_report: PlanReport,
) -> None:
    text = text_of(printed(demo_report))
    for cluster in demo_report.clusters:
        for line in cluster.cost:
            if line.low is not None:
                assert f"{float(line.low):,.2f}" in text
        for figure in cluster.figures:
            if isinstance(figure.value, int | float) and not isinstance(figure.value, bool):
                rounded = f"{round(figure.value, 6):,.6f}".rstrip("0").rstrip(".")
                assert rounded in text, figure.id


def test_numbers_stand_in_the_readers_notation(demo_report: PlanReport) -> None:
    text = text_of(printed(demo_report, language="fr"))
    assert "1,916667" in text  # DMZ: 92 vCPUs on 48 cores
    assert "1.916667" not in text
    assert "2mars2026" in text


def test_the_document_says_what_it_is(demo_report: PlanReport) -> None:
    reader = printed(demo_report, language="fr")
    root = reader.trailer["/Root"]
    assert reader.metadata is not None
    assert reader.metadata.title is not None
    assert reader.metadata.title.startswith(TITLE)
    assert reader.metadata.author == "Headroom"
    assert (reader.metadata.creation_date.year, reader.metadata.creation_date.day) == (2026, 2)
    assert root["/Lang"].startswith("fr")
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert "pdfuaid:part" in root["/Metadata"].get_data().decode()
    width, height = reader.pages[0].mediabox.width, reader.pages[0].mediabox.height
    assert (round(width), round(height)) == (595, 842)  # A4


def test_each_cluster_begins_a_page_that_carries_its_verdict(demo_report: PlanReport) -> None:
    pages = [joined(page.extract_text()) for page in printed(demo_report).pages]
    assert joined("1 of 4 clusters does not carry its load with 1 host lost: Production.") in pages[0]
    for cluster in demo_report.clusters:
        starts = [
            page
            for page in pages
            if page.removeprefix(joined(f"{TITLE}Capacity report")).startswith(cluster.name)
        ]
        assert len(starts) == 1, cluster.name
        assert ("Doesnotfit" in starts[0]) is (cluster.fits is False)


def test_the_same_report_gives_the_same_bytes(demo_report: PlanReport) -> None:
    first, second = (pdf.render(demo_report, title=TITLE, language="en", made_at=MADE_AT) for _ in range(2))
    assert first == second


def test_hostile_names_are_printed_as_text(hostile_report: PlanReport) -> None:
    text = text_of(printed(hostile_report, title=HOSTILE[1]))
    assert "<script>alert(1)</script>" in text
    assert joined('#read("/etc/passwd")#panic()$x^2$*bold*@ref') in text
    assert "root:" not in text
    assert joined("invoice[U+202E]xcod.exe") in text
    assert "[U+0000]=1" in text
    assert "[U+6570]" in text  # no font of the report has Chinese: told by number rather than left out
    assert "[U+D800]" in text
    assert "x" * 255 in text
    assert joined("{count} {0} %s %(name)s") in text


def test_a_long_name_breaks_rather_than_leave_the_page(hostile_report: PlanReport) -> None:
    """A name of 255 letters stands on several lines, and copied out of the PDF it is the name."""
    cover, *_ = printed(hostile_report, title="x" * 255).pages
    lines = [line for line in cover.extract_text().splitlines() if set(line.strip()) == {"x"}]
    assert len(lines) > 2
    assert max(map(len, lines)) < 100
    assert "".join(line.strip() for line in lines) == "x" * 255
    assert "\u200b" not in cover.extract_text()


def test_what_is_too_much_for_paper_is_counted_instead(large_report: PlanReport) -> None:
    reader = printed(large_report)
    text = text_of(reader)
    assert len(reader.pages) < 200
    assert text.count("isodd") == WARNINGS_PRINTED
    assert joined("940 more are in the XLSX and JSON exports.") in text
    assert text.count("findsnohost") >= SENTENCES_PRINTED
    assert joined("4,995 more are in the XLSX and JSON exports.") in text
    for cluster in large_report.clusters:
        assert joined(cluster.name) in text


def test_an_estate_without_anything_still_makes_a_report(empty_report: PlanReport) -> None:
    assert joined("No cluster could be judged.") in text_of(printed(empty_report))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_not_known_is_said_and_not_drawn(demo_report: PlanReport, language: str) -> None:
    known = demo_report.clusters[0]
    needs = tuple(
        msgspec.structs.replace(need, capacity_today=None, capacity_per_host=None, hosts=None)
        for need in known.needs
    )
    unknown = msgspec.structs.replace(
        known,
        name="Nameless",
        hosts_today=0,
        hosts_for_load=None,
        hosts_needed=None,
        lower_bound=None,
        binding=None,
        fits=None,
        failures_tolerated_today=None,
        free_vms=None,
        template=None,
        host_model=None,
        needs=needs,
        cost=(),
    )
    report = msgspec.structs.replace(demo_report, clusters=(unknown,), cost=())
    text = text_of(printed(report, language=language))
    assert "Nameless" in text
    assert "nan" not in text.lower().replace("maintenance", "")

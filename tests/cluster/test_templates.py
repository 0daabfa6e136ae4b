"""What the templates lean on exists: pages that links name, formula pages, parts that are included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import get_resolver

from cluster import manual

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ALL = sorted(TEMPLATES.rglob("*.html"))
LINK = re.compile(r"""\{%\s*url\s+['"]([^'"]+)['"]""")
FORMULA_PAGE = re.compile(r"""\{%\s*url\s+'help_page'\s+'formulas'\s+'([^']+)'""")
PART = re.compile(r"""\{%\s*(?:include|extends)\s+['"]([^'"]+)['"]""")


def short(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


@pytest.mark.parametrize("template", ALL, ids=short)
def test_every_page_that_a_template_links_to_exists(template: Path) -> None:
    known = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    known |= {name for name in LINK.findall(template.read_text()) if ":" in name}  # other people's pages
    assert set(LINK.findall(template.read_text())) <= known


@pytest.mark.parametrize("template", ALL, ids=short)
def test_every_formula_and_every_part_that_a_template_names_exists(template: Path) -> None:
    assert set(FORMULA_PAGE.findall(template.read_text())) <= set(manual.names("formulas"))
    assert [part for part in PART.findall(template.read_text()) if not (TEMPLATES / part).exists()] == []

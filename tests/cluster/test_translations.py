"""The French catalogue: whole, true to its placeholders, heard on every page."""

from __future__ import annotations

import ast
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from cluster import labels, snapshot
from cluster.management.commands.makemessages import PLANNER_KEYWORDS
from cluster.models import Estate, Host, Plan, VirtualMachine
from cluster.wording import say
from operations.scenario import read_scenario, rehearse
from operations.summary import summarize
from planner.formats.document import read_document
from planner.formats.reader import read
from planner.report import Parameters, plan
from planner.sentence import Sentence
from tests.cluster.people import administrator
from tests.workbooks import host, small, vm, workbook

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "scenarios/demo/estate.json"
FRENCH = ROOT / "locale/fr/LC_MESSAGES/django.po"
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop", *PLANNER_KEYWORDS)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
}
TOLD_APART = 20  # shorter texts may stand in a page for another reason, such as a name


def messages() -> dict[str | tuple[str, ...], tuple[str, ...]]:
    with FRENCH.open("rb") as source:
        return {
            message.id if isinstance(message.id, str) else tuple(message.id): _forms(message.string)
            for message in read_po(source)
            if message.id
        }


def _forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def sources() -> Iterator[tuple[Path, str]]:
    """Every file that holds words for the reader, templates as the Python that Django makes of them."""
    for folder in ("cluster", "operations", "planner"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield path, templatize(path.read_text(encoding="utf-8"), origin=str(path))


def words_of(text: str) -> Iterator[str]:
    """The English words that a file asks the translation of; of a plural, the singular."""
    python = io.BytesIO(text.encode())
    for _line, _function, found, _comments in extract_python(python, KEYWORDS, (), {"encoding": "utf-8"}):
        word = next(iter(found)) if isinstance(found, tuple) else found
        if word:
            yield word


def words_in_f_strings(python: str) -> Iterator[str]:
    """Those that the extraction passes over up to Python 3.11."""
    for text in (node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.JoinedStr)):
        for call in (node for node in ast.walk(text) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
                yield from (word.value for word in call.args[:1] if isinstance(word, ast.Constant))


def placeholders(text: str) -> list[str]:
    named = [field for _literal, field, _spec, _how in Formatter().parse(text.replace("%%", "")) if field]
    return sorted({*named, *re.findall(r"%\(\w+\)[sd]", text)})


def sentences_in(thing: object) -> Iterator[Sentence]:
    """Every sentence of a structure, however deep."""
    if isinstance(thing, Sentence):
        yield thing
    elif isinstance(thing, msgspec.Struct):
        for name in thing.__struct_fields__:
            yield from sentences_in(getattr(thing, name))
    elif isinstance(thing, tuple | list):
        for part in thing:
            yield from sentences_in(part)
    elif isinstance(thing, dict):
        yield from sentences_in(list(thing.values()))


def test_every_word_of_the_code_and_of_the_templates_has_a_french_one() -> None:
    known = {english if isinstance(english, str) else english[0] for english in messages()}
    unknown = {
        word: path.relative_to(ROOT)
        for path, text in sources()
        for word in [*words_of(text), *(words_in_f_strings(text) if path.suffix == ".py" else ())]
        if word not in known
    }
    assert not unknown, "run: ./manage.py makemessages -l fr"


def test_no_french_text_is_empty_or_a_guess() -> None:
    assert [english for english, french in messages().items() if not all(french)] == []
    assert "fuzzy" not in FRENCH.read_text(encoding="utf-8")


def test_a_french_text_names_the_values_that_the_english_one_names() -> None:
    for english, french in messages().items():
        wanted = [placeholders(text) for text in _forms(english)]
        assert [placeholders(text) for text in french] == wanted, english


def test_french_signs_do_not_stand_alone_at_the_start_of_a_line() -> None:
    torn = re.compile(r" [:;?!»]| %(?!\()|« |'")
    assert [text for french in messages().values() for text in french if torn.search(text)] == []


def test_all_that_the_plan_of_the_example_says_is_french() -> None:
    report = plan(read_document(DEMO.read_bytes()), Parameters())
    said = {sentence.template for sentence in sentences_in(report) if sentence.template}
    assert len(said) > 30
    assert said <= set(messages())


def test_all_that_the_reading_of_a_bad_workbook_says_is_french() -> None:
    rows = [vm(), vm("web01"), vm(Memory="lots"), vm("web02", CPUs=1.5, Template="perhaps", Host="esx9")]
    reading = read(workbook(small(vInfo=rows, vHost=[host(), host(), host("esx2", **{"# Cores": ""})])))
    said = {sentence.template for sentence in sentences_in(reading.quality)}
    assert len(said) > 5
    assert said <= set(messages())


def test_all_that_the_scenarios_tell_is_french_and_rounded() -> None:
    known = messages()
    played = [rehearse(read_scenario(file.parent)) for file in sorted((ROOT / "scenarios").glob("*/script"))]
    said = [event.text for one in played for event in one.events]
    said += [
        sentence for one in played for sentence in sentences_in(summarize(one.state)) if sentence.template
    ]
    assert len(said) > 1000
    assert {sentence.template for sentence in said} - set(known) == set()
    with translation.override("fr"):
        for sentence in said:
            assert say(sentence)
            assert all(value == round(value, 1) for value in sentence.values.values() if type(value) is float)


@pytest.fixture
def stored() -> Estate:
    reading = read_document(DEMO.read_bytes())
    estate = Estate.objects.create(name="Clinique")
    snapshot.save(estate, reading)
    report = plan(reading, Parameters())
    Plan.objects.create(
        estate=estate,
        estate_revision=1,
        parameters=msgspec.to_builtins(report.parameters),
        report=msgspec.to_builtins(report),
    )
    return estate


@pytest.mark.django_db
def test_no_page_speaks_english_to_a_french_reader(stored: Estate) -> None:
    client = Client(headers={"accept-language": "fr"})
    client.force_login(administrator())
    english = {
        text
        for text, french in messages().items()
        if isinstance(text, str) and len(text) > TOLD_APART and text not in french
    }
    base = f"/estates/{stored.pk}"
    clusters = Host.objects.filter(estate=stored).values_list("cluster_name", flat=True).distinct()
    pages = ["/", "/import/", "/runs/", "/events/", "/search/?q=sql", "/nowhere/"]
    pages += [f"{base}/{tab}" for tab in ("", "quality/", "hosts/", "vms/", "datastores/", "events/")]
    pages += [f"{base}/cluster/?name={name}" for name in clusters]
    pages += [f"/hosts/{Host.objects.filter(estate=stored).earliest('pk').pk}/"]
    pages += [f"/vms/{VirtualMachine.objects.filter(estate=stored).earliest('pk').pk}/"]
    with translation.override("fr"):  # a request sets the language of its thread
        for page in pages:
            said = html.unescape(client.get(page).content.decode())
            assert 'lang="fr"' in said, page
            assert {text for text in english if text in said} == set(), page


def test_the_units_of_price_cards_are_french() -> None:
    with translation.override("fr"):
        assert labels.card_unit_of("core/year") == "cœur/an"
        assert labels.card_unit_of("hosts/administrator") == "hôtes/administrateur"
        assert labels.card_unit_of("kg/kWh") == "kg/kWh"
        assert labels.card_unit_of("host") == "hôte"

"""The bill of materials is whole and the same each time; an audit that asked about nothing is no pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import advisories, checks, sbom

ROOT = Path(__file__).resolve().parents[2]


def test_the_bill_holds_every_pin_with_its_hashes_and_every_vendored_package(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        subprocess.run([sys.executable, "-m", "config.sbom", tmp_path / name], cwd=ROOT, check=True)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    bill = json.loads((tmp_path / "one.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    pinned = {f"pkg:pypi/{pin.name}@{pin.version}" for pin in sbom.pins(sbom.LOCK.read_text())}
    known = {one["purl"] for one in bill["components"]}
    assert pinned <= known
    assert len(pinned) > 50
    assert {"pkg:npm/plotly.js@4.1.1"} < known - pinned
    assert all(one["hashes"] for one in bill["components"] if one["purl"].startswith("pkg:pypi"))
    edges = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert any(ref.startswith("pkg:pypi/django@") for ref in edges["headroom"])
    assert known <= {"headroom", *(ref for refs in edges.values() for ref in refs)} | set(edges)


def test_the_bill_is_valid_by_the_schema_of_cyclonedx() -> None:
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = JsonV1Dot6(sbom.bom()).output_as_string()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


CLEAN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found on the index"}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ([CLEAN], advisories.CLEAN, "1 of 1 packages audited, 0 advisories: clean"),
        ([SKIPPED], advisories.UNAUDITED, "UNAUDITED"),
        ([CLEAN, SKIPPED], advisories.UNAUDITED, "1 of 2 packages audited"),
        ([], advisories.UNAUDITED, "0 of 0 packages audited"),
        ([CLEAN, BAD], advisories.VULNERABLE, "c 2: CVE-1, fixed in 3"),
        ([BAD, SKIPPED], advisories.VULNERABLE, "VULNERABLE"),
    ],
)
def test_an_audit_counts_what_was_asked(answers: list[dict[str, object]], code: int, words: str) -> None:
    found = advisories.read({"dependencies": answers})
    assert found.code == code
    assert words in "\n".join(found.lines())


def test_pip_audit_itself_where_nobody_answers_is_no_pass(tmp_path: Path) -> None:
    """pip-audit prints "No known vulnerabilities found" and ends with 0 here."""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}
    done = subprocess.run(
        [sys.executable, "-m", "config.advisories"], cwd=ROOT, env={**os.environ, **nowhere},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == advisories.UNAUDITED, done.stdout + done.stderr
    assert "UNAUDITED" in done.stdout


def test_a_check_says_unaudited_and_fails_where_an_audit_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = advisories.Audit((), ("a",), ())
    monkeypatch.setattr(advisories, "audit", lambda _: silent)
    monkeypatch.delenv("HEADROOM_ADVISORIES", raising=False)
    with pytest.raises(checks.Unaudited, match="UNAUDITED"):
        checks.known_vulnerabilities()
    monkeypatch.setattr(checks, "SILENT", {})
    assert checks.judge("advisories")[1] == ""
    assert "0 of 1 packages audited" in checks.SILENT["advisories"]
    monkeypatch.setenv("HEADROOM_ADVISORIES", "required")
    with pytest.raises(checks.Fault, match="UNAUDITED"):
        checks.known_vulnerabilities()


def test_a_pickled_task_is_refused() -> None:
    """CVE-2021-23727: what comes out of the broker is data, never code."""
    from kombu.exceptions import ContentDisallowed
    from kombu.serialization import dumps, loads

    from config.celery import app

    assert app.conf.accept_content == ["json"]
    content_type, encoding, body = dumps({"x": 1}, serializer="pickle")
    with pytest.raises(ContentDisallowed):
        loads(body, content_type, encoding, accept=app.conf.accept_content)

"""Where the laboratory's packages come from: the machine's own mirror, in both ways that apt writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import ground

STANZAS = """# a comment: with a colon
Types: deb
URIs: https://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
"""
LINES = """# deb https://old.invalid/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://other.invalid/debian trixie main contrib
deb-src https://source.invalid/debian trixie main
"""


def test_reads_stanzas_and_lines(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(STANZAS)
    (tmp_path / "sources.list").write_text(LINES)
    assert list(ground.sources(tmp_path)) == [
        ("https://mirror.invalid/debian", "bookworm"),
        ("https://mirror.invalid/debian", "bookworm-updates"),
        ("https://mirror.invalid/debian-security", "bookworm-security"),
        ("https://other.invalid/debian", "trixie"),
    ]


def test_a_mirror_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_LAB_MIRROR", "https://named.invalid/debian")
    assert ground.mirror() == "https://named.invalid/debian"

"""What a walk says of itself: one broken promise breaks it, and what was only told does not."""

from __future__ import annotations

from pathlib import Path

from lab.findings import Finding, Walk, at_most, printed, promise, read, told, written


def walk(*findings: Finding, skipped: str = "") -> Walk:
    return Walk(name="a walk", promise="It holds.", seconds=1.0, findings=findings, skipped=skipped)


def test_one_broken_promise_breaks_a_walk() -> None:
    kept, broken = promise("copies", 1, 1), promise("copies", 2, 1)
    assert walk(kept).holds
    assert not walk(kept, broken).holds
    assert "BROKEN" in printed(walk(kept, broken))


def test_as_many_as_were_allowed_is_kept_and_one_more_is_broken() -> None:
    assert at_most("pings lost", 2, 2).holds
    assert not at_most("pings lost", 3, 2).holds


def test_what_is_only_told_is_never_judged() -> None:
    assert walk(told("total", "99 s", "1 s")).holds


def test_a_walk_that_was_not_walked_says_why() -> None:
    assert printed(walk(skipped="No QEMU that can.")) == "a walk: not walked\n  No QEMU that can."


def test_what_is_kept_for_a_program_is_what_was_found(tmp_path: Path) -> None:
    walks = [walk(promise("copies", 2, 1), told("total", "1 s")), walk(skipped="why")]
    written(walks, tmp_path / "found.json")
    assert read(tmp_path / "found.json") == walks

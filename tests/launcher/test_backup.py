"""A backup brings everything back, on either database; what is not a backup changes nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from config import backup
from tests.launcher.running import headroom

FILL = """
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_user("zoé")
from cluster.models import Operation
for state in ("queued", "claimed", "submitting", "running", "unknown", "done"):
    Operation.objects.create(kind="migrate", dry_run=False, state=state, subject_id=state, subject=state)
"""
SETTLED = """
from cluster.models import Operation
found = dict(Operation.objects.values_list("subject", "state"))
assert found == {
    "queued": "proposed", "claimed": "proposed", "submitting": "unknown", "running": "unknown",
    "unknown": "unknown", "done": "done",
}, found
"""
USERS = "SELECT username FROM auth_user"


@dataclass
class Site:
    """A data folder with its database, and the launcher's verbs on it."""

    data_dir: Path
    users: Callable[[], list[tuple[str]]]
    more: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> None:
        done = headroom(*arguments, data_dir=self.data_dir, **self.more)
        assert done.returncode == 0, done.stderr

    def refusal(self, *arguments: str) -> str:
        done = headroom(*arguments, data_dir=self.data_dir, **self.more)
        assert done.returncode == 2, done.stdout
        return done.stderr

    @property
    def upload(self) -> Path:
        return self.data_dir / "media" / "estate" / "export.xlsx"

    @property
    def key(self) -> str:
        return (self.data_dir / "secret-key").read_text()

    def fill(self) -> None:
        self.run("manage", "shell", "--verbosity", "0", "--command", FILL)
        self.upload.parent.mkdir()
        self.upload.write_bytes(b"a workbook")


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Callable[[str], Site]:
    def make(name: str) -> Site:
        database = tmp_path / name / "headroom.sqlite3"
        return Site(tmp_path / name, lambda: sqlite3.connect(database).execute(USERS).fetchall())

    return make


@pytest.fixture
def postgresql_site(tmp_path: Path, postgresql_url: str) -> Callable[[str], Site]:
    def make(name: str) -> Site:
        database = f"{tmp_path.name}_{name}".lower().replace("-", "_")
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        url = postgresql_url.replace("/postgres?", f"/{database}?")
        return Site(
            tmp_path / name, lambda: psycopg.connect(url).execute(USERS).fetchall(), {"DATABASE_URL": url}
        )

    return make


@pytest.mark.parametrize("database", ["sqlite_site", "postgresql_site"])
def test_a_backup_brings_back_rows_uploads_and_key(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make_site = request.getfixturevalue(database)
    lost, found, archive = make_site("lost"), make_site("found"), tmp_path / "site.tar.gz"
    lost.fill()
    lost.run("backup", str(archive))
    assert archive.stat().st_mode & 0o777 == 0o600
    found.run("restore", str(archive))
    assert found.users() == [("zoé",)]
    assert found.upload.read_bytes() == b"a workbook"
    assert found.key == lost.key
    found.run("manage", "shell", "--verbosity", "0", "--command", SETTLED)

    assert "--force replaces them" in found.refusal("restore", str(archive))
    archive.write_bytes(archive.read_bytes()[:2000])
    assert "cannot be read" in found.refusal("restore", str(archive), "--force")
    assert (found.users(), found.upload.exists()) == ([("zoé",)], True)


def unpacked(archive: Path, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    backup.unpack(archive, folder)
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_an_archive_that_is_damaged_anywhere_changes_nothing(
    sqlite_site: Callable[[str], Site], tmp_path: Path
) -> None:
    site, archive = sqlite_site("site"), tmp_path / "site.tar.gz"
    site.fill()
    site.run("backup", str(archive))
    whole, kept = archive.read_bytes(), (site.users(), site.key, site.upload.read_bytes())
    sound, refused = unpacked(archive, tmp_path / "sound"), 0
    for place in range(12, len(whole) - 4, len(whole) // 40):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:  # a byte of the padding may be packed in another way: then all is there
            assert unpacked(archive, tmp_path / f"damaged-{place}") == sound
        except backup.Refusal:
            refused += 1
    assert refused > 30
    for content in (whole[:-4] + b"\0\0\0\0", whole[: len(whole) // 2], b"", b"\x1f\x8b"):
        archive.write_bytes(content)
        assert "Traceback" not in site.refusal("restore", str(archive), "--force")
    assert (site.users(), site.key, site.upload.read_bytes()) == kept


@pytest.mark.parametrize("stamp", [b"[]", b"{}", b'{"format": "headroom-backup/1"}', b"\xff", b'"x"'])
def test_a_stamp_that_says_nothing_is_refused(stamp: bytes, tmp_path: Path) -> None:
    (tmp_path / backup.STAMP).write_bytes(stamp)
    with pytest.raises(backup.Refusal, match="not a backup of Headroom"):
        backup.judge(tmp_path)


@pytest.mark.parametrize("database", [None, b"", b"no database at all, but long enough to look like one"])
def test_an_archive_without_a_sound_database_is_refused(database: bytes | None, tmp_path: Path) -> None:
    said = {"format": backup.FORMAT, "database": "sqlite", "migrations": []}
    (tmp_path / backup.STAMP).write_text(json.dumps(said))
    if database is not None:
        (tmp_path / backup.DUMPS["sqlite"]).write_bytes(database)
    with pytest.raises(backup.Refusal, match=r"no database|damaged"):
        backup.judge(tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "media/../../outside", "extra.txt"])
def test_an_archive_with_a_foreign_name_in_it_is_refused(name: str, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    with pytest.raises(backup.Refusal, match="is not a backup of Headroom"):
        backup.unpack(hostile, tmp_path / "in" / "side")
    assert not list(tmp_path.rglob("outside"))


def test_an_archive_with_a_link_in_it_is_refused(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as archive:
        member = tarfile.TarInfo("media/link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(backup.Refusal, match="it holds 'media/link'"):
        backup.unpack(hostile, tmp_path / "inside")


def test_an_archive_without_our_stamp_is_refused(tmp_path: Path) -> None:
    with pytest.raises(backup.Refusal, match="not a backup of Headroom"):
        backup.judge(tmp_path)


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stamp.json").write_text(
        '{"format": "headroom-backup/1", "database": "sqlite", "migrations": ["cluster.9999_later"]}'
    )
    with pytest.raises(backup.Refusal, match=r"it knows cluster\.9999_later"):
        backup.judge(tmp_path)


def test_a_backup_never_writes_over_a_file(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("the only copy")
    with pytest.raises(backup.Refusal, match="exists already"):
        backup.backup(precious)
    assert precious.read_text() == "the only copy"

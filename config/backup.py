"""`headroom backup FILE` and `headroom restore FILE`: database, uploads and key in one archive, mode 0600."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

import django

FORMAT = "headroom-backup/1"
MIB = 2**20
STAMP, KEY, MEDIA = "stamp.json", "secret-key", "media"
DUMPS = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}


class Refusal(Exception):
    """Why nothing was written, and what to do, in one line."""


def backup(file: Path) -> None:
    """Write the archive; it appears under its name only when it is whole."""
    from django.conf import settings

    if file.exists():
        raise Refusal(f"{file} exists already; name another file.")
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="backup-") as folder:
        dump = Path(folder) / DUMPS[vendor()]
        dump_database(dump)
        (Path(folder) / STAMP).write_text(json.dumps(stamp()))
        part = file.with_name(file.name + ".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as archive:
                archive.add(Path(folder) / STAMP, STAMP)
                archive.add(dump, dump.name)
                archive.add(settings.MEDIA_ROOT, MEDIA)
                if (settings.DATA_DIR / KEY).exists():
                    archive.add(settings.DATA_DIR / KEY, KEY)
            os.fsync(raw.fileno())
    part.rename(file)
    print(f"{file}: {file.stat().st_size / 2**20:.1f} MiB. It holds passwords and keys: keep it private.")


def restore(file: Path, force: bool) -> None:
    """Bring an archive back, whole or not at all."""
    from django.conf import settings

    with (settings.DATA_DIR / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal("Headroom runs on this data; stop it first (Ctrl-C where it runs).") from None
        if holds_data() and not force:
            raise Refusal(f"There are data already ({database_name()}); --force replaces them.")
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="restore-") as folder:
            unpacked = Path(folder)
            unpack(file, unpacked)
            judge(unpacked)
            bring_back(unpacked)
    settle_operations()
    print(f"Restored from {file}; ./headroom up brings the tables up to this version.")


def settle_operations() -> None:
    """Let nothing that was under way when the backup was made go on by itself: the world has moved since."""
    from django.db import connection

    connection.close()
    with connection.cursor() as cursor:
        if "cluster_operation" not in connection.introspection.table_names(cursor):
            return
        change = (
            "UPDATE cluster_operation SET state = %s, token = token + 1, lease_until = NULL WHERE state IN "
        )
        cursor.execute(change + "('queued', 'claimed')", ["proposed"])
        cursor.execute(change + "('submitting', 'running')", ["unknown"])


def stamp() -> dict[str, object]:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    applied = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
    return {"format": FORMAT, "database": vendor(), "migrations": applied}


def vendor() -> str:
    from django.db import connection

    if connection.vendor not in DUMPS:
        raise Refusal(f"No backup for {connection.vendor}; use its own tools.")
    return connection.vendor


def database_name() -> str:
    from django.db import connection

    return str(connection.settings_dict["NAME"])


def holds_data() -> bool:
    from django.conf import settings
    from django.db import connection

    if vendor() == "sqlite" and not Path(database_name()).exists():
        return False
    return bool(connection.introspection.table_names()) or any(settings.MEDIA_ROOT.iterdir())


def dump_database(target: Path) -> None:
    from django.db import connection

    if vendor() == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(target)])  # consistent, while others write
    else:
        run_postgresql("pg_dump", "--format=custom", "--no-owner", f"--file={target}")


def run_postgresql(program: str, *options: str) -> None:
    """Run one of PostgreSQL's programs on our database; the password goes by environment, not by argument."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    known = ("host", "port", "user", "dbname", "sslmode", "sslrootcert")
    parameters = connection.get_connection_params()
    environment = {**os.environ, "PGPASSWORD": parameters.get("password") or ""}
    address = make_conninfo(**{key: parameters[key] for key in known if parameters.get(key)})
    if not shutil.which(program):
        raise Refusal(f"{program} is missing; run: sudo apt-get install -y postgresql-client")
    command = [program, f"--dbname={address}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(f"{program}: {done.stderr.strip().splitlines()[-1]}")


def unpack(file: Path, target: Path) -> None:
    """Copy out the files we know by name; an archive with anything else in it is not ours."""
    expected = {STAMP, KEY, *DUMPS.values()}
    try:
        with tarfile.open(file) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                inside_media = path.parts[:1] == (MEDIA,) and ".." not in path.parts
                if member.isdir() and inside_media:
                    continue
                if not member.isreg() or not (member.name in expected or inside_media):
                    raise Refusal(f"{file} is not a backup of Headroom: it holds {member.name!r}.")
                copy = target / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                with copy.open("wb") as written:
                    shutil.copyfileobj(content, written)
            while archive.fileobj.read(MIB):
                pass  # to its end, where the checksum stands
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise Refusal(f"{file} cannot be read: {str(error).splitlines()[0]}") from error


def judge(unpacked: Path) -> None:
    """Refuse an archive of another format, another database or a newer version, and a damaged one."""
    from django.db.migrations.loader import MigrationLoader

    try:
        said = json.loads((unpacked / STAMP).read_text())
    except (OSError, ValueError):
        said = {}
    says_all = isinstance(said, dict) and {"format", "database", "migrations"} <= set(said)
    if not says_all or said["format"] != FORMAT:
        raise Refusal("This is not a backup of Headroom.")
    if said["database"] != vendor():
        raise Refusal(f"The backup is of {said['database']}, and DATABASE_URL names {vendor()}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    newer = sorted(set(said["migrations"]) - known)
    if newer:
        raise Refusal(f"The backup is of a newer version of Headroom (it knows {newer[-1]}); update first.")
    dump = unpacked / DUMPS[vendor()]
    if not dump.is_file() or not dump.stat().st_size:
        raise Refusal("The backup holds no database.")
    if vendor() == "sqlite" and not sound(unpacked / DUMPS["sqlite"]):
        raise Refusal("The database in the backup is damaged.")


def sound(database: Path) -> bool:
    try:
        with sqlite3.connect(database) as copy:
            return bool(copy.execute("PRAGMA quick_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def bring_back(unpacked: Path) -> None:
    from django.conf import settings
    from django.db import connection

    connection.close()
    if vendor() == "sqlite":
        name = Path(database_name())
        for leftover in ("-wal", "-shm"):
            name.with_name(name.name + leftover).unlink(missing_ok=True)
        (unpacked / DUMPS["sqlite"]).replace(name)
    else:
        dump = str(unpacked / DUMPS["postgresql"])
        run_postgresql("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", dump)
    shutil.rmtree(settings.MEDIA_ROOT)
    (unpacked / MEDIA).mkdir(exist_ok=True)
    (unpacked / MEDIA).rename(settings.MEDIA_ROOT)
    if (unpacked / KEY).exists():
        (unpacked / KEY).replace(settings.DATA_DIR / KEY)
    settings.AUDIT_WITNESS_FILE.unlink(missing_ok=True)  # the audit ends earlier now, and on purpose
    shutil.rmtree(settings.DATA_DIR / "broker", ignore_errors=True)  # its tasks are of runs that are gone


def main() -> int:
    parser = argparse.ArgumentParser(prog="headroom")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("backup", "restore"):
        verbs.add_parser(verb).add_argument("file", type=Path)
    verbs.choices["restore"].add_argument("--force", action="store_true", help="replace the data there are")
    asked = parser.parse_args()
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        if asked.verb == "backup":
            backup(asked.file)
        else:
            restore(asked.file, asked.force)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

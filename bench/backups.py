"""What is measured of backups: made, restored and proven, beside pg_dump, gzip and psql; in a database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from accesscontrol.actor import on_this_machine
from accesscontrol.errors import ConfirmationRequired
from backups import making, manifest, names, services, storage
from backups.making import Plan
from backups.manifest import Manifest
from backups.restoring import restore_full
from backups.validation import validate_backup
from bench.measure import Case, Limit
from bench.scratch import database
from config import programs
from jobs.progress import SILENT

databases: Any = import_module("tests.databases")  # where tests take theirs from

MEGABYTES = 100
SCENES_PER_MB, PARAGRAPHS_PER_MB, TRAIL_PER_MB = 1_000, 200, 100
ROUNDS = 3  # each takes seconds, or minutes
MAX_MEMORY_MB = 150
MAX_SHARE = 0.02  # of the full backup, for the changes of one row in a hundred

# As hard to compress as prose, to about a third: some words of many are frequent. Two paragraphs make a scene, and in
# a hundred megabytes, with 20,000 of them, one comes again far beyond what gzip remembers.
_PROSE = """
CREATE TEMPORARY TABLE paragraphs AS
SELECT number, (
    SELECT string_agg(left(translate(md5(word::text), '0123456789abcdef', 'etaoinshrdlucmfw'), 2 + word % 9), ' ')
      FROM (SELECT floor(8192 * power(random(), 2))::int AS word FROM generate_series(1, 40 + number % 40)) chosen
) AS words FROM generate_series(0, {paragraphs} - 1) number;
UPDATE public.scenes SET content = first.words || ' ' || second.words
  FROM paragraphs first, paragraphs second
 WHERE first.number = abs(hashint8(scenes.id) % {paragraphs})
   AND second.number = abs(hashint8(-scenes.id) % {paragraphs});
"""
# In a process that has done nothing else.
_PEAK = """
import os, sys
from bench import memory
from django.core.management import call_command
call_command("backup", stdout=sys.stderr)
print(memory.peak_mb(os.getpid()))
"""

# The same rows in a table that is made the same, but for that nobody notes its changes.
_TWIN = """
CREATE TABLE app.twin (LIKE public.writing_sessions INCLUDING ALL);
ALTER TABLE app.twin ADD FOREIGN KEY (book_id) REFERENCES public.books,
                     ADD FOREIGN KEY (chapter_id) REFERENCES public.chapters;
CREATE TRIGGER twin_set_updated_at BEFORE UPDATE ON app.twin FOR EACH ROW
WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at) EXECUTE FUNCTION public.set_updated_at();
"""
_ANEW = """
TRUNCATE app.twin, public.writing_sessions, app.change_log;
INSERT INTO app.twin (id, session_date, notes)
SELECT -n, '2026-01-01', repeat('x', 100) FROM generate_series(1, 10000) n;
INSERT INTO public.writing_sessions (id, session_date, notes) SELECT id, session_date, notes FROM app.twin;
"""
_INSERT = (
    "INSERT INTO {} (session_date, notes) SELECT '2026-01-01', repeat('y', 100) FROM generate_series(1, 1000)"
)
_UPDATE = "UPDATE {} SET notes = left(notes, 99) || 'z' WHERE id < 0"


@dataclass(frozen=True)
class Backups:
    """A filled database, the folder of its backups, and one of them."""

    database: str
    url: str  # as the application's role
    folder: Path
    key: str
    made: Manifest
    shares: list[float] = field(default_factory=list)  # how large incremental backups were beside it

    @property
    def megabytes(self) -> int:
        """How large the plain dump is."""
        return round((self.made.uncompressed_bytes or 0) / 1e6)

    @property
    def place(self) -> Mapping[str, str]:
        """The environment in which PostgreSQL's programs reach it as the owner."""
        return _place(self.database)


@contextmanager
def backups(megabytes: int) -> Iterator[Backups]:
    """This function will make a database of about that size, back it up, and take all of it away at the end."""
    at = settings.DATABASE_OWNER_URL
    with (
        TemporaryDirectory() as name,
        database(scenes=megabytes * SCENES_PER_MB, audit_rows=megabytes * TRAIL_PER_MB) as scratch,
    ):
        folder, key = Path(name) / "backups", "kept for as long as this is measured"
        settings.BACKUP_DIR, settings.BACKUP_KEYS = folder, [key]
        settings.DATABASE_OWNER_URL = databases.url_of(scratch.name, at)
        try:
            with databases.owner() as owner:
                owner.execute(_PROSE.format(paragraphs=megabytes * PARAGRAPHS_PER_MB).encode())
                owner.execute("VACUUM (FULL, ANALYZE) public.scenes")
            file = services.create_full(actor=on_this_machine()).backup_file
            made = manifest.read(storage.configured(), names.parse(file))
            yield Backups(scratch.name, scratch.url, folder, key, made)
        finally:
            settings.DATABASE_OWNER_URL = at
            with databases.owner() as owner:
                databases.drop(owner, _empty(scratch.name))


def cases(found: Backups) -> Iterator[Case]:
    """This function will return the cases of a database."""
    file, size = found.made.file, f"{found.megabytes:,} MB"

    def make() -> None:
        services.create_full(actor=on_this_machine())

    tokens: list[str] = []

    def restore(token: str | None = None) -> None:
        restore_full(
            actor=on_this_machine(), backup_file=file, drop_existing=True, safety_backup=False,
            plan_token=token or tokens.pop(),
        )  # fmt: skip

    def agree() -> None:
        """Read the plan, outside the clock."""
        try:
            restore("none yet")
        except ConfirmationRequired as shown:
            tokens.append(shown.details["plan_token"])

    def get_ready() -> None:
        _make_empty(found.database)
        agree()

    def prove() -> None:
        if not validate_backup(actor=on_this_machine(), backup_file=file, deep=True).valid:
            raise RuntimeError("The backup is not valid.")

    rounds: dict[str, Any] = {"seconds": 0, "max_rounds": ROUNDS, "warm_up": 0}
    yield Case(
        f"full backup of {size}",
        make,
        lambda: _piped(["pg_dump", "-n", "public"], ["gzip", "-6"], found.folder / ".floor", found.place),
        Limit(ratio=0.35),
        "pg_dump, gzip -6",
        before=lambda: forget(found),
        **rounds,
    )
    yield from _of_changes(found, rounds)
    yield Case(
        f"full restore of {size}",
        restore,
        lambda: _restored(found),
        Limit(ratio=1.5),
        "gunzip, psql -1 into an empty database",
        before=get_ready,
        **rounds,
    )
    yield Case(
        f"deep validation of {size}",
        prove,
        restore,
        Limit(ratio=1.2),
        "the full restore",
        before=agree,
        **rounds,
    )


def _of_changes(found: Backups, rounds: Mapping[str, Any]) -> Iterator[Case]:
    """What it costs to know what changed, and what it saves."""
    numbers = count()

    def change() -> None:
        with databases.owner() as owner:
            owner.execute(
                "UPDATE public.scenes SET content = reverse(content) WHERE id %% 100 = %s",
                [next(numbers) % 100],
            )

    def make() -> None:
        made = services.create_incremental(actor=on_this_machine())
        found.shares.append(made.size_bytes / found.made.size_bytes)

    def all_of_it() -> None:
        with making.draft(Plan(), storage.configured(), SILENT):
            pass

    yield Case(
        f"incremental backup after 1 % of {found.megabytes:,} MB changed",
        make,
        all_of_it,
        Limit(ratio=0.35),
        "a full backup",
        before=change,
        **rounds,
    )

    with databases.owner() as owner:
        owner.execute(_TWIN)
        for name, statement, most in (
            ("1,000 rows inserted, their keys noted", _INSERT, 1.25),
            ("10,000 rows updated, their keys noted", _UPDATE, 1.7),
        ):
            yield Case(
                name,
                lambda statement=statement: owner.execute(statement.format("public.writing_sessions")),  # type: ignore[misc]
                lambda statement=statement: owner.execute(statement.format("app.twin")),  # type: ignore[misc]
                Limit(ratio=most),
                "the same, not noted",
                before=lambda: owner.execute(_ANEW),
                seconds=6,
                max_rounds=20,
            )
        owner.execute("DROP TABLE app.twin")


def peak_memory_mb(found: Backups) -> float:
    """This function will return how much memory a process takes at most that makes a full backup."""
    environment = databases.environment_for(found.database) | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "BACKUP_DIR": str(found.folder), "BACKUP_KEY": found.key,
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _PEAK],
        cwd=settings.BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return float(done.stdout)


def _restored(found: Backups) -> None:
    """Restore the file as a person would."""
    with (found.folder / found.made.file).open("rb") as file:
        unzip = subprocess.Popen(["gunzip", "-c"], stdin=file, stdout=subprocess.PIPE)  # noqa: S607 - the system's
        psql = [str(programs.binaries() / "psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"]
        with unzip:
            subprocess.run(  # noqa: S603 - our own words
                psql, stdin=unzip.stdout, stdout=subprocess.DEVNULL,
                env=os.environ | _place(_empty(found.database)), check=True,
            )  # fmt: skip


def _piped(dump: list[str], zipped: list[str], path: Path, place: Mapping[str, str]) -> None:
    program = str(programs.binaries() / dump[0])
    with path.open("wb") as file, subprocess.Popen(  # noqa: S603 - our own words
        [program, *dump[1:]], stdout=subprocess.PIPE, env=os.environ | place
    ) as source:  # fmt: skip
        subprocess.run(zipped, stdin=source.stdout, stdout=file, check=True)  # noqa: S603 - our own words


def _place(name: str) -> dict[str, str]:
    url = databases.url_of(name, settings.DATABASE_OWNER_URL)
    return {
        programs.PSQL_VARIABLES[key]: str(value)
        for key, value in conninfo_to_dict(url).items()
        if key in programs.PSQL_VARIABLES
    }


def _empty(name: str) -> str:
    return f"{name}_empty"


def _make_empty(name: str) -> None:
    with databases.owner() as owner:
        databases.drop(owner, _empty(name))
        owner.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(_empty(name))))


def forget(found: Backups) -> None:
    """This function will delete what the rounds before have made."""
    for path in found.folder.iterdir():
        if not path.name.startswith(found.made.name.stem):
            path.unlink()

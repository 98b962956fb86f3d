"""What is measured of exports and imports: whole tables, so few rounds, and none to warm up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import Group
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from accesscontrol.models import PlanFreeRole
from bench.measure import Case, Limit
from bench.scratch import Scratch
from catalog import registry
from catalog.exchange.services import Format, export, import_records
from config import programs

databases: Any = import_module("tests.databases")  # where tests take theirs from

SCENES = registry.get("scenes")
COLUMNS = (
    "id", "chapter_id", "scene_num", "title", "content", "summary", "pov_character_id", "location_id", "word_count",
)  # fmt: skip
ROUNDS = 3
BLOCK_BYTES = 1024 * 1024
OURS, FLOORS = 1, 2  # the millions by which their ids differ from those that are there

_LIVE = "FROM public.scenes WHERE deleted_at IS NULL"


@contextmanager
def exchanging(scratch: Scratch) -> Iterator[list[Case]]:
    """This function will return the cases that export and import all scenes, with a folder for their files."""
    PlanFreeRole.objects.create(role=Group.objects.get(name="Administrator"), operation="IMPORT_CSV")
    url = databases.url_of(scratch.name, settings.DATABASE_OWNER_URL)
    with TemporaryDirectory() as name, psycopg.connect(url, autocommit=True) as owner:
        settings.EXPORT_DIR = Path(name) / "exports"
        yield [*_exports(scratch, url, Path(name)), _imports(scratch, owner, Path(name))]


def _exports(scratch: Scratch, url: str, folder: Path) -> Iterator[Case]:
    queries: dict[Format, str] = {
        "csv": f"SELECT {', '.join(SCENES.columns)} {_LIVE}",
        "json": f"SELECT row_to_json(s) FROM (SELECT * {_LIVE}) s",  # noqa: S608 - our own words
    }
    for format_, query in queries.items():
        yield Case(
            f"export {scratch.scenes:,} rows as {format_.upper()}",
            lambda format_=format_: export(actor=scratch.auditor(), table=SCENES, format=format_),  # type: ignore[misc]
            lambda query=query: psql_copy(url, query, folder / "floor"),  # type: ignore[misc]
            Limit(ratio=1.7),
            "psql's \\copy" if format_ == "csv" else "psql's \\copy of row_to_json",
            before=lambda: _forget(folder),
            max_rounds=ROUNDS,
            warm_up=0,
        )


def _imports(scratch: Scratch, owner: psycopg.Connection[Any], folder: Path) -> Case:
    ours, floors = (_file(owner, folder, millions) for millions in (OURS, FLOORS))

    def clean() -> None:
        owner.execute("DELETE FROM public.scenes WHERE scene_num >= 1000000")
        owner.execute("TRUNCATE app.auditlog_logentry")
        owner.execute("VACUUM public.scenes")

    def import_file() -> None:
        with ours.open("rb") as file:
            import_records(actor=scratch.auditor(), table=SCENES, format="csv", source=file)

    return Case(
        f"import {scratch.scenes:,} rows of CSV",
        import_file,
        lambda: _copy_and_insert(owner, floors),
        Limit(ratio=4),
        "COPY to a temporary table, INSERT … SELECT",
        before=clean,
        max_rounds=ROUNDS,
        warm_up=0,
    )


def _file(owner: psycopg.Connection[Any], folder: Path, millions: int) -> Path:
    """Write all scenes into a file, as others: with ids and numbers of their own."""
    path = folder / f"{millions}.csv"
    shown = ", ".join(
        f"{name} + {1_000_000_000 if name == 'id' else 1_000_000} * {millions} AS {name}"
        if name in {"id", "scene_num"}
        else name
        for name in COLUMNS
    )
    statement = f"COPY (SELECT {shown} {_LIVE}) TO STDOUT (FORMAT csv, HEADER)"
    with path.open("wb") as file, owner.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        file.writelines(copy)
    return path


def _copy_and_insert(owner: psycopg.Connection[Any], path: Path) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    copied = sql.SQL("COPY taken ({}) FROM STDIN (FORMAT csv, HEADER)").format(names)
    with owner.transaction():
        owner.execute("CREATE TEMPORARY TABLE taken (LIKE public.scenes) ON COMMIT DROP")
        for name in ("created_at", "updated_at"):
            owner.execute(sql.SQL("ALTER TABLE taken ALTER {} DROP NOT NULL").format(sql.Identifier(name)))
        with path.open("rb") as file, owner.cursor() as cursor, cursor.copy(copied) as copy:
            while block := file.read(BLOCK_BYTES):
                copy.write(block)
        owner.execute(sql.SQL("INSERT INTO public.scenes ({}) SELECT {} FROM taken").format(names, names))


def psql_copy(url: str, query: str, path: Path) -> None:
    """This function will write what a query finds into a file, as CSV or line by line where it makes JSON."""
    place = {
        programs.PSQL_VARIABLES[key]: str(value)
        for key, value in conninfo_to_dict(url).items()
        if key in programs.PSQL_VARIABLES
    }
    options = "WITH (FORMAT csv, HEADER)" if "row_to_json" not in query else ""
    subprocess.run(  # noqa: S603 - our own command
        [programs.binaries() / "psql", "-X", "-q", "-c", f"\\copy ({query}) TO '{path}' {options}"],
        env=os.environ | place, check=True,
    )  # fmt: skip


def _forget(folder: Path) -> None:
    """Delete what the round before has written: a disk that fills slows the next."""
    for path in (folder / "exports").glob("export_*"):
        path.unlink()

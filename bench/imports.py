"""What is measured of imports in a browser: a preview and an import of 20,000 rows, as their jobs do them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from accesscontrol.actor import Actor
from bench import arcs
from bench.import_floor import ARCS, COLUMNS, BareImport
from bench.measure import Case, Limit
from bench.scratch import Scratch
from catalog import tasks
from catalog.exchange import steps, uploads
from catalog.exchange.services import Format, export
from jobs.progress import Progress

databases: Any = import_module("tests.databases")  # where tests take theirs from

ROWS = 20_000
MAX_RATIO, MAX_MEMORY_MB = 3, 300
OURS, FLOORS = 1_000_000_000, 2_000_000_000  # behind which the ids of each begin
FORMATS: tuple[Format, ...] = ("csv", "json", "xlsx")
TERMS = {
    "on_conflict": "update", "mapping": {name: name for name in COLUMNS}, "match": ["id"], "has_headers": True,
    "delimiter": ",",
}  # fmt: skip

# Half of the file is new, a quarter changes a record, a quarter says what is there.
_NEW = "DELETE FROM public.character_arcs WHERE id > %(first)s + %(rows)s / 2 AND id <= %(first)s + %(rows)s"
_OLDER = """
UPDATE public.character_arcs SET description = 'Older.'
 WHERE id > %(first)s AND id <= %(first)s + %(rows)s AND id %% 2 = 0
"""
# In a process that has done nothing else.
_PEAK = """
import json, os, sys
from bench import memory
from bench.import_floor import ARCS
from django.contrib.auth.models import User
from accesscontrol.actor import Actor, Channel
from catalog import tasks
from catalog.exchange import uploads
from jobs.progress import Progress
for arguments in json.loads(sys.argv[1]).values():
    actor = Actor(User.objects.get(pk=sys.argv[2]), Channel.TASK)
    tasks.preview(actor, arguments, Progress())
    upload = uploads.find(actor=actor, table=ARCS, token=arguments["upload"])
    tasks.run_import(actor, {**arguments, "plan_token": upload.noted("preview")["plan_token"]}, Progress())
print(memory.peak_mb(os.getpid()))
"""


@dataclass
class Library:
    """A filled database, whose owner makes ready what is imported again and again."""

    scratch: Scratch
    owner: psycopg.Connection[Any]
    folder: Path
    rows: int

    def file(self, first: int, format_: Format) -> Path:
        """This function will return the file of the rows whose ids begin behind a number."""
        return self.folder / f"{first}.{format_}"

    def write(self, first: int) -> None:
        """This function will make the files of rows, one of each format."""
        arcs.fill(self.owner, **self._place(first))
        where = {"id": {"$gt": first, "$lte": first + self.rows}}
        for format_ in FORMATS:
            made = export(actor=self.actor(), table=ARCS, format=format_, columns=COLUMNS, where=where)
            (settings.EXPORT_DIR / made.export_file).rename(self.file(first, format_))

    def reset(self) -> None:
        """This function will bring the table back to what it was before an import."""
        for first in (OURS, FLOORS):
            arcs.fill(self.owner, **self._place(first))
            for statement in (_NEW, _OLDER):
                self.owner.execute(statement, self._place(first))
        self.owner.execute("TRUNCATE app.auditlog_logentry")
        self.owner.execute("VACUUM ANALYZE public.character_arcs")

    def bring(self, format_: Format) -> dict[str, str]:
        """This function will upload our file, say what goes where, and return the arguments of its jobs."""
        with self.file(OURS, format_).open("rb") as source:
            upload = uploads.keep(
                actor=self.actor(), table=ARCS, file_name=f"arcs.{format_}", source=source, now=timezone.now()
            )
        steps.choose(actor=self.actor(), table=ARCS, upload=upload, terms=TERMS)
        return {"table": ARCS.name, "upload": upload.token}

    def token(self, upload: str) -> str:
        """This function will return what agrees to an import that was previewed."""
        found = uploads.find(actor=self.actor(), table=ARCS, token=upload).noted("preview") or {}
        return str(found["plan_token"])

    def actor(self) -> Actor:
        """This function will return a new Actor who may import."""
        return self.scratch.auditor()

    def _place(self, first: int) -> dict[str, int]:
        return {"first": first, "rows": self.rows}


@contextmanager
def importing(scratch: Scratch) -> Iterator[list[Case]]:
    """This function will return the cases that preview files of each format, and import one."""
    with _library(scratch) as library:
        bare = BareImport(library.owner, ContentType.objects.get_for_model(ARCS.model).pk)
        yield [*(_previewing(library, bare, format_) for format_ in FORMATS), _importing(library, bare)]


def _previewing(library: Library, bare: BareImport, format_: Format) -> Case:
    arguments: dict[str, str] = {}
    reader = {"csv": "", "json": "orjson, ", "xlsx": "openpyxl, "}[format_]
    return Case(
        f"preview {library.rows:,} rows of {format_.upper()}",
        lambda: tasks.preview(library.actor(), arguments, Progress()),
        lambda: bare.preview(library.file(FLOORS, format_)),
        Limit(ratio=MAX_RATIO),
        f"{reader}COPY to a temporary table, set-based checks",
        before=lambda: arguments.update(library.bring(format_)),
        max_rounds=7,
        warm_up=1,
    )


def _importing(library: Library, bare: BareImport) -> Case:
    arguments: dict[str, str] = {}

    def ready() -> None:
        library.reset()
        arguments.update(library.bring("csv"))
        tasks.preview(library.actor(), arguments, Progress())
        arguments["plan_token"] = library.token(arguments["upload"])

    return Case(
        f"import {library.rows:,} rows of CSV, half of them new",
        lambda: tasks.run_import(library.actor(), arguments, Progress()),
        lambda: bare.run(library.file(FLOORS, "csv")),
        Limit(ratio=MAX_RATIO),
        "the same, INSERT … SELECT, UPDATE, both with versions",
        before=ready,
        max_rounds=5,
        warm_up=1,
    )


def peak_memory_mb(scratch: Scratch) -> tuple[float, int]:
    """This function will preview and import a file of each format in a process; (its peak memory, rows of each)."""
    with _library(scratch) as library:
        library.reset()
        brought = {format_: library.bring(format_) for format_ in FORMATS}
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", _PEAK, json.dumps(brought), str(scratch.administrator.pk)],
            cwd=settings.BASE_DIR, check=True, stdout=subprocess.PIPE, text=True,
            env=scratch.environment | {
                "DJANGO_SETTINGS_MODULE": "config.settings", "EXPORT_DIR": str(settings.EXPORT_DIR),
            },
        )  # fmt: skip
        return float(done.stdout), library.rows


@contextmanager
def _library(scratch: Scratch) -> Iterator[Library]:
    url = databases.url_of(scratch.name, settings.DATABASE_OWNER_URL)
    with TemporaryDirectory() as name, psycopg.connect(url, autocommit=True) as owner:
        settings.EXPORT_DIR = Path(name) / "exports"
        library = Library(scratch, owner, Path(name), min(ROWS, scratch.scenes))
        for first in (OURS, FLOORS):
            library.write(first)
        yield library

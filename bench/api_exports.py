"""What is measured of exports over REST: a million rows, sent as they are read, beside psql."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from django.conf import settings

from bench import arcs
from bench.exchange import BLOCK_BYTES, psql_copy
from bench.import_floor import ARCS
from bench.measure import Case, Limit
from bench.scratch import Scratch
from bench.web_server import WebServer, serving

databases: Any = import_module("tests.databases")  # where tests take theirs from

OF_A_SCENE = 10  # rows to export
ROUNDS = 4
PATIENCE_S = 60
MAX_RATIO, MAX_MEMORY_MB, MAX_GROWTH_MB = 1.7, 150, 10

_ADDRESS = f"/api/v1/{ARCS.name}/export/?format=csv"
_QUERY = f"SELECT {', '.join(ARCS.columns)} FROM public.character_arcs WHERE deleted_at IS NULL"  # noqa: S608 - our own names


class Exports:
    """A server, and a client of it that writes what it is sent into a file."""

    def __init__(self, server: WebServer, key: str, url: str, folder: Path, rows: int) -> None:
        self._server, self._url, self._folder, self.rows = server, url, folder, rows
        self._headers = {"Authorization": f"Bearer {key}"}

    def case(self) -> Case:
        """This function will return the case of all rows."""
        return Case(
            f"export {self.rows:,} rows as CSV",
            self._fetch,
            lambda: psql_copy(self._url, _QUERY, self._folder / "floor"),
            Limit(ratio=MAX_RATIO),
            "psql's \\copy to a file",
            max_rounds=ROUNDS,
            warm_up=1,
        )

    def memory(self) -> str:
        """This function will tell what memory a web process needs, for a tenth of the rows and for all."""
        self._fetch(f"&limit={self.rows // 10}")
        few = self._server.peak_mb()
        self._fetch()
        all_ = self._server.peak_mb()
        verdict = "holds" if all_ < MAX_MEMORY_MB and all_ - few <= MAX_GROWTH_MB else "DOES NOT HOLD"
        return (
            f"Peak memory of a web process: {few:.0f} MB after {self.rows // 10:,} rows, {all_:.0f} MB after"
            f" {self.rows:,} (under {MAX_MEMORY_MB} MB, and at most {MAX_GROWTH_MB} MB more: {verdict})."
        )

    def _fetch(self, parameters: str = "") -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE_S)
        connection.request("GET", f"{_ADDRESS}{parameters}", headers=self._headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"The export was answered {answer.status}: {answer.read(300)!r}")
        with (self._folder / "ours").open("wb") as file:
            shutil.copyfileobj(answer, file, BLOCK_BYTES)
        connection.close()


@contextmanager
def exporting(scratch: Scratch, environment: dict[str, str], key: str) -> Iterator[Exports]:
    """This function will fill a table with rows to export, and serve it."""
    url, rows = databases.url_of(scratch.name, settings.DATABASE_OWNER_URL), scratch.scenes * OF_A_SCENE
    with psycopg.connect(url, autocommit=True) as owner:
        arcs.fill(owner, first=0, rows=rows)
        owner.execute("VACUUM ANALYZE public.character_arcs")
    with TemporaryDirectory() as name, serving(environment) as server:
        yield Exports(server, key, url, Path(name), rows)

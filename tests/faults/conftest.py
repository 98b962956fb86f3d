"""A caller whose calls go the whole way, and what became of them in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from accesscontrol.actor import Actor
from catalog import registry
from catalog.services import records
from mcp_bridge import call
from tests import databases
from tests.catalog.services.builders import AUTHORS, BOOKS
from tests.faults.proxy import Proxy, running

PATIENCE_S = 20


class Caller:
    """Makes calls as the server does: each with a connection from the pool, given back afterwards."""

    def __init__(self, actor: Actor) -> None:
        self._user = actor.user
        self._threads = ThreadPoolExecutor(max_workers=4)

    def begins(self, tool: str, **arguments: Any) -> Future[Any]:
        """Start a call in a thread of its own."""
        return self._threads.submit(self._call, tool, arguments)

    def __call__(self, tool: str, **arguments: Any) -> Any:
        """Make a call, and return its answer or error object."""
        return self.begins(tool, **arguments).result(PATIENCE_S)

    def _call(self, tool: str, arguments: dict[str, Any]) -> Any:
        try:
            return call.call_tool(lambda: self._user, {}, tool, arguments).structured_content
        finally:
            connection.close()

    def leave(self) -> None:
        self._threads.shutdown()


@pytest.fixture
def caller(admin: Actor) -> Iterator[Caller]:
    """A superuser who calls."""
    caller = Caller(admin)
    yield caller
    caller.leave()


class Witness:
    """Reads the database past all that a test breaks."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as own:
            return own.execute(statement, params).fetchall()

    def successes(self) -> set[str]:
        """Return the changes that the trail says were made; a repeated answer is none."""
        rows = self.read(
            "SELECT change_id::text FROM public.audit_logs WHERE success AND NOT dry_run AND change_id IS NOT NULL"
            " AND record_count > 0 AND NOT client_info ? 'repeats'"
        )
        return {change for (change,) in rows}

    def versions(self) -> set[str]:
        """Return the changes that versions are kept of."""
        return {change for (change,) in self.read("SELECT DISTINCT cid FROM app.auditlog_logentry")}

    def refusals(self) -> list[str]:
        rows = self.read("SELECT error_code FROM public.audit_logs WHERE NOT success ORDER BY id")
        return [code for (code,) in rows]

    def contents(self) -> dict[str, list[str]]:
        """Return every row of the tables that these tests write to."""
        return {
            table: [row for (row,) in self.read(f"SELECT t::text FROM public.{table} t ORDER BY 1")]  # noqa: S608
            for table in ("authors", "books")
        }

    def is_waiting(self) -> bool:
        """Say whether somebody waits for a lock."""
        return bool(self.read("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))

    @contextmanager
    def locking(self, statement: str) -> Iterator[None]:
        """Hold the locks of a statement meanwhile."""
        with psycopg.connect(self.url) as own:
            own.execute(statement)
            yield
            own.rollback()


@pytest.fixture
def witness(db: None) -> Witness:
    """Somebody who sees what is in the test database."""
    return Witness(databases.url_of(connection.settings_dict["NAME"], databases.settings.DATABASE_OWNER_URL))


@pytest.fixture
def turned(db: None) -> Iterator[Callable[..., None]]:
    """Return a function that turns every connection of this process elsewhere: turned(HOST=…, pool={…})."""
    place = connection.settings_dict
    before = {**place, "OPTIONS": {**place["OPTIONS"], "pool": {**place["OPTIONS"]["pool"]}}}

    def turn(*, pool: dict[str, Any] | None = None, **changed: str) -> None:
        databases.disconnect()
        place.update(changed)
        place["OPTIONS"]["pool"].update(pool or {})

    yield turn
    databases.disconnect()
    place.update({name: value for name, value in before.items() if name != "OPTIONS"})
    place["OPTIONS"]["pool"].clear()
    place["OPTIONS"]["pool"].update(before["OPTIONS"]["pool"])


@pytest.fixture
def proxy(world: None, turned: Callable[..., None]) -> Iterator[Proxy]:
    """A proxy that all connections of this process go through."""
    place = connection.settings_dict
    with running(place["HOST"], place["PORT"]) as proxy:
        turned(HOST=str(proxy.folder), PORT="5432", pool={"timeout": 5})
        yield proxy
        databases.disconnect()


@pytest.fixture
def world(admin: Actor) -> None:
    """Author 1 with book 1, book 2 to delete and book 3 in the trash."""
    records.insert_record(actor=admin, table=AUTHORS, data={"id": 1, "name": "Ann"})
    for key in (1, 2, 3):
        data = {"id": key, "title": f"Book {key}", "author_id": 1}
        records.insert_record(actor=admin, table=registry.get("books"), data=data)
    records.delete_records(actor=admin, table=BOOKS, where={"id": 3})

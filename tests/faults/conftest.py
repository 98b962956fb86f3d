"""A caller whose calls go the whole way, and what became of them in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accesscontrol.actor import Actor
from catalog import registry
from catalog.services import records
from mcp_bridge.auth import Account
from soak import places
from soak.callers import Direct
from soak.places import Place
from soak.proxy import Proxy, running
from tests import databases
from tests.catalog.services.builders import AUTHORS, BOOKS

PATIENCE_S = 20


class Caller:
    """Makes calls in threads, so that several can be on their way."""

    def __init__(self, actor: Actor) -> None:
        self._call = Direct(Account(actor.user))
        self._threads = ThreadPoolExecutor(max_workers=4)

    def begins(self, tool: str, **arguments: Any) -> Future[Any]:
        """Start a call in a thread of its own."""
        return self._threads.submit(self._call, tool, arguments)

    def __call__(self, tool: str, **arguments: Any) -> Any:
        """Make a call, and return its answer or error object."""
        return self.begins(tool, **arguments).result(PATIENCE_S)

    def leave(self) -> None:
        self._threads.shutdown()


@pytest.fixture
def caller(admin: Actor) -> Iterator[Caller]:
    """A superuser who calls."""
    caller = Caller(admin)
    yield caller
    caller.leave()


class Witness(Place):
    """Tells what is in a database, past all that a test breaks."""

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


@pytest.fixture
def witness(admin: Actor) -> Witness:
    """Somebody who sees what is in the test database."""
    name = connection.settings_dict["NAME"]
    urls = (databases.url_of(name, url) for url in (settings.DATABASE_OWNER_URL, settings.DATABASE_URL))
    return Witness(*urls, admin.username)


@pytest.fixture
def turned(db: None) -> Iterator[Callable[..., None]]:
    """Return a function that turns every connection of this process elsewhere: turned(HOST=…, pool={…})."""
    with ExitStack() as stack:
        yield lambda **changed: stack.enter_context(places.turned(**changed))


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

"""What the tests of the services have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor, Channel
from accesscontrol.models import CatalogTable
from catalog.table import Table
from tests import databases


@pytest.fixture
def granted(db: None) -> Callable[..., Actor]:
    """Return a function that makes an actor with the rights named: granted(read=["books"], update=["books"])."""

    def make(**rights: list[str]) -> Actor:
        user = User.objects.create_user(f"user{User.objects.count()}", password="correct horse")
        for right, tables in rights.items():
            for table in tables:
                assign_perm(f"accesscontrol.{right}", user, CatalogTable.objects.get(name=table))
        return Actor(user, Channel.COMMAND)

    return make


@pytest.fixture
def owner(db: None) -> Iterator[psycopg.Connection]:
    """Return a connection of the owner to the test database, outside the test's transaction."""
    url = databases.url_of(connection.settings_dict["NAME"], databases.settings.DATABASE_OWNER_URL)
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=5s") as own:
        yield own


def rows_of(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table in the order of their keys."""
    return list(table.model._default_manager.order_by(*table.key).values())


def statements(function: Any) -> int:
    """Return how many statements a function runs."""
    with CaptureQueriesContext(connection) as captured:
        function()
    return len(captured)


def again(actor: Actor) -> Actor:
    """Return the same user as a new actor, as at the next call."""
    return Actor(actor.user, actor.channel)

"""What the tests of the services have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor, Channel
from accesscontrol.models import CatalogTable
from audit.models import AuditLog
from tests import databases


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Any) -> None:
    """Hash passwords fast: making one is no part of what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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


def again(actor: Actor) -> Actor:
    """Return the same user as a new actor, as at the next call."""
    return Actor(actor.user, actor.channel)


@pytest.fixture
def trail() -> Callable[..., list[AuditLog]]:
    """Return a function that reads the audit rows of an operation, oldest first."""

    def read(**wanted: Any) -> list[AuditLog]:
        return list(AuditLog.objects.filter(**wanted).order_by("id"))

    return read

"""What tests of access have beside the people of every test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType

from accesscontrol import roles
from accesscontrol.actor import Actor
from accesscontrol.models import CatalogTable
from audit import trail as trail_module
from audit.models import AuditLog


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: pytest.FixtureRequest) -> None:
    """Make people quickly: a real hasher takes as long as all the rest of a test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def make_role(db: None) -> Callable[..., Group]:
    """Return a function that makes a role from (right, table) pairs, the table "" for a right on the whole."""

    def make(name: str, *grants: tuple[str, str]) -> Group:
        group = Group.objects.create(name=name)
        roles._add(group, set(grants))
        return group

    return make


@pytest.fixture
def personnel(make_role: Callable[..., Group]) -> Actor:
    """Someone who manages accounts and reads books, and may do nothing else."""
    user = User.objects.create_user("petra", password="correct horse")
    user.groups.add(make_role("Personnel", ("manage_access", ""), ("read", "books")))
    return Actor(user, "admin")


@pytest.fixture
def administrator(db: None) -> Actor:
    """Someone with the role Administrator who is no superuser."""
    user = User.objects.create_user("amos", password="correct horse", is_staff=True)
    user.groups.add(Group.objects.get(name="Administrator"))
    return Actor(user, "admin")


@pytest.fixture
def trail() -> Callable[..., list[AuditLog]]:
    """Return a function that returns the rows of the trail, oldest first."""
    return lambda **wanted: list(AuditLog.objects.filter(**wanted).order_by("id"))


@pytest.fixture
def table_rights(db: None) -> ContentType:
    """Return the content type of every right."""
    return ContentType.objects.get_for_model(CatalogTable)


@pytest.fixture
def broken_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL refuse every row of the trail."""
    real = trail_module.record
    monkeypatch.setattr(
        trail_module,
        "record",
        lambda entry, **how: real(replace(entry, operation="NO SUCH OPERATION"), **how),
    )

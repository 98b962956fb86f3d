"""What the tests of the faces have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Max
from django.http import HttpRequest
from django.test import Client
from guardian.shortcuts import assign_perm

from accesscontrol import roles
from accesscontrol.actor import Actor
from accesscontrol.models import CatalogTable
from audit.models import AuditLog
from config.site import AdminSite
from tests.membership import join

PASSWORD = "correct horse battery staple"  # noqa: S105 - of accounts that live as long as a test


@pytest.fixture
def browser() -> Callable[[Actor | User], Client]:
    """Return a function that gives somebody a browser, logged in."""

    def open_for(somebody: Actor | User) -> Client:
        client = Client()
        client.force_login(somebody.user if isinstance(somebody, Actor) else somebody)
        return client

    return open_for


@pytest.fixture
def no_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pages without the list of all tables, but the first: it is the same on each, and as long as all the rest."""
    whole = AdminSite.get_app_list

    def get_app_list(site: AdminSite, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return whole(site, request, app_label) if request.path == "/admin/" else []

    monkeypatch.setattr(AdminSite, "get_app_list", get_app_list)


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Return a function that makes an account: person("Viewer", read=["books"], is_superuser=True)."""

    def make(*roles: str, name: str = "", **rights: Any) -> User:
        flags = {key: rights.pop(key) for key in ("is_superuser", "is_staff") if key in rights}
        user = User.objects.create_user(
            name or f"user{User.objects.count()}", password=PASSWORD, **{"is_staff": True, **flags}
        )
        join(user, roles)
        for right, tables in rights.items():
            for table in tables:
                assign_perm(f"accesscontrol.{right}", user, CatalogTable.objects.get(name=table))
        return user

    return make


@pytest.fixture
def news(db: None) -> Callable[..., list[AuditLog]]:
    """Return a function that reads the audit rows written since it was asked last, oldest first."""
    seen = AuditLog.objects.aggregate(last=Max("id"))["last"] or 0

    def read(**wanted: Any) -> list[AuditLog]:
        nonlocal seen
        found = list(AuditLog.objects.filter(id__gt=seen).order_by("id"))
        seen = found[-1].pk if found else seen
        return [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]

    return read


@pytest.fixture
def manager(person: Any) -> User:
    """Somebody who manages access, and reads books: no superuser."""
    group = Group.objects.create(name="Front desk")
    roles._add(group, {("manage_access", ""), ("read", "books")})
    user: User = person(name="mona")
    user.groups.add(group)
    return user


@pytest.fixture
def dora(person: Any, browser: Any) -> Client:
    """The browser of a data manager, who imports and exports."""
    opened: Client = browser(person("Data manager", name="dora"))
    return opened

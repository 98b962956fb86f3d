"""What tests of access have beside the people of every test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType

from accesscontrol import roles
from accesscontrol.actor import Actor
from accesscontrol.models import CatalogTable


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
def table_rights(db: None) -> ContentType:
    """Return the content type of every right."""
    return ContentType.objects.get_for_model(CatalogTable)

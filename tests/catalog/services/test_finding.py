"""The global search: what is found in all tables, for whom, and in which order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import AuthenticationRequired
from accesscontrol.models import CatalogTable, ColumnRule
from audit.models import AuditLog
from catalog.services import columns, finding
from tests.catalog.services import builders
from tests.catalog.services.builders import AUTHORS

pytestmark = pytest.mark.django_db


def test_finds_names_in_all_tables_the_best_first(admin: Actor) -> None:
    builders.book(title="The Emma Papers")
    builders.book(title="Emma")
    builders.character(name="Emma Woodhouse")

    hits = finding.find(actor=admin, text="emma")

    assert [(hit.table.name, hit.name) for hit in hits] == [
        ("books", "Emma"),
        ("books", "The Emma Papers"),
        ("characters", "Emma Woodhouse"),
    ]


def test_keeps_to_the_tables_that_one_may_read(granted: Callable[..., Actor]) -> None:
    builders.book(title="Emma")
    builders.author(name="Emma Smith")

    assert {hit.table for hit in finding.find(actor=granted(read=["authors"]), text="emma")} == {AUTHORS}
    assert finding.find(actor=granted(), text="emma") == []


def test_leaves_out_the_trash_and_hidden_names(make_reader: Callable[..., Actor]) -> None:
    builders.book(title="Emma", deleted_at="2026-01-01T00:00:00Z")
    builders.author(name="Emma Smith")
    reader = make_reader("books", "authors", authors="name")

    assert columns.shown(reader, AUTHORS).title_column is None
    assert finding.find(actor=reader, text="emma") == []


def test_says_what_a_record_belongs_to_where_one_may_know(
    admin: Actor, granted: Callable[..., Actor]
) -> None:
    builders.book(title="Emma", author=builders.author(name="Jane Austen"))

    assert [hit.within for hit in finding.find(actor=admin, text="emma")] == ["Jane Austen"]
    assert [hit.within for hit in finding.find(actor=granted(read=["books"]), text="emma")] == [None]


def test_looks_at_names_alone(admin: Actor) -> None:
    builders.book(title="Emma", genre="Zarzuela")

    assert finding.find(actor=admin, text="zarzuela") == []


def test_is_two_statements_and_one_entry_of_the_trail(admin: Actor) -> None:
    builders.book(title="Emma")
    before = AuditLog.objects.count()

    with CaptureQueriesContext(connection) as queries:
        finding.find(actor=admin, text="emma")

    assert len([q for q in queries if "search_vector" in q["sql"]]) == 2
    entry = AuditLog.objects.order_by("id").last()
    assert AuditLog.objects.count() == before + 1
    assert entry is not None
    assert (entry.operation, entry.table_name, entry.record_count) == ("QUERY", None, 1)


def test_is_refused_to_strangers(db: None) -> None:
    with pytest.raises(AuthenticationRequired):
        finding.find(actor=Actor(None, Channel.ADMIN), text="emma")


@pytest.fixture
def make_reader(db: None) -> Callable[..., Actor]:
    """Return a function that makes a reader of tables, with a column hidden: make_reader("books", books="title")."""

    def make(*tables: str, **hidden: str) -> Actor:
        group = Group.objects.create(name="readers")
        for table in tables:
            assign_perm("accesscontrol.read", group, CatalogTable.objects.get(name=table))
        for table, column in hidden.items():
            ColumnRule.objects.create(role=group, table_id=table, column_name=column, access="hidden")
        user = User.objects.create_user("rita", password="correct horse")
        user.groups.add(group)
        return Actor(user, Channel.COMMAND)

    return make

"""Columns that a role may not see, or not set, on every path there is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from guardian.shortcuts import assign_perm

import audit.queries
from accesscontrol import roles
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Conflict, Forbidden, InvalidInput, NotFound, Refused
from accesscontrol.models import CatalogTable, ColumnRule
from audit import trail
from audit.operation import Terms
from audit.trail import Entry, record_refusal
from catalog import registry
from catalog.errors import CheckViolation
from catalog.services import batch, describe, queries, records, trash, undo
from catalog.services.column_rules import set_column_rule
from catalog.services.writing import Change
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUDIT_LOGS,
    AUTHORS,
    BOOKS,
    CHARACTERS,
    GOALS,
    SCENES,
    SESSIONS,
)
from tests.catalog.services.conftest import again

RIGHTS = ("read", "insert", "update", "delete", "purge")
MakeRole = Callable[..., Group]


@pytest.fixture
def role(db: None) -> MakeRole:
    """Return a function that makes a role: role("a", "books", *rights, word_count="hidden")."""

    def make(name: str, table: str, *rights: str, **rules: str) -> Group:
        group, _ = Group.objects.get_or_create(name=name)
        for right in rights or RIGHTS:
            assign_perm(f"accesscontrol.{right}", group, CatalogTable.objects.get(name=table))
        for column, access in rules.items():
            ColumnRule.objects.create(role=group, table_id=table, column_name=column, access=access)
        return group

    return make


@pytest.fixture
def member(db: None) -> Callable[..., Actor]:
    """Return a function that makes an actor with roles."""

    def make(*groups: Group) -> Actor:
        user = User.objects.create_user(f"member{User.objects.count()}", password="correct horse")
        user.groups.set(groups)
        return Actor(user, Channel.COMMAND)

    return make


@pytest.fixture
def blind(role: MakeRole, member: Callable[..., Actor]) -> Actor:
    """Someone who does everything with authors and books, and knows nothing of email and word_count."""
    role("blind", "authors", email="hidden")
    return member(role("blind", "books", word_count="hidden", book_number="hidden"))


@pytest.fixture
def bound(role: MakeRole, member: Callable[..., Actor]) -> Actor:
    """Someone who sees the titles of books and may not set them, nor anyone's email."""
    role("bound", "authors", email="read_only")
    return member(role("bound", "books", status="read_only"))


def refused(kind: type[Refused], function: Callable[..., Any], **arguments: Any) -> str:
    """The whole refusal as a text."""
    with pytest.raises(kind) as caught:
        function(**arguments)
    return json.dumps(caught.value.as_dict(), default=str)


def without_times(text: str) -> str:
    """A record as it is written, but for when it was changed."""
    return re.sub(r'"(updated|deleted)_at":[^,}]+', "", text)


def names(change_or_page: Any) -> set[str]:
    assert len(change_or_page.records), "there is nothing to look at"
    assert json.loads(change_or_page.records.json()) == list(change_or_page.records)
    return {name for record in change_or_page.records for name in record}


class TestHiddenOnReading:
    def test_is_absent_from_records(self, blind):
        builders.book(word_count=77_123)

        page = queries.query_records(actor=blind, table=BOOKS, order_by=[{"column": "title"}])

        assert names(page) == set(BOOKS.columns) - {"word_count", "book_number"}
        assert "77123" not in page.records.json()

    def test_leaves_in_the_trash_what_is_there(self, member, role):
        actor = member(role("a", "books", deleted_at="hidden"))
        book = builders.book(deleted_at="2026-01-01T00:00:00Z")

        assert queries.get_record(actor=actor, table=BOOKS, key={"id": book.pk}) is None
        assert not queries.query_records(actor=actor, table=BOOKS).records

    @pytest.mark.parametrize(
        "asked",
        [
            {"columns": ["word_count"]},
            {"where": {"word_count": {"$gt": 1}}},
            {"where": {"$or": [{"title": "x"}, {"$not": {"word_count": None}}]}},
            {"order_by": [{"column": "word_count"}]},
            {"group_by": ["word_count"]},
            {"aggregate": {"n": {"fn": "max", "column": "word_count"}}},
            {"group_by": ["title"], "aggregate": {"n": {"fn": "sum", "column": "word_count"}}},
        ],
    )
    def test_is_unknown_to_queries(self, blind, asked):
        told = refused(InvalidInput, queries.query_records, actor=blind, table=BOOKS, **asked)

        unknown = refused(
            InvalidInput, queries.query_records, actor=blind, table=BOOKS,
            **json.loads(json.dumps(asked).replace("word_count", "word_cound")),
        )  # fmt: skip
        assert told.replace("word_count", "word_cound") == unknown  # as if there were none

    def test_is_in_no_list_of_what_there_is(self, blind):
        told = refused(InvalidInput, queries.query_records, actor=blind, table=BOOKS, columns=["word_coun"])

        assert "word_count" not in told
        assert "book_number" not in told

    def test_is_absent_from_expanded_records(self, blind):
        builders.book(author=builders.author(email="hidden@example.org"))

        page = queries.query_records(actor=blind, table=BOOKS, expand=["author"])

        assert "name" in page.records[0]["author"]
        assert "email" not in page.records[0]["author"]

    def test_is_absent_from_the_schema_with_its_rules(self, blind, admin):
        for table, hidden in ((BOOKS, "book_number"), (AUTHORS, "email")):
            told = json.dumps(describe.get_schema(actor=blind, table=table))
            assert hidden not in told
            assert hidden in json.dumps(describe.get_schema(actor=admin, table=table))
            for metadata in (True, False):
                listed = describe.list_table_columns(actor=blind, table=table, include_metadata=metadata)
                assert hidden not in json.dumps(listed)
                assert listed["total"] == len(listed["columns"])
            relations = describe.get_relationships(actor=blind, table=table, depth=3)
            assert hidden not in json.dumps(relations)

    def test_is_all_there_for_a_superuser_with_the_role(self, blind, admin):
        admin.user.groups.set(blind.user.groups.all())
        builders.book(word_count=5)

        assert queries.query_records(actor=again(admin), table=BOOKS).records[0]["word_count"] == 5


class TestHiddenOnWriting:
    def test_is_absent_from_what_each_write_answers(self, blind):
        kept = {"actor": blind, "table": BOOKS}
        author = builders.author()
        hidden = {"word_count", "book_number"}
        inserted = records.insert_record(**kept, data={"title": "x", "author_id": author.pk})
        where = {"id": inserted.records[0]["id"]}
        updated = records.update_records(**kept, data={"title": "y"}, where=where)
        tried = records.update_records(**kept, data={"title": "y"}, where=where, terms=Terms(dry_run=True))
        deleted = records.delete_records(**kept, where=where)
        restored = trash.restore_records(**kept, where=where)
        batch_updated = batch.update_records(**kept, updates=[{"where": where, "data": {"title": "z"}}])
        batch_deleted = batch.delete_records(**kept, conditions_=[where])
        purged = trash.purge_records(**kept, where=where)
        batch_inserted = batch.insert_records(**kept, records=[{"title": "x", "author_id": author.pk}])
        gone = records.delete_records(
            **kept, where={"id": batch_inserted.records[0]["id"]}, soft_delete=False
        )

        for change in (
            inserted, updated, tried, deleted, restored, batch_updated, batch_deleted, purged, batch_inserted, gone,
        ):  # fmt: skip
            assert names(change) == set(BOOKS.columns) - hidden

    def test_keeps_its_value_and_its_default(self, blind, role, member):
        book = builders.book(word_count=5)
        records.update_records(actor=blind, table=BOOKS, data={"title": "y"}, where={"id": book.pk})
        assert builders.stored(BOOKS, pk=book.pk)["word_count"] == 5

        other = member(role("other", "characters", attributes="hidden"))
        for change in (
            records.insert_record(actor=other, table=CHARACTERS, data={"name": "x"}),
            batch.insert_records(
                actor=other, table=CHARACTERS, records=[{"name": "x"}, {"name": "y", "age": 5}]
            ),
        ):
            for record in change.records:
                assert builders.stored(CHARACTERS, pk=record["id"])["attributes"] == {}

    def test_leaves_the_digits_of_the_others_as_they_are(self, role, member):
        document = (
            '{"a": 1.10, "b": [12345678901234567890.12345678901234567890, 1.0], "age": {"": "}\\"age\\": 1"}}'
        )
        person = builders.character(name='é "age": 1, \\ \n', age=5, aliases=["a,b", "c"])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE characters SET attributes = %s WHERE id = %s", [document, person.pk])
        other = member(role("other", "characters", age="hidden"))
        kept = {"actor": other, "table": CHARACTERS, "where": {"id": person.pk}}
        (whole,) = queries.query_records(actor=other, table=CHARACTERS).records.texts
        assert f'"attributes":{document},' in whole

        for change in (
            records.update_records(**kept, data={"name": person.name}),
            records.delete_records(**kept),
            trash.restore_records(**kept),
        ):
            (text,) = change.records.texts
            assert without_times(text) == without_times(whole)

    @pytest.mark.parametrize(
        ("service", "arguments"),
        [
            (records.insert_record, {"data": {"title": "x", "author_id": 1, "word_count": 1}}),
            (records.update_records, {"data": {"word_count": 1}, "where": {"id": 1}}),
            (records.update_records, {"data": {"title": "x"}, "where": {"word_count": 1}}),
            (records.delete_records, {"where": {"word_count": 1}}),
            (trash.restore_records, {"where": {"word_count": 1}}),
            (trash.purge_records, {"where": {"word_count": 1}}),
            (batch.insert_records, {"records": [{"title": "x", "author_id": 1, "word_count": 1}]}),
            (batch.update_records, {"updates": [{"where": {"id": 1}, "data": {"word_count": 1}}]}),
            (batch.update_records, {"updates": [{"where": {"word_count": 1}, "data": {"title": "x"}}]}),
            (batch.delete_records, {"conditions_": [{"word_count": 1}]}),
        ],
    )
    def test_is_unknown(self, blind, service, arguments):
        told = refused(InvalidInput, service, actor=blind, table=BOOKS, **arguments)

        assert "has no column 'word_count'" in told
        assert "book_number" not in told

    def test_is_not_named_by_a_rule_that_involves_it(self, blind, role, member):
        series = builders.series()
        builders.book(series=series, book_number=1)
        book = builders.book(book_number=1)
        move = {"series_id": series.pk}
        for service, arguments in (
            (records.update_records, {"data": move, "where": {"id": book.pk}}),
            (batch.update_records, {"updates": [{"where": {"id": book.pk}, "data": move}]}),
        ):
            told = refused(CheckViolation, service, actor=blind, table=BOOKS, **arguments)
            assert "A rule of books is broken." in told
            assert "book_number" not in told
            assert "key" not in told

        goal = builders.goal(starts_on="2026-02-02")
        other = member(role("other", "writing_goals", starts_on="hidden"))
        told = refused(
            CheckViolation, records.update_records, actor=other, table=GOALS,
            data={"ends_on": "2026-01-01"}, where={"id": goal.pk},
        )  # fmt: skip
        assert "start" not in told


class TestHiddenOnUndoing:
    def test_refuses_every_change_of_the_table_in_the_same_words(self, blind, admin):
        book = builders.book(word_count=1, book_number=7)
        author = book.author_id

        def update(actor: Actor, **data: Any) -> Change:
            return records.update_records(actor=actor, table=BOOKS, data=data, where={"id": book.pk})

        insert = {"actor": blind, "table": BOOKS, "data": {"title": "x", "author_id": author}}
        changes = [
            update(blind, title="x"),
            update(admin, title="y", word_count=2),
            update(admin, word_count=3),
            update(admin, word_count=3),  # nothing
            records.insert_record(**insert),
            records.delete_records(actor=blind, table=BOOKS, where={"id": book.pk}, soft_delete=False),
        ]

        told = {
            refused(Forbidden, undo.undo_change, actor=again(blind), change_id=change.change_id)
            for change in changes
        }

        assert len(told) == 1
        assert "Columns of books are hidden from your role" in told.pop()
        undo.undo_change(actor=admin, change_id=changes[-1].change_id)

    def test_refuses_no_change_of_other_tables(self, blind, role):
        role("blind", "characters")
        actor = again(blind)
        change = records.insert_record(actor=actor, table=CHARACTERS, data={"name": "x"})

        assert undo.undo_change(actor=actor, change_id=change.change_id).count == 1

    def test_refuses_a_change_that_went_along_with_another_table(self, role, member, admin):
        role("a", "characters")
        actor = member(role("a", "character_scenes", role="hidden"))
        appearance = builders.appearance()
        gone = records.delete_records(
            actor=admin, table=CHARACTERS, where={"id": appearance.character_id}, soft_delete=False
        )

        told = refused(Forbidden, undo.undo_change, actor=actor, change_id=gone.change_id)

        assert "Columns of character_scenes are hidden" in told


class TestHiddenInTheTrail:
    @pytest.fixture
    def written(self, admin: Actor) -> Any:
        """Changes and refusals about word_count, by somebody else."""
        book = builders.book()
        where = {"id": book.pk}
        records.update_records(
            actor=admin, table=BOOKS, data={"word_count": 1_234_567_811, "title": "t"}, where=where
        )
        batch.update_records(
            actor=admin,
            table=BOOKS,
            updates=[
                {"where": where, "data": {"word_count": 1_234_567_812}},
                {"where": {"id": builders.book().pk}, "data": {"word_count": 1_234_567_813, "title": "u"}},
            ],
        )
        record_refusal(admin, "UPDATE", "books", InvalidInput("word_count must be an integer."))
        record_refusal(admin, "UNDO", None, Conflict("record 1 of books has another word_count."))

    def test_is_absent_from_its_search_and_its_table(self, blind, admin, written, role):
        role("blind", "audit_logs", "read")
        blind.user.user_permissions.clear()
        Group.objects.get(name="blind").permissions.add(*Group.objects.get(name="Auditor").permissions.all())

        for told in (
            audit.queries.search(actor=again(blind))["logs"].json(),
            queries.query_records(actor=again(blind), table=AUDIT_LOGS).records.json(),
        ):
            assert "word_count" not in told
            assert "12345678" not in told
        shown = audit.queries.search(actor=again(admin))["logs"].json()
        assert "word_count" in shown
        assert "1234567813" in shown
        logs = audit.queries.search(actor=again(blind), operation="UPDATE", success=True)["logs"]
        assert logs[0]["changes"]["title"]["new"] == "t"  # what is not hidden stays

    def test_is_absent_from_what_an_undo_did_to_other_tables(self, role, member, admin):
        reader = member(role("a", "characters", "read"), role("a", "character_scenes", "read", role="hidden"))
        appearance = builders.appearance(role="secretly the hero")
        gone = records.delete_records(
            actor=admin, table=CHARACTERS, where={"id": appearance.character_id}, soft_delete=False
        )
        undo.undo_change(actor=admin, change_id=gone.change_id)

        told = audit.queries.search(actor=reader, operation="UNDO")["logs"].json()

        assert "character_scenes" in told
        assert "secretly" not in told

    def test_can_not_be_asked_for_in_its_table(self, blind, written, role):
        role("blind", "audit_logs", "read")
        for column in ("changes", "error_message"):
            refused(
                InvalidInput, queries.query_records, actor=again(blind), table=AUDIT_LOGS,
                where={column: {"$null": False}},
            )  # fmt: skip

    def test_does_not_break_rows_of_another_form(self, blind):
        trail.record(
            Entry(blind, "BULK_LOAD", table_name="books", changes={"seed": 1, "records": {"books": 5}})
        )

        (log,) = audit.queries.search(actor=blind, operation="BULK_LOAD")["logs"]
        assert log["changes"] == {"seed": 1, "records": {"books": 5}}


class TestReadOnly:
    def test_is_shown(self, bound):
        builders.book()
        page = queries.query_records(actor=bound, table=BOOKS, where={"status": "draft"})
        assert names(page) == set(BOOKS.columns)

    @pytest.mark.parametrize(
        ("service", "arguments"),
        [
            (records.insert_record, {"data": {"title": "x", "author_id": 1, "status": "draft"}}),
            (records.update_records, {"data": {"status": "draft"}, "where": {"id": 1}}),
            (batch.insert_records, {"records": [{"title": "x", "author_id": 1, "status": "draft"}]}),
            (batch.update_records, {"updates": [{"where": {"id": 1}, "data": {"status": "draft"}}]}),
        ],
    )
    def test_is_refused(self, bound, service, arguments):
        told = refused(Forbidden, service, actor=bound, table=BOOKS, **arguments)

        assert "You may not set status in books" in told

    def test_is_refused_by_an_undo_that_would_set_it(self, bound, admin):
        book = builders.book()
        where = {"id": book.pk}
        status = records.update_records(actor=admin, table=BOOKS, data={"status": "editing"}, where=where)
        title = records.update_records(actor=admin, table=BOOKS, data={"title": "x"}, where=where)

        undo.undo_change(actor=bound, change_id=title.change_id)
        refused(Forbidden, undo.undo_change, actor=bound, change_id=status.change_id)

    def test_leaves_the_other_columns_writable(self, bound):
        author = builders.author()
        change = records.insert_record(actor=bound, table=BOOKS, data={"title": "x", "author_id": author.pk})
        assert change.records[0]["status"] == "draft"


class TestSeveralRoles:
    def test_one_that_shows_is_enough(self, role, member):
        builders.book(word_count=5)
        hides = role("hides", "books", word_count="hidden")
        hides_too = role("hides too", "books", "read", word_count="hidden")
        shows = role("shows", "books", "read")

        for groups, is_seen in (
            ([hides], False), ([hides, hides_too], False), ([hides, shows], True), ([shows], True),
        ):  # fmt: skip
            page = queries.query_records(actor=member(*groups), table=BOOKS)
            assert ("word_count" in names(page)) is is_seen

    def test_one_without_the_table_shows_nothing(self, role, member):
        builders.book()
        actor = member(role("hides", "books", word_count="hidden"), role("elsewhere", "scenes"))

        assert "word_count" not in names(queries.query_records(actor=actor, table=BOOKS))

    def test_one_that_may_set_is_enough(self, role, member):
        book = builders.book()
        both = member(role("a", "books", status="read_only"), role("b", "books", "read", "update"))

        arguments = {"data": {"status": "editing"}, "where": {"id": book.pk}}
        records.update_records(actor=both, table=BOOKS, **arguments)
        refused(
            Forbidden, records.insert_record, actor=both, table=BOOKS,
            data={"title": "x", "author_id": book.author_id, "status": "draft"},
        )  # fmt: skip

    def test_one_that_hides_and_one_that_keeps_let_nobody_set(self, role, member):
        book = builders.book(word_count=5)
        actor = member(role("a", "books", word_count="hidden"), role("b", "books", word_count="read_only"))

        assert "word_count" in names(queries.query_records(actor=actor, table=BOOKS))
        told = refused(
            Forbidden, records.update_records, actor=actor, table=BOOKS,
            data={"word_count": 6}, where={"id": book.pk},
        )  # fmt: skip
        assert "read only" in told

    def test_one_that_hides_and_writes_and_one_that_only_reads(self, role, member):
        book = builders.book(word_count=5)
        actor = member(role("a", "books", word_count="hidden"), role("b", "books", "read"))

        refused(
            Forbidden, records.update_records, actor=actor, table=BOOKS,
            data={"word_count": 6}, where={"id": book.pk},
        )  # fmt: skip

    def test_a_role_that_writes_and_does_not_read_hides_too(self, role, member):
        author = builders.author(email="hidden@example.org")
        actor = member(role("a", "authors", "insert", "update", email="hidden"))

        change = records.update_records(
            actor=actor, table=AUTHORS, data={"bio": "x"}, where={"id": author.pk}
        )

        assert "email" not in names(change)


class TestRules:
    def test_are_made_changed_and_lifted(self, admin, viewer, trail):
        builders.book()
        group = Group.objects.get(name="Viewer")
        rule = {"actor": admin, "role": group, "table": BOOKS, "column": "word_count"}

        for access, is_seen in (("hidden", False), ("read_only", True), (None, True), (None, True)):
            set_column_rule(**rule, access=access)
            page = queries.query_records(actor=again(viewer), table=BOOKS)
            assert ("word_count" in names(page)) is is_seen

        rows = [row for row in trail() if row.operation in ("GRANT", "REVOKE")]
        assert [(row.operation, row.record_id, row.user_id) for row in rows] == [
            ("REVOKE", "role Viewer", "ada"), ("GRANT", "role Viewer", "ada"), ("GRANT", "role Viewer", "ada"),
        ]  # fmt: skip
        assert [row.changes["books.word_count"] for row in rows] == [
            {"old": None, "new": "hidden"}, {"old": "hidden", "new": "read_only"}, {"old": "read_only", "new": None},
        ]  # fmt: skip
        assert not ColumnRule.objects.exists()

    @pytest.mark.parametrize(
        ("table", "column", "reason"),
        [
            (BOOKS, "id", "key"),
            (APPEARANCES, "scene_id", "key"),
            (BOOKS, "author_id", "refers to authors"),
            (SCENES, "location_id", "refers to locations"),
            (BOOKS, "deleted_at", "trash"),
            (BOOKS, "title", "required"),
            (SESSIONS, "session_date", "required"),
            (AUDIT_LOGS, "changes", "masked"),
        ],
    )
    def test_that_would_break_a_table_are_refused(self, admin, table, column, reason):
        group = Group.objects.get(name="Viewer")
        told = refused(
            InvalidInput,
            set_column_rule,
            actor=admin,
            role=group,
            table=table,
            column=column,
            access="hidden",
        )

        assert reason in told
        assert not ColumnRule.objects.exists()

    @pytest.mark.parametrize("column", ["status", "created_at", "word_count", "description"])
    def test_of_other_columns_are_possible(self, admin, column):
        set_column_rule(
            actor=admin, role=Group.objects.get(name="Viewer"), table=BOOKS, column=column, access="hidden"
        )
        assert ColumnRule.objects.get().column_name == column

    @pytest.mark.parametrize(
        ("column", "access", "told"),
        [
            ("word_coun", "hidden", "word_count"),
            ("x" * 100, None, "no column"),
            ("status", "secret", "read_only"),
        ],
    )
    def test_of_unknown_names_are_refused(self, admin, column, access, told):
        group = Group.objects.get(name="Viewer")
        assert told in refused(
            InvalidInput, set_column_rule, actor=admin, role=group, table=BOOKS, column=column, access=access
        )

    def test_need_the_right_to_manage_access(self, editor, nobody, auditor):
        group = Group.objects.get(name="Viewer")
        for actor in (editor, nobody, auditor):
            refused(
                Forbidden,
                set_column_rule,
                actor=actor,
                role=group,
                table=BOOKS,
                column="status",
                access="hidden",
            )
        assert not ColumnRule.objects.exists()

    def test_are_not_lifted_by_those_whom_they_bind(self, member, admin):
        group = Group.objects.get(name="Administrator")
        manager = member(group)
        rule = {"role": group, "table": BOOKS, "column": "status"}
        set_column_rule(actor=manager, access="read_only", **rule)
        set_column_rule(actor=again(manager), access="hidden", **rule)

        for access in ("read_only", None):
            refused(Forbidden, set_column_rule, actor=again(manager), access=access, **rule)
        assert ColumnRule.objects.get().access == "hidden"
        set_column_rule(actor=admin, access=None, **rule)
        assert not ColumnRule.objects.exists()

    def test_that_name_no_column_tell_of_none_that_is_hidden(self, member, admin):
        group = Group.objects.get(name="Administrator")
        manager = member(group)
        set_column_rule(actor=admin, role=group, table=BOOKS, column="status", access="hidden")

        told = refused(
            InvalidInput,
            set_column_rule,
            actor=again(manager),
            role=group,
            table=BOOKS,
            column="statu",
            access="hidden",
        )

        assert "statu" in told
        assert "status" not in told

    def test_of_a_role_that_is_gone_are_refused(self, admin):
        group = Group.objects.create(name="gone")
        Group.objects.filter(name="gone").delete()
        refused(
            NotFound, set_column_rule, actor=admin, role=group, table=BOOKS, column="status", access="hidden"
        )

    def test_without_an_audit_row_are_not_made(self, admin, monkeypatch):
        def fail(*_: object) -> None:
            raise RuntimeError("no trail")

        monkeypatch.setattr("audit.trail.record", fail)
        with pytest.raises(RuntimeError):
            set_column_rule(
                actor=admin,
                role=Group.objects.get(name="Viewer"),
                table=BOOKS,
                column="status",
                access="hidden",
            )
        assert not ColumnRule.objects.exists()

    def test_of_what_is_gone_do_no_harm(self, role, member, admin):
        CatalogTable.objects.create(name="vanished")
        group = role("a", "books", column_of_old="hidden", other="read_only")
        ColumnRule.objects.create(role=group, table_id="vanished", column_name="x", access="hidden")
        actor = member(group)
        builders.book()

        assert names(queries.query_records(actor=actor, table=BOOKS)) == set(BOOKS.columns)
        change = records.delete_records(actor=actor, table=BOOKS, where={"title": {"$null": False}})
        undo.undo_change(actor=actor, change_id=change.change_id)
        assert audit.queries.search(actor=again(actor))["count"] == 3
        set_column_rule(actor=admin, role=group, table=BOOKS, column="column_of_old", access=None)
        roles.sync(registry.all_tables())
        assert [rule.column_name for rule in ColumnRule.objects.all()] == ["other"]


class TestCommand:
    def test_makes_and_lifts_a_rule(self, admin, capsys):
        call_command("set_column_rule", "Viewer", "books", "status", "hidden", user="ada")
        assert ColumnRule.objects.get().access == "hidden"
        call_command("set_column_rule", "Viewer", "books", "status", "none", user="ada")

        assert not ColumnRule.objects.exists()
        assert capsys.readouterr().out.splitlines() == [
            "books.status is hidden from Viewer.", "books.status has no rule for Viewer.",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("Nobody", "books", "status", "hidden", "ada"), "no role 'Nobody'"),
            (("Viewer", "books", "status", "hidden", "nina"), "no account 'nina'"),
            (("Viewer", "bookss", "status", "hidden", "ada"), "bookss"),
            (("Viewer", "books", "id", "hidden", "ada"), "it is the key"),
            (("Viewer", "books", "status", "hidden", "norah"), "manage_access"),
        ],
    )
    def test_says_what_is_wrong(self, admin, nobody, arguments, told):
        *rule, user = arguments
        with pytest.raises(CommandError, match=told):
            call_command("set_column_rule", *rule, user=user)

from __future__ import annotations

import logging
from concurrent.futures import CancelledError
from time import monotonic, sleep

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from audit import trail
from audit.models import AuditLog
from catalog.models import Author, Book
from catalog.services import describe

pytestmark = pytest.mark.django_db(transaction=True)


def until(condition, patience_s=3):  # less than lock_timeout, which would end the waiting too
    deadline = monotonic() + patience_s
    while not condition():
        assert monotonic() < deadline
        sleep(0.01)


def last_row():
    return AuditLog.objects.latest("id")


class TestErrorObject:
    @pytest.mark.parametrize(
        ("code", "tool", "arguments"),
        [
            ("VALIDATION_ERROR", "db_query_records", {"table": "authors", "where": {"nmae": "x"}}),
            (
                "VALIDATION_ERROR",
                "db_update_records",
                {"table": "authors", "where": {}, "data": {"bio": "x"}},
            ),
            ("READ_ONLY_TABLE", "db_insert_record", {"table": "genres", "data": {"name": "x"}}),
            (
                "FOREIGN_KEY_VIOLATION",
                "db_insert_record",
                {"table": "books", "data": {"title": "x", "author_id": 999}},
            ),
            ("NOT_NULL_VIOLATION", "db_insert_record", {"table": "authors", "data": {}}),
            ("VALIDATION_ERROR", "db_restore_records", {"table": "authors", "where": {"id": 1}}),
            ("VALIDATION_ERROR", "db_get_relationships", {"table": "authors", "depth": 4}),
            ("VALIDATION_ERROR", "db_list_tables", {"pattern": "\\"}),
            ("VALIDATION_ERROR", "db_query_audit_logs", {"operation": "DROP"}),
            ("VALIDATION_ERROR", "db_query_audit_logs", {"start_date": "yesterday"}),
            ("VALIDATION_ERROR", "db_query_audit_logs", {"user_id": "\0"}),
        ],
    )
    def test_comes_as_the_service_gave_it_and_is_audited(self, agent, editor, code, tool, arguments):
        error = agent.refused(tool, **arguments)
        row = last_row()
        assert error["code"] == row.error_code == code
        assert (row.success, row.user_id, row.channel) == (False, editor.username, "mcp")
        assert row.error_message == error["message"]
        assert row.table_name == arguments.get("table")

    @pytest.mark.parametrize("name", ["dry_run", "dryRun"])
    def test_of_a_dry_run_is_told_as_such(self, agent, name):
        agent.refused("db_insert_record", table="authors", data={}, **{name: True})

        assert last_row().dry_run

    def test_of_a_duplicate_names_the_columns(self, agent, carroll):
        agent.ask("db_update_records", table="authors", data={"email": "a@b.c"}, where={"id": carroll["id"]})
        error = agent.refused("db_insert_record", table="authors", data={"name": "x", "email": "a@b.c"})
        assert (error["code"], error["details"]["columns"]) == ("DUPLICATE_KEY", ["email"])

    def test_of_a_hard_delete_lists_the_dependents(self, agent, alice):
        error = agent.refused("db_delete_records", table="authors", where={"id": alice["author_id"]})
        assert error["code"] == "FOREIGN_KEY_VIOLATION"
        assert error["details"]["dependents"][0]["keys"] == [str(alice["id"])]

    def test_of_an_unknown_tool_names_the_nearest_and_is_audited(self, agent, editor):
        error = agent.refused("db_query_record", table="authors")
        assert "Did you mean db_query_records" in error["message"]
        assert "db_list_tables" in error["details"]["allowed"]
        row = last_row()
        assert (row.operation, row.table_name, row.error_code) == ("QUERY", "authors", "VALIDATION_ERROR")
        assert (row.user_id, row.error_message) == (editor.username, error["message"])


class TestRights:
    def test_a_tool_that_is_not_listed_refuses_and_tells_the_trail(self, connect, viewer):
        agent = connect(viewer)
        assert (
            agent.refused("db_insert_record", table="authors", data={"name": "x"})["code"]
            == "PERMISSION_DENIED"
        )
        assert (last_row().operation, last_row().error_code) == ("INSERT", "PERMISSION_DENIED")
        assert not Author.objects.exists()

    def test_taken_away_are_gone_at_the_next_call(self, agent, editor):
        agent.ask("db_insert_record", table="authors", data={"name": "x"})
        editor.user.groups.clear()
        assert (
            agent.refused("db_insert_record", table="authors", data={"name": "y"})["code"]
            == "PERMISSION_DENIED"
        )

    def test_given_hold_at_the_next_call(self, connect, nobody):
        agent = connect(nobody)
        agent.refused("db_query_records", table="authors")
        nobody.user.groups.add(Group.objects.get(name="Viewer"))
        agent.ask("db_query_records", table="authors")

    def test_a_disabled_account_is_refused_at_the_next_call_and_told_once_a_minute(self, agent, editor):
        agent.ask("db_list_tables")
        User.objects.filter(pk=editor.user.pk).update(is_active=False)
        for _ in range(3):
            assert agent.refused("db_list_tables")["code"] == "AUTHENTICATION_REQUIRED"
        assert AuditLog.objects.filter(error_code="AUTHENTICATION_REQUIRED").count() == 1

    def test_a_disabled_account_learns_nothing_of_its_mistakes(self, agent):
        User.objects.update(is_active=False)
        for tool in ("db_query_records", "no_such_tool"):
            assert agent.refused(tool, table="no_such_table")["code"] == "AUTHENTICATION_REQUIRED"

    def test_a_deleted_account_is_refused_at_the_next_call(self, agent, editor):
        editor.user.delete()
        assert agent.refused("db_list_tables")["code"] == "AUTHENTICATION_REQUIRED"

    def test_a_renamed_account_acts_under_its_new_name(self, agent, editor):
        User.objects.filter(pk=editor.user.pk).update(username="edith-2")
        agent.ask("db_list_tables")
        assert last_row().user_id == "edith-2"


class TestBugs:
    def test_are_answered_with_an_id_and_logged_with_a_traceback(self, agent, monkeypatch, caplog):
        def broken(**_):
            raise RuntimeError("postgresql://user:hunter2@host/db")

        monkeypatch.setattr(describe, "list_tables", broken)
        error = agent.refused("db_list_tables")
        assert error["code"] == "INTERNAL"
        assert "hunter2" not in str(error)
        assert "RuntimeError" not in str(error)
        (logged,) = (record for record in caplog.records if record.levelno == logging.ERROR)
        assert logged.msg["event"] == "call_failed"
        assert isinstance(logged.msg["exc_info"], RuntimeError)
        assert str(last_row().request_id) == error["details"]["request_id"] == logged.msg["request_id"]
        assert (last_row().operation, last_row().error_code) == ("LIST_TABLES", "INTERNAL")

    def test_leave_the_next_call_untouched(self, agent, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(describe, "list_tables", lambda **_: 1 / 0)
            agent.refused("db_list_tables")
        agent.ask("db_list_tables")


class TestAudit:
    def test_nothing_is_answered_when_the_row_of_a_write_cannot_be_written(self, agent, monkeypatch):
        def fail(*_, **__):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")

        with monkeypatch.context() as patch:
            patch.setattr(trail, "record", fail)
            assert (
                agent.refused("db_insert_record", table="authors", data={"name": "x"})["code"] == "INTERNAL"
            )
        assert not Author.objects.exists()

    def test_a_refusal_that_cannot_be_written_is_logged_and_still_answered(self, agent, monkeypatch, caplog):
        def fail(*_, **__):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")

        monkeypatch.setattr(trail, "record", fail)
        assert (
            agent.refused("db_query_records", table="authors", where={"x": 1})["code"] == "VALIDATION_ERROR"
        )
        (logged,) = (record for record in caplog.records if record.levelno == logging.ERROR)
        assert (logged.msg["event"], logged.msg["code"]) == ("refusal_not_audited", "VALIDATION_ERROR")


class TestCancellation:
    def test_stops_the_query_in_the_database(self, agent, alice):
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        arguments = {"table": "books", "data": {"title": "x"}, "where": {"id": alice["id"]}}

        def waits():
            with connection.cursor() as cursor:
                cursor.execute(waiting)
                return cursor.fetchone() is not None

        with transaction.atomic():
            Book.objects.select_for_update().get(pk=alice["id"])
            call = agent.portal.start_task_soon(agent.client.call_tool, "db_update_records", arguments)
            until(waits)
            call.cancel()
            until(lambda: not waits())
        with pytest.raises(CancelledError):
            call.result()
        assert agent.ask("db_query_records", table="books")["records"] == [alice]

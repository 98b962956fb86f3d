"""The backup tools, as an agent uses them: plans, progress, cancelling, and what a long call leaves the others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from threading import Event
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from accesscontrol.actor import Actor, Channel
from accesscontrol.models import ColumnRule
from audit.models import AuditLog
from backups import services
from catalog import registry
from jobs.progress import Cancelled, Progress
from mcp_bridge import worker
from mcp_bridge.tools import TOOLS
from tests import databases
from tests.mcp_bridge.test_listing import BACKUPS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def owner(settings, tmp_path) -> Iterator[psycopg.Connection]:
    """The owner of the test database, with a folder of backups of its own."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_KEYS = ["the key of the tests, long enough to be one"]
    settings.DATABASE_OWNER_URL = databases.url_of(
        connection.settings_dict["NAME"], settings.DATABASE_OWNER_URL
    )
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as own:
        yield own


@pytest.fixture
def operator(db) -> Actor:
    """Someone who makes and restores backups, and reads nothing."""
    user = User.objects.create_user("olga", password="correct horse")
    user.groups.set(Group.objects.filter(name="Backup operator"))
    return Actor(user, Channel.MCP)


@pytest.fixture
def agent(connect, operator):
    """An agent of the operator's."""
    return connect(operator)


def agreed(agent, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call as an agent does that reads the plan and agrees."""
    error = agent.refused(tool, **arguments)
    assert (error["code"], error["details"].keys()) == (
        "CONFIRMATION_REQUIRED",
        {"plan", "plan_token", "expires_at"},
    )
    return agent.ask(tool, **arguments, plan_token=error["details"]["plan_token"])


def titles() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT title FROM public.books ORDER BY 1")
        return [title for (title,) in cursor.fetchall()]


WHOLE = {"db_backup_full", "db_backup_incremental", "db_restore_full"}


class TestListing:
    def test_an_operator_sees_them_and_nothing_that_reads(self, agent):
        tools = agent.tools()
        assert tools.keys() == BACKUPS | {"db_query_audit_logs", "db_get_audit_summary"}
        restorable = {table.name for table in registry.all_tables() if not table.read_only}
        assert set(tools["db_restore_table"].input_schema["properties"]["table"]["enum"]) == restorable
        assert len(tools["db_backup_table"].input_schema["properties"]["table"]["enum"]) == 29

    def test_who_may_back_up_some_tables_sees_none_for_the_whole(self, agent, operator):
        role = Group.objects.get(name="Backup operator")
        role.groupobjectpermission_set.filter(object_pk="books").delete()
        assert BACKUPS - agent.tools().keys() == WHOLE

    def test_nor_does_one_from_whom_a_column_is_hidden(self, agent):
        role = Group.objects.get(name="Backup operator")
        ColumnRule.objects.create(role=role, table_id="books", column_name="title", access="hidden")
        assert BACKUPS - agent.tools().keys() == WHOLE

    def test_others_see_none(self, connect, editor):
        assert not BACKUPS & connect(editor).tools().keys()

    def test_hints_tell_what_destroys(self, agent):
        hints = {name: tool.annotations for name, tool in agent.tools().items() if name in BACKUPS}
        assert {name for name, hint in hints.items() if hint.destructive_hint} == {
            "db_restore_full",
            "db_restore_table",
            "db_delete_backup",
        }
        assert {name for name, hint in hints.items() if hint.read_only_hint} == {
            "db_list_backups",
            "db_validate_backup",
        }
        assert {name for name, hint in hints.items() if not hint.idempotent_hint} == {
            "db_backup_full",
            "db_backup_incremental",
            "db_backup_table",
        }


class TestBackups:
    def test_what_changed_is_backed_up_and_brought_back(self, agent, owner):
        assert agent.refused("db_backup_incremental")["details"]["reason"] == "no_full_backup"
        full = agent.ask("db_backup_full")["backup_file"]
        owner.execute("INSERT INTO public.locations (name) VALUES ('Bath'), ('Lyme')")
        made = agent.ask("db_backup_incremental")
        assert (made["base_backup"], made["chain"]) == (full, [full, made["backup_file"]])
        owner.execute("TRUNCATE public.locations CASCADE")

        agreed(agent, "db_restore_full", backup_file=made["backup_file"], drop_existing=True)

        assert owner.execute("SELECT count(*) FROM public.locations").fetchone() == (2,)
        listed = agent.ask("db_list_backups", type="incremental")["backups"]
        assert [one["base_backup"] for one in listed] == [full]
        error = agent.refused("db_delete_backup", backup_file=full)
        assert (error["code"], error["details"]["dependents"]) == ("DEPENDENT_BACKUPS", [made["backup_file"]])
        assert agreed(agent, "db_delete_backup", backup_file=full, chain=True)["with_it"] == [
            made["backup_file"]
        ]

    def test_everything_is_backed_up_checked_listed_broken_and_brought_back(self, agent, alice, owner):
        made = agent.ask("db_backup_full")
        assert (made["type"], made["tables"], made["table"]) == ("full", 29, None)
        file = made["backup_file"]
        checked = agent.ask("db_validate_backup", backup_file=file, deep=True)
        assert checked["valid"], checked["checks"]
        assert agent.ask("db_list_backups", type="full")["backups"][0]["is_proven"]
        owner.execute("UPDATE public.books SET title = 'broken'")

        tried = agent.ask("db_restore_full", backup_file=file, drop_existing=True, dry_run=True)
        assert (tried["dry_run"], titles()) == (True, ["broken"])
        restored = agreed(agent, "db_restore_full", backupFile=file, dropExisting=True)

        assert titles() == ["Alice"]
        assert restored["safety_backup"] in {
            backup["file"] for backup in agent.ask("db_list_backups")["backups"]
        }
        told = AuditLog.objects.filter(operation="RESTORE_FULL", user_id="olga").order_by("id")
        assert [(row.error_code, row.channel) for row in told][-2:] == [
            ("CONFIRMATION_REQUIRED", "mcp"),
            (None, "mcp"),
        ]

    def test_a_table_is_backed_up_and_brought_back(self, agent, alice, owner):
        made = agent.ask("db_backup_table", table="books", data_only=True)
        assert (made["type"], made["table"], made["record_count"]) == ("table", "books", 1)
        owner.execute("DELETE FROM public.books")

        restored = agreed(
            agent, "db_restore_table", table="books", backup_file=made["backup_file"], on_conflict="SKIP"
        )

        assert (restored["record_count"], titles()) == (1, ["Alice"])

    def test_a_backup_is_deleted_once_it_is_agreed_to(self, agent):
        file = agent.ask("db_backup_table", table="genres")["backup_file"]
        deleted = agreed(agent, "db_delete_backup", backup_file=file)
        assert (deleted["deleted"], deleted["file"]) == (True, file)
        assert agent.ask("db_list_backups")["total"] == 0
        assert agent.refused("db_delete_backup", backup_file=file)["code"] == "NOT_FOUND"

    def test_a_token_is_no_other_agents(self, agent, connect, admin):
        file = agent.ask("db_backup_table", table="genres")["backup_file"]
        token = agent.refused("db_delete_backup", backup_file=file)["details"]["plan_token"]
        error = connect(admin).refused("db_delete_backup", backup_file=file, plan_token=token)
        assert error["code"] == "CONFIRMATION_REQUIRED"
        assert agent.ask("db_delete_backup", backup_file=file, plan_token=token)["deleted"]

    def test_a_token_is_in_no_log(self, agent, monkeypatch, caplog):
        file = agent.ask("db_backup_table", table="genres")["backup_file"]

        def fail(*_: object, **__: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")

        monkeypatch.setattr("audit.refusals.record", fail)
        token = agent.refused("db_delete_backup", backup_file=file)["details"]["plan_token"]
        assert "refusal_not_audited" in caplog.text
        assert token not in caplog.text


class Long:
    """Work that goes on until it is released, or nobody wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun, self.may_end, self.was_cancelled = Event(), Event(), Event()
        self.made = services.create_table
        monkeypatch.setattr(services, "create_table", self.create_table)

    def create_table(self, *, progress: Progress, **arguments: Any) -> services.Made:
        progress.begin("Waiting", 10, "rounds")
        progress.advance(4)
        self.has_begun.set()
        while not self.may_end.wait(0.01):
            try:
                progress.check()
            except Cancelled:
                self.was_cancelled.set()
                raise
        return self.made(progress=progress, **arguments)


@pytest.fixture
def long(monkeypatch) -> Iterator[Long]:
    """A db_backup_table that takes as long as a test likes."""
    long = Long(monkeypatch)
    yield long
    long.may_end.set()


ARGUMENTS = {"table": "genres"}
PATIENCE_S = 20


class TestLongCalls:
    def test_tell_how_far_they_are(self, agent):
        told: list[tuple[float, float | None, str | None]] = []
        heard = Event()

        async def tell(done: float, total: float | None, message: str | None) -> None:
            told.append((done, total, message))
            heard.set()

        async def call() -> Any:
            return await agent.client.call_tool("db_backup_full", {}, progress_callback=tell)

        assert not agent.portal.call(call).is_error
        assert heard.wait(PATIENCE_S)  # the client tells in a task of its own
        assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})
        assert all(total is None or done <= total for done, total, _ in told)
        assert all(message for _, _, message in told)

    def test_tell_while_they_are_at_it(self, agent, long):
        heard = Event()

        async def tell(done: float, total: float | None, message: str | None) -> None:
            if (done, total, message) == (4, 10, "Waiting"):
                heard.set()

        async def call() -> Any:
            return await agent.client.call_tool("db_backup_table", ARGUMENTS, progress_callback=tell)

        running = agent.portal.start_task_soon(call)
        assert heard.wait(PATIENCE_S)
        long.may_end.set()
        assert not running.result(PATIENCE_S).is_error

    def test_end_when_the_caller_goes_away(self, agent, long):
        running = agent.portal.start_task_soon(agent.client.call_tool, "db_backup_table", ARGUMENTS)
        assert long.has_begun.wait(PATIENCE_S)
        running.cancel()
        with pytest.raises(CancelledError):
            running.result(PATIENCE_S)
        assert long.was_cancelled.wait(PATIENCE_S)

    def test_keep_no_place_from_the_others(self, agent, long):
        count = worker.MAX_CALLS + 1
        running = [
            agent.portal.start_task_soon(agent.client.call_tool, "db_backup_table", ARGUMENTS)
            for _ in range(count)
        ]
        assert long.has_begun.wait(PATIENCE_S)
        assert agent.ask("db_list_backups")["total"] == 0
        long.may_end.set()
        assert len([call.result(PATIENCE_S) for call in running]) == count

    def test_are_those_that_take_minutes(self):
        assert {name for name, tool in TOOLS.items() if tool.is_long} >= BACKUPS - {
            "db_list_backups",
            "db_delete_backup",
        }

"""Every table, every built-in role, every operation: what the roles do not grant is denied, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from accesscontrol.actor import Actor, Channel
from audit import history
from audit.trail import Entry
from catalog import registry
from catalog.table import Table
from mcp_bridge import call, tools
from mcp_bridge.auth import Account

EVERYTHING = {"read", "insert", "update", "delete", "export", "import", "purge"}
BACKUPS = {"backup", "restore"}
NOT_WRITING = {"read", "export", "backup"}
UNKNOWN_BACKUP = "backup_20010101T000000Z.sql.gz"
ROLES: dict[str | None, set[str]] = {
    None: set(),
    "Viewer": {"read"},
    "Writer": {"read", "insert", "update"},
    "Editor": {"read", "insert", "update", "delete", "export"},
    "Data manager": EVERYTHING,
    "Backup operator": BACKUPS,
    "Auditor": set(),  # but for the trail
    "Administrator": EVERYTHING | BACKUPS,
}
READ_ONLY = {"genres", "lookup_values", "audit_logs"}
NO_ROW = {"$and": [{"created_at": {"$null": True}}]}

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "db_get_schema": ("read", {}),
    "db_list_table_columns": ("read", {}),
    "db_get_relationships": ("read", {}),
    "db_query_records": ("read", {"limit": 1}),
    "db_insert_record": ("insert", {"data": {}, "dry_run": True}),
    "db_update_records": ("update", {"data": {}, "where": NO_ROW}),
    "db_delete_records": ("delete", {"where": NO_ROW}),
    "db_restore_records": ("update", {"where": NO_ROW}),
    "db_purge_records": ("purge", {"where": NO_ROW}),
    "db_batch_insert": ("insert", {"records": [{}], "dry_run": True}),
    "db_batch_update": ("update", {"updates": [{"data": {}, "where": NO_ROW}]}),
    "db_batch_delete": ("delete", {"conditions": [NO_ROW]}),
    "db_export_json": ("export", {"where": {"nope": 1}}),
    "db_export_csv": ("export", {"where": {"nope": 1}}),
    "db_import_json": ("import", {"data": []}),
    "db_import_csv": ("import", {"data": ""}),
    "db_backup_table": ("backup", {"data_only": True, "schema_only": True}),
    "db_restore_table": ("restore", {"backup_file": UNKNOWN_BACKUP}),
}
"""What each tool needs on its table, and a call that writes nothing."""

OF_THE_WHOLE: dict[str, dict[str, Any]] = {
    "db_list_backups": {},
    "db_backup_full": {},
    "db_backup_incremental": {},
    "db_validate_backup": {"backup_file": UNKNOWN_BACKUP},
    "db_restore_full": {"backup_file": UNKNOWN_BACKUP},
    "db_delete_backup": {"backup_file": UNKNOWN_BACKUP},
}
"""What those who make backups may do, and nobody else."""

FULLY = {*READ_ONLY, "books", "book_genres"}
"""One table of each kind, for which every tool is called; the others share the tools of each right among them."""

UNDOING = {"insert": "delete", "update": "update", "delete": "insert"}
"""What it takes to undo a change."""

DENIALS = ("PERMISSION_DENIED", "READ_ONLY_TABLE", "AUTHENTICATION_REQUIRED")


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """The folder of the backups."""
    settings.BACKUP_DIR = tmp_path / "backups"
    return settings.BACKUP_DIR


def granted(role: str | None, right: str, table: str) -> bool:
    """Say what a role may do, by the manual and not by the code."""
    if table in READ_ONLY and right not in NOT_WRITING:
        return False
    return right in ROLES[role] or (
        role == "Auditor" and table == "audit_logs" and right in ("read", "export")
    )


def change_of(actor: Actor, table: Table, kind: str) -> str:
    """Keep versions of a change to a record that is not there, and return its id."""
    record = dict.fromkeys(table.columns) | dict.fromkeys(table.key, 10**9)
    before, after = json.dumps(record), json.dumps({**record, "created_at": "2026-01-01T00:00:00+00:00"})
    pairs = {"insert": (None, after), "update": (before, after), "delete": (before, None)}
    entry = Entry(actor, "UPDATE", table.name, change_id=uuid4())
    with transaction.atomic():
        history.record(entry, table.model, table.key, [pairs[kind]])
    return str(entry.change_id)


def calls(table: Table) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each tool with the right that it needs on a table, and its arguments: to undo, the kind of change."""
    for tool, (right, arguments) in CALLS.items():
        yield tool, right, {"table": table.name, **arguments}
    for kind, right in UNDOING.items():
        yield "db_undo_change", right, {"change_id": kind, "dry_run": True}


def some(role: str | None, number: int, table: Table) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every other right, with the next role and table those left out: one of the tools that need it.

    With each table it is another tool. For some tables there are all tools.
    """
    by_right: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for needed in calls(table):
        by_right.setdefault(needed[1], []).append(needed)
    first = [*ROLES].index(role) + number
    for place, same in enumerate(by_right.values()):
        if table.name in FULLY:
            yield from same
        elif (first + place) % 2:
            yield same[number % len(same)]


def problem(role: str | None, right: str, table: str, answer: dict[str, Any]) -> str | None:
    """Return what is wrong with an answer, if anything is."""
    code = answer.get("code")
    if granted(role, right, table):
        return f"denied: {answer['message']}" if code in DENIALS else None
    is_kept = table in READ_ONLY and right not in NOT_WRITING
    if right == "restore":  # who may not restore is told that first
        is_kept = is_kept and right in ROLES[role]
    if code != ("READ_ONLY_TABLE" if is_kept else "PERMISSION_DENIED"):
        return f"not denied: {code}"
    if table not in answer["message"] or answer["details"]["table"] != table:
        return f"no reason: {answer}"
    return None


@pytest.mark.usefixtures("unflushed")
@pytest.mark.django_db(transaction=True)
@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_grants_and_nothing_else(
    admin: Actor, role: str | None, is_whole: bool
) -> None:
    user = User.objects.create_user("rolf", password="correct horse")
    user.groups.set(Group.objects.filter(name=role))
    actor = Actor(admin.user, Channel.COMMAND)
    found, sent, denied = [], 0, 0
    for number, table in enumerate(registry.all_tables()):
        for tool, right, arguments in calls(table) if is_whole else some(role, number, table):
            if kind := arguments.get("change_id"):
                arguments["change_id"] = change_of(actor, table, kind)
            answer = json.loads(call.call_tool(Account(user), {}, tool, arguments).text)
            sent += 1
            denied += not granted(role, right, table.name)
            if wrong := problem(role, right, table.name, answer):
                found.append(f"{tool} on {table.name}: {wrong}")

    assert not found, "\n".join([f"{len(found)} of {sent}", *found[:20]])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE error_code = ANY(%s)) FROM public.audit_logs"
            " WHERE user_id = 'rolf'",
            [list(DENIALS)],
        )
        assert cursor.fetchone() == (sent, denied)


@pytest.mark.usefixtures("unflushed")
@pytest.mark.django_db(transaction=True)
def test_backups_are_for_those_who_make_them() -> None:
    for number, role in enumerate(ROLES):
        user = User.objects.create_user(f"rolf{number}", password="correct horse")
        user.groups.set(Group.objects.filter(name=role))
        for tool, arguments in OF_THE_WHOLE.items():
            answer = json.loads(call.call_tool(Account(user), {}, tool, arguments).text)
            is_denied = answer.get("code") == "PERMISSION_DENIED"
            assert is_denied is not BACKUPS.issubset(ROLES[role]), (role, tool, answer)


@pytest.mark.usefixtures("unflushed")
@pytest.mark.django_db(transaction=True)
def test_each_role_sees_the_tables_that_it_may_read(db: None) -> None:
    for number, role in enumerate(ROLES):
        user = User.objects.create_user(f"rolf{number}", password="correct horse")
        user.groups.set(Group.objects.filter(name=role))

        answer = call.call_tool(Account(user), {}, "db_list_tables", {"include_system_tables": True})

        readable = {table.name for table in registry.all_tables() if granted(role, "read", table.name)}
        assert {table["name"] for table in json.loads(answer.text)["tables"]} == readable, role


def test_the_matrix_has_every_table_and_every_tool() -> None:
    whole = {"db_list_tables", "db_undo_change", "db_query_audit_logs", "db_get_audit_summary"}
    assert set(CALLS) | set(OF_THE_WHOLE) | whole == set(tools.TOOLS)
    assert {table.name for table in registry.all_tables() if table.read_only} == READ_ONLY
    assert len(registry.all_tables()) == 29
    rights = {right for right, _ in CALLS.values()}
    called: dict[str, set[str]] = {}
    of_roles = {role: dict.fromkeys(rights, 0) for role in ROLES}
    for number, table in enumerate(registry.all_tables()):
        found = [(role, *needed) for role in ROLES for needed in some(role, number, table)]
        assert {right for _, _, right, _ in found} == rights
        for role, tool, right, _ in found:
            called.setdefault(tool, set()).add(table.name)
            of_roles[role][right] += 1
    assert min(min(numbers.values()) for numbers in of_roles.values()) > len(registry.all_tables()) / 2
    assert called.keys() == {*CALLS, "db_undo_change"}
    assert all(tables > FULLY for tables in called.values())  # and some others

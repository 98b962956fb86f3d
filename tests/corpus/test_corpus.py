"""The corpus, sent to every tool: each case refused with its code or answered, and nothing else happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from accesscontrol.actor import Actor
from catalog import registry
from catalog.services import records
from mcp_bridge import call, tools
from mcp_bridge.auth import Account
from tests.catalog.services import builders
from tests.corpus.cases import ARGUMENTS, CALLS, GROUPS, NOT_THERE, RECORDS, Case, Kept, some

SHOWN = 20  # failures that one group tells of
TELLING = ("Traceback", "psycopg", "django.", "postgresql://", "LINE 1", "row_to_json", "jsonb_to_recordset")


@pytest.fixture
def world(admin: Actor, settings: Any, tmp_path: Path) -> Actor:
    """A record 1 of every table that the corpus writes to, books 2 (to delete) and 3 (in the trash)."""
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.EXPORT_DIR = tmp_path / "exports"
    for table, data in RECORDS.items():
        records.insert_record(actor=admin, table=registry.get(table), data={"id": 1, **data})
    for key in (2, 3):
        data = {"id": key, **RECORDS["books"]}
        records.insert_record(actor=admin, table=builders.BOOKS, data=data)
    records.delete_records(actor=admin, table=builders.BOOKS, where={"id": 3})
    return admin


def fingerprint() -> dict[str, Any]:
    """Return how many rows each table has and a sum over them that their order is no part of, but for the trail."""
    tables = [f"public.{table.name}" for table in registry.all_tables() if table is not builders.AUDIT_LOGS]
    parts = (
        f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {name} t"  # noqa: S608
        for name in [*tables, "app.auditlog_logentry", "app.audit_keptanswer"]
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, total) for name, count, total in cursor.fetchall()}


def send(actor: Actor, case: Case) -> call.Answer:
    """Make the call of a case, and return what comes back."""
    return call.call_tool(Account(actor.user), {"case": case.name}, case.tool, case.arguments)


def outcome(result: call.Answer) -> str | None:
    return json.loads(result.text)["code"] if result.is_error else None


def secrets() -> tuple[str, ...]:
    place = connection.settings_dict
    return (
        *TELLING,
        place["NAME"],
        place["PASSWORD"],
        django_settings.DATABASE_URL,
        django_settings.DATABASE_OWNER_URL,
    )


def problems(actor: Actor, case: Case) -> Iterator[str]:
    """Yield what is wrong with what comes of a case."""
    result = send(actor, case)
    expected = None if isinstance(case.expected, Kept) else case.expected
    if outcome(result) != expected:
        yield f"{case.name}: expected {expected or 'an answer'}, got {result.text[:300]}"
        return
    if result.is_error:
        yield from (f"{case.name}: tells {secret!r}" for secret in secrets() if secret in result.text)
    if isinstance(case.expected, Kept) and (found := read_back(actor, case, result)) != case.expected.value:
        yield f"{case.name}: read back as {str(found)[:200]!r}"


def read_back(actor: Actor, case: Case, result: call.Answer) -> Any:
    """Return the value that a case stored, as a query finds it."""
    wanted = case.expected
    answer = json.loads(result.text)
    key = 1
    if case.tool == "db_insert_record":
        key = answer["record"]["id"]
    if case.tool == "db_batch_insert":
        key = answer["ids"][-1]
    query = {"table": wanted.table, "columns": [wanted.column], "where": {"id": key}}
    (record,) = json.loads(send(actor, Case(f"{case.name}, read", "db_query_records", query)).text)["records"]
    value = record[wanted.column]
    return value if type(value) is type(wanted.value) else (type(value), value)


def trail(cases: list[Case]) -> Iterator[str]:
    """Yield what is wrong with the trail: each call has one row, with its outcome."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT client_info ->> 'case', array_agg(success), array_agg(error_code), array_agg(operation)"
            "  FROM public.audit_logs WHERE client_info ? 'case' GROUP BY 1"
        )
        rows = {name: told for name, *told in cursor.fetchall()}
    for case in cases:
        code = case.expected if isinstance(case.expected, str) else None
        wanted = [[code is None], [code], [tools.get(case.tool).operation]]
        if (told := rows.get(case.name)) != wanted:
            yield f"{case.name}: the trail has {told}"


@pytest.mark.usefixtures("unflushed")
@pytest.mark.django_db(transaction=True)
@pytest.mark.long
@pytest.mark.parametrize("group", GROUPS)
def test_each_case_comes_out_as_the_list_says(world: Actor, group: str, is_whole: bool) -> None:
    cases = list(GROUPS[group]()) if is_whole else some(GROUPS[group]())
    before = fingerprint()

    found = [problem for case in cases for problem in problems(world, case)]

    assert not found, "\n".join([f"{len(found)} of {len(cases)}", *found[:SHOWN]])
    told = list(trail(cases))
    assert not told, "\n".join([f"{len(told)} of {len(cases)}", *told[:SHOWN]])
    if group != "kept":
        assert fingerprint() == before


def test_names_of_cases_are_unique_and_there_are_enough() -> None:
    names = [case.name for group in GROUPS.values() for case in group()]

    assert len(names) == len(set(names))
    assert len(names) >= 300


def test_what_is_sent_each_time_has_every_value_and_every_place() -> None:
    for group in GROUPS.values():
        whole, sent = list(group()), some(group())
        assert {case.alike for case in sent} == {case.alike for case in whole}
        assert {case.place for case in sent} == {case.place for case in whole}
        assert len({case.name for case in sent}) == len(sent)


def test_every_tool_and_every_argument_is_in_the_corpus() -> None:
    assert set(tools.TOOLS) == set(CALLS) == set(ARGUMENTS)
    for name, tool in tools.TOOLS.items():
        assert set(tool.arguments.model_fields) == set(ARGUMENTS[name]), name


@pytest.mark.usefixtures("unflushed")
@pytest.mark.django_db(transaction=True)
def test_each_call_that_the_cases_differ_from_is_right(world: Actor) -> None:
    for tool, arguments in CALLS.items():
        expected = "NOT_FOUND" if tool in NOT_THERE else None
        assert outcome(send(world, Case("right", tool, arguments))) == expected, tool

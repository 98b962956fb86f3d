"""Versions of any number of records, kept by the statement that inserts or updates them; else see audit.history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from auditlog.models import LogEntry
from django.db import connection, models
from psycopg import sql

from audit import history
from audit.rows import Output
from audit.trail import Entry

_WRITE = """
WITH written AS ({statement}), kept AS (
{into}
SELECT {content_type}, k.key, {object_id}, k.key, {action}, {before}, ('{{' || {changes} || '}}')::jsonb,
       '', {actor}, {email}, {change}, clock_timestamp(), {about}::jsonb
  FROM written w CROSS JOIN LATERAL (SELECT {key} AS key) k)
SELECT {result}
"""
_RECORDS = "row_to_json(r)::text FROM (SELECT {shown} FROM (SELECT (w.new_row).* FROM written w) q{order}) r"
_CIRCUMSTANCES = ("content_type", "actor", "email", "change", "about")  # see history.circumstances


def write(
    entry: Entry,
    model: type[models.Model],
    key: Sequence[str],
    outputs: Sequence[Output],
    statement: sql.Composable,
    *,
    has_before: bool,
) -> int:
    """This function will run a statement that writes records, keep a version of each, and return how many there are.

    The statement returns `new_row`, and where the records were there before, `old_row`: whole rows. `outputs` are all
    columns. What it takes does not grow with the records, as that of `record` does.
    """
    circumstances = {name: sql.Literal(value) for name, value in history.circumstances(entry, model).items()}
    whole = _whole(
        key, outputs, statement, circumstances, sql.SQL("count(*) FROM written"), has_before=has_before
    )
    with connection.cursor() as cursor:
        cursor.execute(whole)
        (count,) = cursor.fetchone()
        return int(count)


def keeping(
    key: Sequence[str],
    outputs: Sequence[Output],
    statement: sql.Composable,
    *,
    has_before: bool,
    by_key: bool,
) -> str:
    """This function will return the text of a statement that does what `write` does, and returns the records as JSON.

    They come in the order of their keys, else as they were written. Its parameters are those of the statement, and
    history.circumstances.
    """
    order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(map(sql.Identifier, key)))
    records = sql.SQL(_RECORDS).format(shown=_shown(outputs), order=order if by_key else sql.SQL(""))
    circumstances = {name: sql.Placeholder(name) for name in _CIRCUMSTANCES}
    return _whole(key, outputs, statement, circumstances, records, has_before=has_before).as_string()


def _whole(
    key: Sequence[str],
    outputs: Sequence[Output],
    statement: sql.Composable,
    circumstances: Mapping[str, sql.Composable],
    result: sql.Composable,
    *,
    has_before: bool,
) -> sql.Composable:
    keys = [sql.SQL("(w.new_row).{}").format(sql.Identifier(name)) for name in key]
    before: sql.Composable = sql.SQL("NULL::jsonb")
    if has_before:
        before = sql.SQL(
            "(SELECT row_to_json(r)::jsonb FROM (SELECT {} FROM (SELECT (w.old_row).*) q) r)"
        ).format(_shown(outputs))
    return sql.SQL(_WRITE).format(
        statement=statement,
        into=sql.SQL(history.INTO),
        object_id=sql.SQL("{}::bigint").format(keys[0] if len(keys) == 1 else sql.SQL("NULL")),
        action=sql.Literal(1 if has_before else 0),
        before=before,
        changes=_differences(outputs, has_before=has_before),
        key=sql.SQL(" || ':' || ").join(sql.SQL("{}::text").format(part) for part in keys),
        result=result,
        **circumstances,
    )


def _shown(outputs: Sequence[Output]) -> sql.Composable:
    return sql.SQL(", ").join(output.sql() for output in outputs)


def _differences(outputs: Sequence[Output], *, has_before: bool) -> sql.Composable:
    """The members of `changes`, as one text: each column that differs, with what it was and is."""
    members = []
    for output in outputs:
        new = sql.SQL("(w.new_row).{}").format(sql.Identifier(output.source))
        old = sql.SQL("(w.old_row).{}").format(sql.Identifier(output.source))
        cast = sql.SQL("::text" if output.as_text else "")
        json_of = sql.SQL("coalesce(to_json({}{})::text, 'null')")
        differs = sql.SQL("{} IS DISTINCT FROM {}").format(old, new)
        was: sql.Composable = json_of.format(old, cast)
        if not has_before:
            differs, was = sql.SQL("{} IS NOT NULL").format(new), sql.SQL("'null'")
        member = sql.SQL("CASE WHEN {} THEN {} || {} || ',' || {} || ']' END").format(
            differs, sql.Literal(f'"{output.name}":['), was, json_of.format(new, cast)
        )
        members.append(member)
    return sql.SQL("concat_ws(',', {})").format(sql.SQL(", ").join(members))


def first_of_change(change_id: UUID, count: int) -> list[tuple[str, dict[str, list[Any]]]]:
    """This function will return key and changes ({column: [old, new]}) of the first versions of a change."""
    entries = LogEntry.objects.filter(cid=str(change_id)).order_by("id")
    return list(entries.values_list("object_pk", "changes")[:count])

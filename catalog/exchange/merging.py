"""Writing the rows of a file: one statement inserts, another changes, each with the versions of its records."""

from __future__ import annotations

from dataclasses import replace

from django.db import connection
from psycopg import sql

from audit import bulk_history
from audit.trail import Entry
from catalog import registry
from catalog.exchange.relation import Relation, once
from catalog.exchange.unique_checks import existing_rows
from catalog.services import statements
from catalog.services.rows import Output
from catalog.table import Table


def lock(relation: Relation) -> bool:
    """This function will lock what rows refer to against the trash, and the records that they change.

    It returns whether some refer to what is in the trash already.
    """
    refers_to_trash = False
    by_themselves = replace(relation, match=None).rows()  # what a record refers to already is not written
    for name, parent in relation.table.foreign_keys.items():
        if name in relation.staged.columns and registry.get(parent).soft_delete:
            keys = sql.SQL("SELECT t.{} FROM {} t").format(sql.Identifier(name), by_themselves)
            refers_to_trash |= _lock(
                parent, sql.SQL("id IN ({})").format(keys), ("id",), "KEY SHARE", sql.SQL("deleted_at")
            )
    if relation.match is not None:
        columns = sql.SQL(", ").join(map(sql.Identifier, relation.table.key))
        keys = sql.SQL("SELECT {} FROM {} t WHERE {}").format(
            sql.SQL(", ").join(sql.Identifier(f"_key_{name}") for name in relation.table.key),
            relation.rows(),
            relation.is_known,
        )
        wanted = sql.SQL("({}) IN ({})").format(columns, keys)
        _lock(relation.table.name, wanted, relation.table.key, "NO KEY UPDATE", sql.SQL("NULL"))
    return refers_to_trash


def insert(entry: Entry, relation: Relation, *, skips: bool) -> int:
    """This function will insert the rows that change no record, and return how many those are.

    With `skips` those that exist already are left out.
    """
    table = relation.table
    conditions = [sql.SQL("NOT ({})").format(relation.is_known)]
    if skips:
        conditions.append(sql.SQL("t._row NOT IN ({})").format(existing_rows(relation)))
    _move_sequence(
        relation, sql.SQL("{} t WHERE {}").format(relation.rows(), sql.SQL(" AND ").join(conditions))
    )
    columns = relation.staged.columns
    if not columns or any(relation.staged.lacking(name) for name in table.key):
        columns = tuple(
            dict.fromkeys([*table.key, *columns])
        )  # the key is given here, where a record has none
    numbered = relation.rows(numbered="id" in columns)  # else the table does it
    rows = sql.SQL("{} t WHERE {}").format(numbered, sql.SQL(" AND ").join(conditions))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("INSERT INTO public.{} AS x ({}) SELECT {} FROM {} RETURNING x AS new_row").format(
        sql.Identifier(table.name), names, names, rows
    )
    return bulk_history.write(entry, table.model, table.key, _outputs(table), statement, has_before=False)


def update(entry: Entry, relation: Relation) -> int:
    """This function will change the records that rows match, and return how many of them differed."""
    table = relation.table
    names = changed_columns(relation)
    if relation.match is None or not names:
        return 0
    statement = sql.SQL(
        "UPDATE public.{table} x SET {assignments} FROM {rows} t JOIN public.{table} o ON {matched}"
        " WHERE {same} AND {differs} RETURNING o AS old_row, x AS new_row"
    ).format(
        table=sql.Identifier(table.name),
        assignments=sql.SQL(", ").join(sql.SQL("{0} = t.{0}").format(sql.Identifier(name)) for name in names),
        rows=once(relation.rows()),
        matched=matched(table),
        same=sql.SQL(" AND ").join(sql.SQL("x.{0} = o.{0}").format(sql.Identifier(name)) for name in table.key),
        differs=differs(relation),
    )  # fmt: skip
    return bulk_history.write(entry, table.model, table.key, _outputs(table), statement, has_before=True)


def changed_columns(relation: Relation) -> list[str]:
    """This function will return the columns that rows set in the records that they change."""
    return [name for name in relation.staged.columns if name not in relation.table.key]


def matched(table: Table) -> sql.Composable:
    """This function will return the condition on a row `t` that it changes the record `o`."""
    return sql.SQL(" AND ").join(
        sql.SQL("o.{} = t.{}").format(sql.Identifier(name), sql.Identifier(f"_key_{name}"))
        for name in table.key
    )


def differs(relation: Relation) -> sql.Composable:
    """This function will return the condition on a row `t` that it says something else than the record `o`."""
    new, old = (
        sql.SQL(", ").join(
            sql.SQL("{}.{}").format(sql.Identifier(alias), sql.Identifier(name))
            for name in changed_columns(relation)
        )
        for alias in ("t", "o")
    )
    return sql.SQL("({}) IS DISTINCT FROM ({})").format(new, old)


def _outputs(table: Table) -> list[Output]:
    return [Output.of(field) for field in table.columns.values()]


def _lock(
    table: str, condition: sql.Composable, key: tuple[str, ...], strength: str, trashed: sql.Composable
) -> bool:
    """Lock records in the order of their keys, and tell whether `trashed` is set in one of them."""
    statement = sql.SQL(
        "SELECT count(trashed) > 0 FROM (SELECT {} AS trashed FROM public.{} x WHERE {} ORDER BY {} FOR {}) locked"
    ).format(
        trashed,
        sql.Identifier(table),
        condition,
        sql.SQL(", ").join(map(sql.Identifier, key)),
        sql.SQL(strength),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        (found,) = cursor.fetchone()
    return bool(found)


def _move_sequence(relation: Relation, rows: sql.Composable) -> None:
    """Move the sequence past the greatest id that comes with a row, first: nobody else is given it meanwhile."""
    if "id" not in relation.staged.columns:
        return
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT max(t.id) FROM {}").format(rows))
        (greatest,) = cursor.fetchone()
    if greatest is not None:
        statements.move_sequence(relation.table, greatest)

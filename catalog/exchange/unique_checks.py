"""What no two may share: within a file, and beside the records that are there."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from catalog.exchange.relation import GENERATED, Relation, existing, shared, unique_rows
from catalog.exchange.rules import Unique
from catalog.table import Table


def existing_rows(relation: Relation) -> sql.Composable:
    """This function will return the query of the rows that exist already, by any rule."""
    queries = [
        sql.SQL("SELECT u._row FROM {} u JOIN {} e USING ({})").format(
            unique_rows(relation.rows(), unique), existing(relation.table, unique), shared(unique)
        )
        for unique in decided(relation)
    ]
    return sql.SQL(" UNION ").join(queries) if queries else sql.SQL("SELECT NULL::bigint")


def decided(relation: Relation) -> Iterator[Unique]:
    """This function will return the rules that what the file has can break: a number that the sequence gives is new."""
    given = set(relation.staged.columns)
    for unique in relation.rules.uniques:
        fresh = [
            name for name in unique.columns
            if name not in given and relation.rules.defaults[name] == GENERATED and relation.match is None
        ]  # fmt: skip
        if unique.involved & given and not fresh:
            yield unique


def within(relation: Relation, unique: Unique, seen: Table) -> sql.Composable:
    """This function will return the query of rows that have in common what an earlier row of the file has."""
    names = shared(unique)
    return sql.SQL(
        "(WITH u AS MATERIALIZED (SELECT _row, {} FROM {} u) SELECT u._row, {}::text, {} || d.first || '.' FROM u"
        " JOIN (SELECT {}, min(_row) AS first FROM u GROUP BY {} HAVING count(*) > 1) d USING ({})"
        " WHERE u._row > d.first)"
    ).format(
        names,
        unique_rows(relation.rows(), unique),
        sql.Literal(_column_of(unique, seen)),
        sql.Literal(f"The same {_words(unique, seen)} as in row "),
        names,
        names,
        names,
    )


def beside(relation: Relation, unique: Unique, seen: Table) -> sql.Composable:
    """This function will return the query of rows that have in common what a record has which they do not change."""
    other: sql.Composable = sql.SQL("true")
    if relation.match is not None:
        other = sql.SQL("({}) IS DISTINCT FROM ({})").format(
            sql.SQL(", ").join(sql.SQL("u.{}").format(sql.Identifier(f"_key_{n}")) for n in relation.table.key),
            sql.SQL(", ").join(sql.SQL("e.{}").format(sql.Identifier(n)) for n in relation.table.key),
        )  # fmt: skip
    return sql.SQL("(SELECT u._row, {}::text, {} FROM {} u JOIN {} e USING ({}) WHERE {})").format(
        sql.Literal(_column_of(unique, seen)),
        sql.Literal(f"There is already a record of {seen.name} with this {_words(unique, seen)}."),
        unique_rows(relation.rows(), unique),
        existing(relation.table, unique),
        shared(unique),
        other,
    )


def _column_of(unique: Unique, seen: Table) -> str | None:
    return unique.columns[0] if len(unique.columns) == 1 and unique.columns[0] in seen.columns else None


def _words(unique: Unique, seen: Table) -> str:
    return " and ".join(unique.columns) if set(unique.columns) <= seen.columns.keys() else "value"

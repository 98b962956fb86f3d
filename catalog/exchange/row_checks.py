"""What is wrong with a row by itself, and with the records that it refers to: conditions, and messages for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.core.validators import MaxLengthValidator
from psycopg import sql

from catalog import registry
from catalog.exchange import cells
from catalog.exchange.relation import GENERATED, Relation, raw
from catalog.exchange.rules import Check, trusted
from catalog.exchange.staging import WHOLE_ROW
from catalog.services import kinds
from catalog.services.values import MAX_GIVEN_KEY
from catalog.table import AnyField, Table

MAX_SHOWN_CHARS: Final = 40  # of a value

Part = tuple[sql.Composable, sql.Composable]  # a condition under which something is wrong, and the message


def of_rows(relation: Relation, seen: Table) -> sql.Composable:
    """This function will return the query of what each row shows by itself, and beside the records it refers to."""
    referring = [name for name in relation.table.foreign_keys if name in relation.staged.columns]
    told = list(_told(relation, seen, referring))
    conditions = [condition for _, parts in told for condition, _ in parts]
    return sql.SQL(
        "SELECT t._row, f._column, f._message FROM (SELECT {} FROM {} t {}) t"
        " CROSS JOIN LATERAL (VALUES {}) f (_column, _message) WHERE ({}) AND f._message IS NOT NULL"
    ).format(
        sql.SQL(", ").join([sql.SQL("t.*"), *(_parent_columns(relation, name) for name in referring)]),
        relation.rows(),
        sql.SQL(" ").join(_parent_join(relation, name) for name in referring),
        sql.SQL(", ").join(_message(column, parts) for column, parts in told),
        sql.SQL(" OR ").join(sql.SQL("({})").format(condition) for condition in conditions),
    )


def _told(
    relation: Relation, seen: Table, referring: Sequence[str]
) -> Iterator[tuple[str | None, list[Part]]]:
    """What can be wrong, by column; None is the row as a whole."""
    yield None, [(_reader_found(WHOLE_ROW), _reader(WHOLE_ROW))]
    if relation.must_match:
        words = f"There is no such record in {seen.name}, and none is to be added."
        yield None, [_unless_unread((matches_none(relation), sql.Literal(words)))]
    others = {name: list(_of_column(relation, name, field)) for name, field in relation.table.columns.items()}
    for name in referring:
        others[name] += _of_parent(relation, name)
    for check in relation.rules.checks:
        part = _of_check(relation, seen, check)
        if len(check.columns) == 1:
            others[check.columns[0]].append(part)
        else:
            yield None, [_unless_unread(part)]
    for name, parts in others.items():
        if parts:
            yield name if name in seen.columns else None, [_unless_unread(part) for part in parts]


def matches_none(relation: Relation) -> sql.Composable:
    """This function will return the condition that a row changes no record."""
    return sql.SQL("NOT ({})").format(relation.is_known)


def _message(column: str | None, parts: Sequence[Part]) -> sql.Composable:
    """A row of VALUES: the first thing that is wrong."""
    cases = (sql.SQL("WHEN {} THEN {}").format(condition, message) for condition, message in parts)
    return sql.SQL("({}::text, CASE {} END)").format(sql.Literal(column), sql.SQL(" ").join(cases))


def _unless_unread(part: Part) -> Part:
    """Of a row that could not be read, that alone is told."""
    condition, message = part
    return sql.SQL("({}) AND t._faults ? {} IS NOT TRUE").format(condition, sql.Literal(WHOLE_ROW)), message


def _of_column(relation: Relation, name: str, field: AnyField) -> Iterator[Part]:
    is_given = name in relation.staged.columns
    is_generated = relation.rules.defaults[name] == GENERATED
    if is_given:
        yield _reader_found(name), _reader(name)
        yield from unheld(name, field)
    is_taken_over = relation.must_match and not is_given  # from the record, or the row is at fault anyway
    if not field.null and not is_taken_over and not is_generated:
        words = "can't be null" if is_given else "must be given"
        yield (
            sql.SQL("t.{} IS NULL").format(sql.Identifier(name)),
            sql.Literal(f"{name} {words}."),
        )


def unheld(name: str, field: AnyField) -> Iterator[Part]:
    """This function will return what a column can't hold, as PostgreSQL reads it or as we do.

    No rule of the table would refuse it.
    """
    value, text = (sql.SQL("t.{}").format(part) for part in (sql.Identifier(name), raw(name)))
    if not cells.is_text(field):
        is_bad = sql.SQL("{} IS NULL AND {} IS NOT NULL").format(value, text)
        if kinds.is_integer_column(field):
            least, greatest = kinds.range_of(field)
            yield (
                sql.SQL("{} AND {} ~ '^-?[0-9]+$'").format(is_bad, text),
                sql.Literal(f"{name} must lie between {least} and {greatest}."),
            )
        yield is_bad, _quoting(f"{name} must be {kinds.describe(field)}, not ", text)
    if name == "id":
        yield (
            sql.SQL("{} NOT BETWEEN 1 AND {}").format(value, sql.Literal(MAX_GIVEN_KEY)),
            sql.Literal(f"id must lie between 1 and {MAX_GIVEN_KEY}."),
        )


def _of_check(relation: Relation, seen: Table, check: Check) -> Part:
    broken = sql.SQL("NOT ({})").format(trusted(check.condition))
    if not set(check.columns) <= seen.columns.keys():
        return broken, sql.Literal(f"A rule of {seen.name} is broken.")
    if len(check.columns) == 1:
        (name,) = check.columns
        return broken, _why(name, relation.table.columns[name], check)
    words = f"{' and '.join(check.columns)} break the rule {check.name}: {check.condition}."
    return broken, sql.Literal(words)


def _why(name: str, field: AnyField, check: Check) -> sql.Composable:
    """What to say of a value that a rule of its column refuses."""
    value = sql.SQL("t.{}::text").format(sql.Identifier(name))
    if field.flatchoices:
        allowed = ", ".join(str(choice) for choice, _ in field.flatchoices)
        return sql.SQL("{} || {}").format(
            _quoting(f"{name} can't be ", value), sql.Literal(f" Allowed: {allowed}.")
        )
    for validator in field.validators:
        if isinstance(validator, MaxLengthValidator):
            return sql.SQL("{} || length({}) || '.'").format(
                sql.Literal(f"{name} may have at most {validator.limit_value} characters, not "), value
            )
    return _quoting(f"{name} breaks the rule {check.condition}: ", value)


def _of_parent(relation: Relation, name: str) -> Iterator[Part]:
    parent = registry.get(relation.table.foreign_keys[name])
    value = sql.SQL("t.{}").format(sql.Identifier(name))
    is_there = sql.SQL("{} IS NOT NULL").format(_found(name))
    missing: sql.Composable = sql.SQL("{} IS NOT NULL AND NOT ({})").format(value, is_there)
    if parent is registry.get(relation.table.name) and "id" in relation.staged.columns:
        missing = sql.SQL("{} AND NOT EXISTS (SELECT FROM {} own WHERE own.id = {})").format(
            missing, relation.rows(), value
        )
    yield (
        missing,
        sql.SQL("{} || {} || {}").format(
            sql.Literal(f"{name}: there is no record "), value, sql.Literal(f" in {parent.name}.")
        ),
    )
    if parent.soft_delete:
        is_new: sql.Composable = sql.SQL("true")
        if relation.match is not None:
            is_new = sql.SQL("{} IS DISTINCT FROM t.{}").format(value, sql.Identifier(f"_old_{name}"))
        yield (
            sql.SQL("t.{} IS NOT NULL AND {}").format(sql.Identifier(f"_trashed_{name}"), is_new),
            sql.SQL("{} || {} || {}").format(
                sql.Literal(f"{name}: record "),
                value,
                sql.Literal(f" of {parent.name} is in the trash; restore it first."),
            ),
        )


def _parent_columns(relation: Relation, name: str) -> sql.Composable:
    alias = _parent_alias(name)
    shown: sql.Composable = sql.SQL("{}.id AS {}").format(alias, sql.Identifier(f"_found_{name}"))
    if registry.get(relation.table.foreign_keys[name]).soft_delete:
        shown += sql.SQL(", {}.deleted_at AS {}").format(alias, sql.Identifier(f"_trashed_{name}"))
    return shown


def _parent_join(relation: Relation, name: str) -> sql.Composable:
    return sql.SQL("LEFT JOIN public.{} {} ON {}.id = t.{}").format(
        sql.Identifier(relation.table.foreign_keys[name]),
        _parent_alias(name),
        _parent_alias(name),
        sql.Identifier(name),
    )


def _parent_alias(name: str) -> sql.Identifier:
    return sql.Identifier(f"_parent_{name}")


def _found(name: str) -> sql.Composable:
    return sql.SQL("t.{}").format(sql.Identifier(f"_found_{name}"))


def _reader_found(column: str) -> sql.Composable:
    """The condition that the reader of the file had something to say."""
    return sql.SQL("t._faults ? {}").format(sql.Literal(column))


def _reader(column: str) -> sql.Composable:
    """What the reader of the file had to say."""
    return sql.SQL("t._faults ->> {}").format(sql.Literal(column))


def _quoting(words: str, value: sql.Composable) -> sql.Composable:
    """A sentence that ends with the start of a value."""
    return sql.SQL("{} || quote_literal(left({}, {})) || '.'").format(
        sql.Literal(words), value, sql.Literal(MAX_SHOWN_CHARS)
    )

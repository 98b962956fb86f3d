"""Compares one table of the registry with the same table in the database; says each difference in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import connection, models

from catalog.live_tables import Column, Constraint, LiveTable
from catalog.table import AnyField, Table

Problem: TypeAlias = tuple[str, str]
"""The number of the check and what is wrong."""
Bounds: TypeAlias = tuple[Any, Any]

# Why NO ACTION is RESTRICT: catalog/models/base.py.
ON_DELETE = {"a": models.RESTRICT, "c": models.CASCADE}
ON_DELETE_WORDS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}

_WORD = re.compile(r"'((?:[^']|'')*)'::text")
_LENGTH = re.compile(r"length\((\w+)\) <= (\d+)")
_BOUND = re.compile(r"\w+ (>=|<=|>|<) (-?\d+)")
_CAST = re.compile(r"::(?:double precision|\w+)")


def differences(table: Table, live: LiveTable) -> Iterator[Problem]:
    """This function will yield every difference between a table's model and the table itself."""
    if not live.comment:
        yield "E040", f"{table.name} has no COMMENT in the database."
    yield from _columns(table, live)
    yield from _keys(table, live)
    yield from _uniqueness(table, live)
    yield from _checks(table, live)
    yield from _triggers(table, live)


def _columns(table: Table, live: LiveTable) -> Iterator[Problem]:
    for name in table.columns.keys() - live.columns.keys():
        yield "E010", f"{table.name}.{name} is in the model, but not in the database."
    for name in live.columns.keys() - table.columns.keys():
        yield "E010", f"{table.name}.{name} is in the database, but not in the model."
    if table.columns.keys() == live.columns.keys() and list(table.columns) != list(live.columns):
        yield "E014", f"{table.name}: the database has the columns in the order {', '.join(live.columns)}."
    for name, field in table.columns.items():
        if column := live.columns.get(name):
            yield from _column(f"{table.name}.{name}", field, column)


def _column(what: str, field: AnyField, column: Column) -> Iterator[Problem]:
    expected = (field.db_type(connection) or "").replace(", ", ",")
    if column.type != expected:
        yield "E011", f"{what} is {column.type} in the database, {expected} in the model."
    if column.not_null == field.null:
        yield "E012", f"{what} is {'NOT NULL' if column.not_null else 'nullable'} in the database alone."
    has_default = field.has_db_default() or isinstance(field, models.AutoField)
    if (column.default is not None) != has_default:
        yield "E013", f"{what} has a default in the {'model' if has_default else 'database'} alone."
    if not column.comment:
        yield "E040", f"{what} has no COMMENT in the database."


def _keys(table: Table, live: LiveTable) -> Iterator[Problem]:
    primary = next((c.columns for c in live.constraints if c.kind == "p"), ())
    if primary != table.key:
        found = ", ".join(primary) or "none"
        yield (
            "E020",
            f"{table.name}: the primary key is ({found}) in the database, not ({', '.join(table.key)}).",
        )
    found_keys = {c.columns[0]: c for c in live.constraints if c.kind == "f" and len(c.columns) == 1}
    for column in found_keys.keys() - table.foreign_keys.keys():
        yield "E021", f"{table.name}.{column} is a foreign key in the database alone."
    for column, target in table.foreign_keys.items():
        key = found_keys.get(column)
        if key is None or key.references != target or not key.validated:
            yield "E021", f"{table.name}.{column} is no (valid) foreign key to {target} in the database."
        else:
            yield from _on_delete(f"{table.name}.{column}", table.columns[column], key)
        if not any(i.first_column == column and i.valid and not i.partial for i in live.indexes):
            yield "E023", f"{table.name}.{column} is a foreign key without an index."


def _on_delete(what: str, field: AnyField, key: Constraint) -> Iterator[Problem]:
    relation = field.remote_field
    if relation is None or relation.on_delete is not ON_DELETE.get(key.on_delete):
        rule = ON_DELETE_WORDS[key.on_delete]
        yield "E022", f"{what} is ON DELETE {rule} in the database; the model's on_delete says otherwise."


def _uniqueness(table: Table, live: LiveTable) -> Iterator[Problem]:
    found = {index.name: _essence(index.definition) for index in live.indexes if index.unique and index.valid}
    expected = {}
    for constraint in table.model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            with connection.schema_editor(collect_sql=True, atomic=False) as editor:
                expected[constraint.name] = _essence(str(constraint.create_sql(table.model, editor)))
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            both = f"{found.get(name) or 'missing'} in the database, {expected.get(name) or 'missing'} in the model"
            yield "E030", f"{table.name}: the uniqueness rule {name} is {both}."


def _essence(definition: str) -> str:
    """What a CREATE UNIQUE INDEX, or an ADD CONSTRAINT … UNIQUE, makes unique, without quotes and brackets."""
    text = re.sub(r".*?(?:UNIQUE \(|USING btree \(| ON \S+ \()", "", definition, count=1)
    return " ".join(re.sub(r'[()"]', " ", text).lower().replace(" ,", ",").split())


def _checks(table: Table, live: LiveTable) -> Iterator[Problem]:
    words: dict[str, set[str]] = {}
    lengths: dict[str, int] = {}
    bounds: dict[str, Bounds] = {}
    others = set()
    for check in live.constraints:
        if check.kind != "c":
            continue
        column = check.columns[0] if len(check.columns) == 1 else ""
        if column and "= ANY" in check.definition:
            words[column] = {word.replace("''", "'") for word in _WORD.findall(check.definition)}
        elif column and (length := _LENGTH.search(check.definition)):
            lengths[column] = int(length[2])
        elif column and (limits := _limits(check.definition)):
            bounds[column] = limits
        else:
            others.add(check.name)
    for name, field in table.columns.items():
        if name in live.columns:
            yield from _column_checks(f"{table.name}.{name}", field, words.get(name), lengths.get(name))
            yield from _range(f"{table.name}.{name}", field, bounds.get(name, (None, None)))
    known = {c.name for c in table.model._meta.constraints if isinstance(c, models.CheckConstraint)}
    for constraint in sorted(others ^ known):
        where = "database" if constraint in others else "model"
        yield "E034", f"{table.name}: the CHECK {constraint} is in the {where} alone."


def _column_checks(
    what: str, field: AnyField, words: set[str] | None, length: int | None
) -> Iterator[Problem]:
    choices = {value for value, _ in field.flatchoices} or None
    if words != choices:
        difference = ", ".join(sorted((words or set()) ^ (choices or set())))
        yield "E031", f"{what}: the words allowed differ between database and model: {difference}."
    limit = min((v.limit_value for v in field.validators if isinstance(v, MaxLengthValidator)), default=None)
    if length != limit:
        yield "E032", f"{what}: at most {length} characters in the database, {limit} in the model."


def _range(what: str, field: AnyField, found: Bounds) -> Iterator[Problem]:
    if not isinstance(field, models.IntegerField | models.FloatField):
        return
    low, high = (
        connection.ops.integer_field_range(field.get_internal_type()) if _whole(field) else (None, None)
    )
    lows = [v.limit_value for v in field.validators if isinstance(v, MinValueValidator)]
    highs = [v.limit_value for v in field.validators if isinstance(v, MaxValueValidator)]
    expected = (max(lows, default=None), min(highs, default=None))
    actual = (low if found[0] is None else found[0], high if found[1] is None else found[1])
    if actual != expected:
        yield "E033", f"{what} ranges {_words(actual)} in the database, {_words(expected)} in the model."


def _whole(field: AnyField) -> bool:
    return isinstance(field, models.IntegerField)


def _limits(definition: str) -> Bounds | None:
    """The lowest and highest whole number that a CHECK such as `age >= 0 AND age <= 9` allows, if it is one."""
    low = high = None
    text = re.sub(r"[()']", "", _CAST.sub("", definition.removeprefix("CHECK "))).strip()
    for part in text.split(" AND "):
        bound = _BOUND.fullmatch(part)
        if bound is None:
            return None
        number = int(bound[2])
        match bound[1]:
            case ">=":
                low = number
            case ">":
                low = number + 1
            case "<=":
                high = number
            case _:
                high = number - 1
    return low, high


def _words(bounds: Bounds) -> str:
    return f"from {bounds[0]} to {bounds[1]}"


def _triggers(table: Table, live: LiveTable) -> Iterator[Problem]:
    if "updated_at" in table.columns and live.triggers.get(f"{table.name}_set_updated_at") not in ("O", "A"):
        yield "E051", f"{table.name} has no enabled trigger that keeps updated_at."
    if table.append_only:
        for trigger in (f"{table.name}_refuse_change", f"{table.name}_refuse_change_of_row"):
            if live.triggers.get(trigger) != "A":
                yield "E050", f"{table.name}: the trigger {trigger} is missing or not ENABLE ALWAYS."

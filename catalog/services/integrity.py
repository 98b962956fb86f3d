"""The database's rules as refusals: which constraint was violated, by which column and value.

Rules over several columns are in the models under their names; the names of the others follow one
pattern (`books_author_id_fkey`). `manage.py check` proves both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DataError, IntegrityError
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.lookups import IsNull
from psycopg import errors

from accesscontrol.errors import InvalidInput, Refused
from catalog import registry
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.table import Table


@contextmanager
def translated(
    table: Table, data: Mapping[str, Any] | None = None, *, sets_many: bool = False
) -> Iterator[None]:
    """This function will turn a violated rule of the database into the refusal that says which.

    `data` are the values being written, {column: value}, to quote the one at fault; `sets_many` says that
    they differ by record.
    """
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise _refusal(error, table, data or {}, sets_many=sets_many) from error


def _refusal(error: Exception, table: Table, data: Mapping[str, Any], *, sets_many: bool) -> Refused:
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or ""
    if _involves_hidden(table, name, getattr(diagnosis, "column_name", None)):
        return CheckViolation(f"A rule of {table.name} is broken.", table=table.name)
    match cause:
        case errors.ForeignKeyViolation():
            return _foreign_key(table, name, data, sets_many=sets_many)
        case errors.UniqueViolation():
            columns = _columns_of(table, name)
            return DuplicateKey(
                f"There is already a record of {table.name} with this {' and '.join(columns) or 'key'}.",
                table=table.name,
                columns=columns,
                values={column: _shown(data[column]) for column in columns if column in data},
            )
        case errors.CheckViolation():
            columns = _columns_of(table, name)
            return CheckViolation(
                f"{' and '.join(columns) or 'Values'} break the rule {name} of {table.name}.",
                hint="get_schema lists the table's constraints.",
                table=table.name,
                constraint=name,
                columns=columns,
            )
        case errors.NotNullViolation():
            column = getattr(diagnosis, "column_name", None)
            return NotNullViolation(f"{column} can't be null.", table=table.name, columns=[column])
        case _:
            return InvalidInput("The database refused a value of this record.", table=table.name)


def _involves_hidden(table: Table, constraint: str, column: str | None) -> bool:
    """Whether a rule is about a column that this view of the table does not have."""
    whole = registry.get(table.name)
    names = {column} if column else set(_columns_of(whole, constraint))
    return bool(names & (whole.columns.keys() - table.columns.keys()))


def _foreign_key(
    table: Table, constraint: str, data: Mapping[str, Any], *, sets_many: bool
) -> ForeignKeyViolation:
    referring, column = _referring(constraint)
    if referring and referring.name == table.name and column in data:
        parent = table.foreign_keys[column]
        return ForeignKeyViolation(
            f"{column}: there is no record {data[column]} in {parent}.",
            table=table.name,
            column=column,
            value=data[column],
            references=parent,
        )
    if referring and referring.name == table.name and sets_many:
        parent = table.foreign_keys[column]
        return ForeignKeyViolation(
            f"{column}: a record of {parent} that is referred to is not there.",
            hint=f"Bring it back first, by undoing its deletion from {parent}.",
            table=table.name,
            column=column,
            references=parent,
        )
    return ForeignKeyViolation(
        f"Records of {referring or 'another table'} still refer to this record of {table.name}.",
        table=table.name,
        referenced_by=referring.name if referring else None,
    )


def _referring(constraint: str) -> tuple[Table | None, str]:
    """The table and column of a foreign key by its name."""
    for table in registry.all_tables():
        for column in table.foreign_keys:
            if constraint == f"{table.name}_{column}_fkey":
                return table, column
    return None, ""


def _columns_of(table: Table, constraint: str) -> list[str]:
    """The columns that a primary key, a uniqueness rule or a check is about, by its name."""
    if constraint == f"{table.name}_pkey":
        return list(table.key)
    names = _fields_of(table, constraint)
    column = re.sub(r"_(?:key|check)$", "", constraint.removeprefix(f"{table.name}_"))
    return [name for name, field in table.columns.items() if field.name in names or name == column]


def _fields_of(table: Table, constraint: str) -> set[str]:
    """The names of the fields that a rule of the model is about."""
    for rule in table.model._meta.constraints:
        if rule.name == constraint and isinstance(rule, CheckConstraint):
            return set(Q(rule.condition).referenced_base_fields)
        if rule.name == constraint and isinstance(rule, UniqueConstraint):
            whole = Q(*(IsNull(expression, False) for expression in rule.expressions))
            return {*rule.fields, *whole.referenced_base_fields}
    return set()


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None) else str(value)

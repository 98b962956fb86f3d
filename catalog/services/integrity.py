"""The database's rules as refusals: which constraint was violated, by which column and value.

Constraint names follow one pattern (`books_author_id_fkey`), which `manage.py check` proves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DataError, IntegrityError
from psycopg import errors

from accesscontrol.errors import InvalidInput, Refused
from catalog import registry
from catalog.errors import CheckViolation, DuplicateKey, ForeignKeyViolation, NotNullViolation
from catalog.table import Table


@contextmanager
def translated(table: Table, data: Mapping[str, Any] | None = None) -> Iterator[None]:
    """This function will turn a violated rule of the database into the refusal that says which.

    `data` are the values being written, {column: value}, to quote the one at fault.
    """
    try:
        yield
    except (IntegrityError, DataError) as error:
        raise _refusal(error, table, data or {}) from error


def _refusal(error: Exception, table: Table, data: Mapping[str, Any]) -> Refused:
    cause = error.__cause__
    diagnosis = getattr(cause, "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or ""
    match cause:
        case errors.ForeignKeyViolation():
            return _foreign_key(table, name, data)
        case errors.UniqueViolation():
            columns = _unique_columns(table, name)
            return DuplicateKey(
                f"There is already a record of {table.name} with this {' and '.join(columns)}.",
                table=table.name,
                columns=columns,
                values={column: _shown(data[column]) for column in columns if column in data},
            )
        case errors.CheckViolation():
            columns = _check_columns(table, name)
            return CheckViolation(
                f"{' and '.join(columns)} break the rule {name} of {table.name}.",
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


def _foreign_key(table: Table, constraint: str, data: Mapping[str, Any]) -> ForeignKeyViolation:
    referring, column = _referring(constraint)
    if referring is table and column in data:
        parent = table.foreign_keys[column]
        return ForeignKeyViolation(
            f"{column}: there is no record {data[column]} in {parent}.",
            table=table.name,
            column=column,
            value=data[column],
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


def _unique_columns(table: Table, constraint: str) -> list[str]:
    """The columns of a primary key or uniqueness rule by its name."""
    if constraint == f"{table.name}_pkey":
        return list(table.key)
    return _columns_within(table, constraint.removeprefix(f"{table.name}_").removesuffix("_key"))


def _check_columns(table: Table, constraint: str) -> list[str]:
    return _columns_within(table, constraint.removeprefix(f"{table.name}_").removesuffix("_check"))


def _columns_within(table: Table, name: str) -> list[str]:
    """The columns whose names make up a constraint's name."""
    found = [column for column in table.columns if re.search(rf"(?:^|_){re.escape(column)}(?:_|$)", name)]
    longest = [c for c in found if not any(c != other and c in other for other in found)]
    return longest or [name]


def _shown(value: Any) -> Any:
    return value if isinstance(value, str | int | bool | None) else str(value)

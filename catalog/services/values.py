"""JSON values made into what a column holds, or refused with the column's name.

Types are taken strictly: "5" is no integer, true is no number. What is accepted comes back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import NOT_PROVIDED

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from catalog.errors import NotNullViolation
from catalog.services import kinds
from catalog.table import AnyField, Table

MAX_GIVEN_KEY = 2**53 - 1  # the greatest integer that every JSON reader keeps exact


def clean_record(table: Table, data: object, *, inserting: bool) -> dict[str, Any]:
    """This function will return `data` ({column: JSON value}) as {column: value for the database}.

    :raises InvalidInput: not an object, an unknown or managed column, or a value of the wrong kind
    :raises NotNullViolation: a required column is null, or on insert missing
    """
    if not isinstance(data, Mapping):
        raise InvalidInput("data must be an object of {column: value}.", table=table.name)
    fields = {name: table.column(name) for name in data}
    _refuse_kept_columns(table, fields, inserting=inserting)
    cleaned = {name: _required(table, name, data[name]) for name in fields}
    if inserting:
        _refuse_missing(table, cleaned)
        _check_given_key(table, cleaned)
    elif not cleaned:
        raise InvalidInput("data is empty: name at least one column to change.", table=table.name)
    return cleaned


def with_defaults(table: Table, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """This function will return a record to insert with what the database would put into columns left out.

    Only constants and nulls: records then have the same columns, and one statement can write them all.
    """
    return {
        name: cleaned[name] if name in cleaned else _default(field)
        for name, field in table.columns.items()
        if name in cleaned
        or (name not in table.managed_columns and name not in table.key and _is_constant(field))
    }


def default_of(table: Table, name: str) -> Any:
    """This function will return what a column holds where nothing is said of it: its constant default, else null."""
    field = table.column(name)
    return _default(field) if _is_constant(field) else None


def clean(table: Table, name: str, value: object, *, validate: bool = True) -> Any:
    """This function will return one value as the column's type, None for null.

    Without `validate` (in a condition) the column's own rules, such as a greatest length, are left out.

    :raises InvalidInput: names the column, and what it takes
    """
    field = table.column(name)
    if value is None:
        return None
    try:
        cleaned = kinds.convert(field, value)
        _check_choice(field, cleaned)
        if validate:
            field.run_validators(cleaned)
    except ValueError as error:
        raise InvalidInput(
            f"{name} {error}.", table=table.name, column=name, type=kinds.describe(field)
        ) from error
    except ValidationError as error:
        raise InvalidInput(
            f"{name}: {' '.join(error.messages)}", table=table.name, column=name, type=kinds.describe(field)
        ) from error
    return cleaned


def is_integer(value: object) -> bool:
    """This function will say whether a value is an integer, as true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _required(table: Table, name: str, value: object) -> Any:
    if value is None and not table.columns[name].null:
        raise NotNullViolation(f"{name} can't be null.", table=table.name, columns=[name])
    return clean(table, name, value)


def _is_constant(field: AnyField) -> bool:
    """Whether what the database puts into a column left out is known here."""
    return field.db_default is NOT_PROVIDED or not hasattr(field.db_default, "resolve_expression")


def _default(field: AnyField) -> Any:
    return None if field.db_default is NOT_PROVIDED else field.db_default


def _refuse_kept_columns(table: Table, names: Mapping[str, object], *, inserting: bool) -> None:
    kept = table.managed_columns if inserting else table.managed_columns | set(table.key)
    if named := sorted(kept.intersection(names)):
        raise InvalidInput(
            f"{', '.join(named)} can't be set: the database keeps {'it' if len(named) == 1 else 'them'}.",
            table=table.name,
            columns=named,
            hint="A record's key never changes; to move a record, insert a new one and delete the old."
            if set(named) & set(table.key)
            else "Leave it out; to empty or fill the trash, delete or restore records.",
        )


def _refuse_missing(table: Table, cleaned: Mapping[str, object]) -> None:
    missing = [
        name
        for name, field in table.columns.items()
        if name not in cleaned
        and not field.null
        and field.db_default is NOT_PROVIDED
        and not isinstance(field, models.BigAutoField)
    ]
    if missing:
        raise NotNullViolation(f"{', '.join(missing)} must be given.", table=table.name, columns=missing)


def _check_given_key(table: Table, cleaned: Mapping[str, Any]) -> None:
    """Refuse an id that no caller can name again, or that would leave the sequence no numbers."""
    if "id" in cleaned and not 1 <= cleaned["id"] <= MAX_GIVEN_KEY:
        raise InvalidInput(
            f"id must lie between 1 and {MAX_GIVEN_KEY}.",
            table=table.name,
            column="id",
            type="an integer",
            hint="Leave it out: the database gives the next number.",
        )


@cache
def _choices(field: AnyField) -> tuple[Any, ...]:
    return tuple(choice for choice, _ in field.flatchoices)


def _check_choice(field: AnyField, value: Any) -> None:
    allowed = _choices(field)
    if allowed and value not in allowed:
        raise ValueError(
            f"can't be {quoted(value)!r}.{did_you_mean(value, allowed)} Allowed: {', '.join(map(str, allowed))}"
        )


def storable(value: str, name: str) -> str:
    """This function will return a text that PostgreSQL can hold.

    :raises InvalidInput: it has a NUL or a lone surrogate; `name` says whose text it is
    """
    try:
        return kinds.storable(value)
    except ValueError as error:
        raise InvalidInput(f"{name} {error}.") from error

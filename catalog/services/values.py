"""JSON values made into what a column holds, or refused with the column's name.

Types are taken strictly: "5" is no integer, true is no number. What is accepted comes back as it was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import NOT_PROVIDED

from accesscontrol.errors import InvalidInput, did_you_mean, quoted
from audit import moments
from catalog.errors import NotNullViolation
from catalog.table import AnyField, Table

MAX_JSON_DEPTH = 64
MAX_INTEGER_BITS = 14_000  # about 4,200 digits: Python writes no longer number as text
MAX_DIGITS = 5_000  # of a number, its zeros included; PostgreSQL's numeric ends at 16,383 after the point
MAX_GIVEN_KEY = 2**53 - 1  # the greatest integer that every JSON reader keeps exact
MAX_ARRAY_ITEMS = 10_000

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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


def clean(table: Table, name: str, value: object, *, validate: bool = True) -> Any:
    """This function will return one value as the column's type, None for null.

    Without `validate` (in a condition) the column's own rules, such as a greatest length, are left out.

    :raises InvalidInput: names the column, and what it takes
    """
    field = table.column(name)
    if value is None:
        return None
    try:
        cleaned = _kind_of(field)[1](field, value)
        if validate or field.flatchoices:
            _check_choice(field, cleaned)
        if validate:
            field.run_validators(cleaned)
    except ValueError as error:
        raise InvalidInput(f"{name} {error}.", table=table.name, column=name, type=describe(field)) from error
    except ValidationError as error:
        raise InvalidInput(
            f"{name}: {' '.join(error.messages)}", table=table.name, column=name, type=describe(field)
        ) from error
    return cleaned


def is_integer(value: object) -> bool:
    """This function will say whether a value is an integer, as true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def describe(field: AnyField) -> str:
    """This function will return what a column takes, for a message: "an integer", "a list of texts"."""
    return _kind_of(field)[0]


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


def _target(field: AnyField) -> AnyField:
    """The field that says a column's type: a foreign key's is the key it points to."""
    return field.target_field if isinstance(field, models.ForeignKey) else field


def _check_choice(field: AnyField, value: Any) -> None:
    allowed = [choice for choice, _ in field.flatchoices]
    if allowed and value not in allowed:
        raise ValueError(
            f"can't be {quoted(value)!r}.{did_you_mean(value, allowed)} Allowed: {', '.join(map(str, allowed))}"
        )


def _kind(value: object) -> str:
    """The JSON name of a value's type."""
    names = {
        bool: "a boolean",
        str: "a text",
        int: "an integer",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _integer(field: AnyField, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be an integer, not {_kind(value)}")
    smallest, greatest = _RANGES.get(type(_target(field)), _BIGINT)
    if not smallest <= value <= greatest:
        raise ValueError(f"must lie between {smallest} and {greatest}")
    return value


def _decimal(field: AnyField, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"must be a number, not {_kind(value)}")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError("must be a number")
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise ValueError("is too great")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if len(number.as_tuple().digits) + abs(int(number.as_tuple().exponent)) > MAX_DIGITS:
        raise ValueError("has too many digits")
    return number


def _float(field: AnyField, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("is too great") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _boolean(field: AnyField, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {_kind(value)}")
    return value


def _text(field: AnyField, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, not {_kind(value)}")
    return _storable(value)


def storable(value: str, name: str) -> str:
    """This function will return a text that PostgreSQL can hold.

    :raises InvalidInput: it has a NUL or a lone surrogate; `name` says whose text it is
    """
    try:
        return _storable(value)
    except ValueError as error:
        raise InvalidInput(f"{name} {error}.") from error


def _storable(value: str) -> str:
    if bad := _UNSTORABLE.search(value):
        raise ValueError(
            f"has a character at position {bad.start()} that PostgreSQL can't store: U+{ord(bad[0]):04X}"
        )
    return value


def _moment(field: AnyField, value: object) -> datetime:
    return moments.parse(value)


def _date(field: AnyField, value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"is not a date: {error}") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("must be a date such as 2026-11-22")


def _uuid(field: AnyField, value: object) -> UUID:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(_text(field, value))
    except ValueError:
        raise ValueError("must be a UUID") from None


def _array(field: AnyField, value: object) -> list[str]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of texts, not {_kind(value)}")
    if len(value) > MAX_ARRAY_ITEMS:
        raise ValueError(f"has more than {MAX_ARRAY_ITEMS} items")
    return [_text(field, item) for item in value]


def _json(field: AnyField, value: object, depth: int = 1) -> Any:
    """The value, when jsonb can hold it and give it back the same."""
    if depth > MAX_JSON_DEPTH:
        raise ValueError(f"is nested deeper than {MAX_JSON_DEPTH} levels")
    match value:
        case None | bool():
            return value
        case str():
            return _storable(value)
        case int():
            if value.bit_length() > MAX_INTEGER_BITS:
                raise ValueError("has an integer that is too great")
            return value
        case float():
            return _float(field, value)
        case list() | tuple():
            return [_json(field, item, depth + 1) for item in value]
        case Mapping():
            return {_text(field, key): _json(field, item, depth + 1) for key, item in value.items()}
        case _:
            raise ValueError(f"has {_kind(value)}, which JSON does not know")


_BIGINT = (-(2**63), 2**63 - 1)
_RANGES: dict[type, tuple[int, int]] = {
    models.IntegerField: (-(2**31), 2**31 - 1),
    models.SmallIntegerField: (-(2**15), 2**15 - 1),
}
Converter = Callable[[AnyField, object], Any]
_KINDS: tuple[tuple[type[AnyField], str, Converter], ...] = (  # the first that fits: subclasses stand before
    (ArrayField, "a list of texts", _array),
    (models.JSONField, "any JSON value", _json),
    (models.DateTimeField, moments.FORM, _moment),
    (models.DateField, "a date such as 2026-11-22", _date),
    (models.BooleanField, "true or false", _boolean),
    (models.DecimalField, "a number, as JSON or as text", _decimal),
    (models.FloatField, "a number", _float),
    (models.UUIDField, "a UUID", _uuid),
    (models.IntegerField, "an integer", _integer),
    (models.TextField, "a text", _text),
)


def _kind_of(field: AnyField) -> tuple[str, Converter]:
    """What a column takes, in words, and the function that makes it of a JSON value."""
    target = _target(field)
    return next((words, convert) for kind, words, convert in _KINDS if isinstance(target, kind))

"""What one table of the catalog is: everything that faces and services derive from its model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from django.db import models

from accesscontrol.errors import InvalidInput, did_you_mean, quoted

AnyField: TypeAlias = "models.Field[Any, Any]"
Category: TypeAlias = Literal["core", "metadata", "junction", "system", "story"]

MANAGED = ("created_at", "updated_at", "deleted_at")
"""Columns that the database and the services keep; data may not name them."""

MAX_KEY = 2**63 - 1

_KEY_PART = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table: its model, its place in the catalog, and what follows from both.

    `columns` has every column by its name, in the order of the database; `key` names the columns of the
    primary key; `foreign_keys` says which table each referring column points to.
    """

    name: str
    model: type[models.Model]
    category: Category
    subject: str
    read_only: bool
    append_only: bool
    columns: Mapping[str, AnyField]
    key: tuple[str, ...]
    foreign_keys: Mapping[str, str]
    managed_columns: frozenset[str]
    title_column: str | None

    @classmethod
    def of(
        cls,
        model: type[models.Model],
        category: Category,
        subject: str,
        *,
        read_only: bool = False,
        append_only: bool = False,
    ) -> Table:
        """This function will derive a table from its model."""
        meta = model._meta
        in_order = sorted(
            meta.concrete_fields, key=lambda f: f.column in MANAGED
        )  # bases put them first, SQL last
        columns: dict[str, AnyField] = {field.column: field for field in in_order if field.column}
        return cls(
            name=meta.db_table,
            model=model,
            category=category,
            subject=subject,
            read_only=read_only,
            append_only=append_only,
            columns=MappingProxyType(columns),
            key=tuple(field.column for field in meta.pk_fields if field.column),
            foreign_keys=MappingProxyType(
                {
                    name: field.related_model._meta.db_table
                    for name, field in columns.items()
                    if isinstance(field, models.ForeignKey)
                }
            ),
            managed_columns=frozenset(MANAGED).intersection(columns),
            title_column=next((name for name in ("title", "name") if name in columns), None),
        )

    def __str__(self) -> str:
        return self.name

    def without(self, names: Collection[str]) -> Table:
        """This function will return the table as it is for someone who may not know of some of its columns."""
        if not names:
            return self
        return replace(
            self,
            columns=MappingProxyType({name: f for name, f in self.columns.items() if name not in names}),
            title_column=None if self.title_column in names else self.title_column,
        )

    @property
    def soft_delete(self) -> bool:
        """Whether a deleted row stays in the table, hidden, until it is restored or purged."""
        return "deleted_at" in self.columns

    @property
    def junction(self) -> bool:
        """Whether the primary key has more than one column."""
        return len(self.key) > 1

    def column(self, name: str) -> AnyField:
        """This function will return the field of a column.

        :raises InvalidInput: there is no such column; the message proposes the nearest
        """
        field = self.columns.get(name) if isinstance(name, str) else None
        if field is None:
            raise InvalidInput(
                f"{self.name} has no column {quoted(name)!r}.{did_you_mean(quoted(name), self.columns)}",
                table=self.name,
                column=quoted(name),
                allowed=list(self.columns),
            )
        return field

    def parse_key(self, text: str) -> dict[str, int]:
        """This function will read a record's key, `12` or for a junction `3:4`, as {column: value}.

        :raises InvalidInput: the text is no key of this table
        """
        parts = text.split(":")
        if len(parts) != len(self.key) or not all(map(_is_key_part, parts)):
            raise InvalidInput(
                f"{quoted(text)!r} is no key of {self.name}: give {self.key_format}.",
                table=self.name,
                key=quoted(text),
                format=self.key_format,
            )
        return {column: int(part) for column, part in zip(self.key, parts, strict=True)}

    @property
    def key_format(self) -> str:
        """How a key is written: the names of its columns with colons between."""
        return ":".join(self.key)

    def format_key(self, record: Mapping[str, Any]) -> str:
        """This function will write the key of a record that has at least the key's columns."""
        return ":".join(str(record[column]) for column in self.key)

    def where_key(self, key: str | int | Sequence[int]) -> dict[str, int]:
        """This function will return the condition that finds one record.

        It takes a key as text (from an address) or as a model's `pk`: a number, or a tuple for a junction.

        :raises InvalidInput: the key is no key of this table
        """
        if isinstance(key, str):
            return self.parse_key(key)
        parts = [key] if isinstance(key, int) else key
        return self.parse_key(":".join(map(str, parts)))


def _is_key_part(part: str) -> bool:
    return bool(_KEY_PART.fullmatch(part)) and int(part) <= MAX_KEY

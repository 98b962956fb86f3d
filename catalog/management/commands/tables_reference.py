"""Writes docs/tables.md from the registry and from the comments in the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from catalog import registry
from catalog.live_tables import Column, LiveTable, read_tables
from catalog.table import Table

HEAD = """\
<!-- Made by `manage.py tables_reference` from the database. Do not edit. -->

# The 29 tables

They are all there is in schema `public`, and all that people and agents can reach. A record has a number `id`; that of
a junction has two numbers for a key, written `3:4`. `created_at`, `updated_at` and `deleted_at` are kept by the
database and left out below. A table that supports the trash keeps a deleted record, hidden, until it is restored or
purged.

Times carry a zone and are given in UTC. A column without *required* may be empty (NULL).

| Table | Kind | Holds |
|---|---|---|
"""


class Command(BaseCommand):
    """Keeps the manual's chapter about the tables true."""

    help = "Write docs/tables.md; with --check only tell whether it is up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the chapter, or compare it."""
        path = Path(settings.BASE_DIR) / "docs" / "tables.md"
        with connection.cursor() as cursor:
            text = document(read_tables(cursor))
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError("docs/tables.md is stale. Run `manage.py tables_reference`.")


def document(live: dict[str, LiveTable]) -> str:
    """This function will return the whole chapter."""
    tables = registry.all_tables()
    overview = "".join(f"| [{t}](#{t}) | {t.category} | {live[t.name].comment} |\n" for t in tables)
    parts = [HEAD, overview]
    for subject, members in groupby(tables, key=lambda table: table.subject):
        parts.append(f"\n## {subject}\n")
        parts += [line for table in members for line in section(table, live[table.name])]
    return "".join(parts)


def section(table: Table, live: LiveTable) -> Iterator[str]:
    """This function will yield the lines about one table."""
    yield f"\n### {table.name}\n\n{live.comment}\n\n"
    flags = [
        "Supports the trash." if table.soft_delete else "",
        "Read only: nobody writes it through the server."
        if table.read_only and not table.append_only
        else "",
        "Append only: rows are added by the server alone, never changed." if table.append_only else "",
    ]
    if any(flags):
        yield f"*{' '.join(filter(None, flags))}*\n\n"
    yield "| Column | Type | | Meaning |\n|---|---|---|---|\n"
    for name, column in live.columns.items():
        if name not in table.managed_columns:
            yield f"| `{name}` | {column.type} | {', '.join(notes(table, column))} | {column.comment} |\n"
    rules = [
        *(f"Unique: {unique_columns(i.definition)}." for i in live.indexes if i.unique),
        *(
            f"Rule: `{c.definition.removeprefix('CHECK ')}`."
            for c in live.constraints
            if c.name in _rules(table)
        ),
    ]
    if rules:
        yield "\n" + "".join(f"- {rule}\n" for rule in rules)


def notes(table: Table, column: Column) -> Iterator[str]:
    """This function will yield what there is to know of a column beside its meaning."""
    if column.name in table.key:
        yield "key"
    if column.not_null and column.default is None:
        yield "required"
    if column.default not in (None, "identity"):
        yield f"default `{re.sub(r'::[a-z]+', '', str(column.default))}`"
    if target := table.foreign_keys.get(column.name):
        yield f"→ [{target}](#{target})"


def unique_columns(definition: str) -> str:
    """This function will return what a unique index is about, in a reader's words."""
    columns, _, condition = definition.partition(" USING btree ")[2].partition(" WHERE ")
    words = columns.removeprefix("(").removesuffix(")").replace("lower(email)", "email, whatever the case")
    return f"{words}, among records not in the trash" if condition else words


def _rules(table: Table) -> set[str]:
    """The names of the CHECKs that need more than one column, or a pattern."""
    return {constraint.name for constraint in table.model._meta.constraints}

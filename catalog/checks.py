"""System checks: models, registry and the live database say the same.

`manage.py check` compares registry and models; `manage.py check --database default` also looks into the
database. The numbers: E001 to E003 tables, E01x columns, E02x keys, E03x rules, E04x comments, E05x triggers,
E06x rights and borders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from audit import trail
from catalog import registry
from catalog.agreement import Problem, differences
from catalog.live_tables import (
    Cursor,
    LiveTable,
    read_border,
    read_extensions,
    read_insert_columns,
    read_powers,
    read_rights,
    read_tables,
)
from catalog.table import Table

LABELS = ("catalog", "audit")
MIGRATE = "Run manage.py migrate."


@register(Tags.models)
def check_registry(**_: Any) -> list[CheckMessage]:
    """This function will return an error for each unmanaged model without its line in catalog/tables.py."""
    return _messages(_registry_problems(registry.all_tables()))


@register(Tags.database)
def check_database(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """This function will return an error for each difference between the models and the live database."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        applied = MigrationRecorder(connections[alias]).applied_migrations()
        if not any(app == "catalog" for app, _ in applied):
            return [Error("The database has no tables yet.", hint=MIGRATE, id="catalog.E001")]
        with connections[alias].cursor() as cursor:
            found += _messages(problems(cursor, registry.all_tables(), settings.APP_ROLE))
    return found


def problems(cursor: Cursor, tables: Iterable[Table], role: str) -> Iterator[Problem]:
    """This function will yield all that is wrong in the database `cursor` looks at."""
    expected = {table.name: table for table in tables}
    found = read_tables(cursor)
    yield from _whitelist(expected, found)
    for name in expected.keys() & found.keys():
        if found[name].kind == "r":
            yield from differences(expected[name], found[name])
    for what, table in read_border(cursor):
        yield "E062", f"{what} refers to {table} across the border of schema public."
    for extension in read_extensions(cursor):
        yield (
            "E063",
            f"The extension {extension} is in schema public: a backup of the schema would not hold it.",
        )
    yield from _rights(cursor, expected, role)


def _registry_problems(tables: Iterable[Table]) -> Iterator[Problem]:
    lines = Counter(table.model for table in tables)
    models = {m for label in LABELS for m in apps.get_app_config(label).get_models() if not m._meta.managed}
    for model in models - lines.keys():
        yield "E003", f"{model.__name__} has no line in catalog/tables.py."
    for model, count in lines.items():
        if count > 1 or model not in models:
            yield "E003", f"{model.__name__} must have one line in catalog/tables.py, and be unmanaged."


def _whitelist(expected: dict[str, Table], found: dict[str, LiveTable]) -> Iterator[Problem]:
    for name in sorted(expected.keys() - found.keys()):
        yield "E001", f"The table {name} is not in the database. {MIGRATE}"
    for name in sorted(found.keys() - expected.keys()):
        yield (
            "E002",
            f"{name} is in schema public, but not in catalog/tables.py: only the catalog lives there.",
        )
    for name in sorted(expected.keys() & found.keys()):
        if found[name].kind != "r":
            yield "E002", f"{name} is no ordinary table in the database."


def _rights(cursor: Cursor, expected: dict[str, Table], role: str) -> Iterator[Problem]:
    """What the application's role may do beyond or below catalog/schema/grants.sql."""
    if powers := read_powers(cursor, role):
        yield "E061", f"The application's role {role} must own nothing, but it {'; '.join(powers[:5])}."
        return
    rights = read_rights(cursor, role)
    for name, table in expected.items():
        intended = {"SELECT"} if table.read_only else {"SELECT", "INSERT", "UPDATE", "DELETE"}
        if table.append_only:
            intended |= {"INSERT"}
        if rights.get(name, set()) != intended:
            has = ", ".join(sorted(rights.get(name, set()))) or "no right"
            yield "E060", f"{role} has {has} on {name}; it should be {', '.join(sorted(intended))}. {MIGRATE}"
        if table.append_only and (columns := read_insert_columns(cursor, role, name) ^ set(trail.COLUMNS)):
            yield (
                "E060",
                f"{role} has the wrong right to insert into {name}: {', '.join(sorted(columns))}. {MIGRATE}",
            )


def _messages(found: Iterable[Problem]) -> list[CheckMessage]:
    return [Error(message, id=f"catalog.{number}") for number, message in found]

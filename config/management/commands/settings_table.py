"""Writes docs/settings.md from the list of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.env import DEVELOPMENT_SECRET_KEY, SETTINGS, Setting

HEAD = """\
<!-- Made by `manage.py settings_table` from config/env.py. Do not edit. -->

# Settings

Every setting is an environment variable. Development works with none of them set; production
(`ENVIRONMENT=production`) refuses to start until what it needs is there. A wrong value stops the start with a message
that names the variable. Set to nothing means unset.

A secret (marked *) may come from a file instead: `NAME_FILE` holds the path, for example
`SECRET_KEY_FILE=/run/secrets/secret_key`. Its value appears in no message and no log.

| Variable | Default | In production | Meaning |
|---|---|---|---|
"""


class Command(BaseCommand):
    """Keeps the manual's table of settings true."""

    help = "Write docs/settings.md; with --check only tell whether it is up to date."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the table, or compare it."""
        path = Path(settings.BASE_DIR) / "docs" / "settings.md"
        table = HEAD + "".join(map(row, SETTINGS))
        if not check:
            path.write_text(table, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != table:
            raise CommandError("docs/settings.md is stale. Run `manage.py settings_table`.")


def row(setting: Setting[Any]) -> str:
    """Return the table's line about `setting`."""
    default = "a fixed one" if setting.default == DEVELOPMENT_SECRET_KEY else _code(setting.default)
    production = "**required**" if setting.required_in_production else _code(setting.production)
    name = f"`{setting.name}`{' *' if setting.secret else ''}"
    return f"| {name} | {default} | {production or 'the same'} | {setting.description} |\n"


def _code(value: str | None) -> str:
    return f"`{value}`" if value else ""

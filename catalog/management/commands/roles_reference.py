"""Writes docs/roles.md from the built-in roles and the registry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.models import CatalogTable
from accesscontrol.policy import Operation, Resource, Right
from accesscontrol.roles import BUILT_IN, Role
from catalog import registry

HEAD = """\
<!-- Made by `manage.py roles_reference` from accesscontrol/roles.py and the registry. Do not edit. -->

# Roles

What is not granted is denied. A role grants rights on single tables, and rights on the whole; who has several roles
has the rights of all. A superuser may do everything that can be done at all, without a role. Nobody gives a right that
they do not hold, and nobody changes an account that holds more than theirs.

These roles come with the installation. An administrator may take rights from them, give them others, and make roles
beside them; an update gives the rights below on new tables only, so what was taken stays taken. Rights are read anew at
every request: one that is taken away is gone at the next.

Nobody, superusers included, inserts into, updates, deletes from, purges or imports into a table that is read only:
"""

BESIDE_READ_ONLY = """
## Rights on tables

"all" is every table. A table that is read only is left out wherever it can't be written. What a role may do on
audit_logs is bounded once more: without `view_audit` one sees one's own entries, and those about tables that one may
read.
"""


class Command(BaseCommand):
    """Keeps the manual's chapter about roles true."""

    help = "Write docs/roles.md; with --check only tell whether it is up to date."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the chapter, or compare it."""
        path = Path(settings.BASE_DIR) / "docs" / "roles.md"
        text = document(registry.all_tables())
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise CommandError("docs/roles.md is stale. Run `manage.py roles_reference`.")


def document(tables: Iterable[Resource]) -> str:
    """This function will return the whole chapter."""
    tables = list(tables)
    read_only = ", ".join(f"`{table.name}`" for table in tables if table.read_only)
    meanings = dict(CatalogTable._meta.permissions)
    parts = [
        f"{HEAD}{read_only}.\n\n",
        _table(["Role", "Meant for"], ([f"**{role.name}**", role.description] for role in BUILT_IN)),
        BESIDE_READ_ONLY,
        "\n",
        _table(
            ["Right", "Allows to", *(role.name for role in BUILT_IN)],
            ([f"`{o}`", meanings[o], *(_reach(role, o, tables) for role in BUILT_IN)] for o in Operation),
        ),
        "\n## Rights on the whole\n\n",
        _table(
            ["Right", "Allows to", *(role.name for role in BUILT_IN)],
            (
                [f"`{r}`", meanings[r], *("yes" if r in role.rights else "" for role in BUILT_IN)]
                for r in Right
            ),
        ),
    ]
    return "".join(parts)


def _reach(role: Role, operation: Operation, tables: list[Resource]) -> str:
    """Where a role grants an operation: "all" of the tables on which anybody could do it, or which."""
    granted = [table.name for table in tables if operation in role.grants(table)]
    possible = [t.name for t in tables if any(operation in other.grants(t) for other in BUILT_IN)]
    return "all" if granted == possible else ", ".join(granted)


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

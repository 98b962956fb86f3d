"""Writes docs/openapi.json and docs/api-reference.md, and notes in docs/api-changes.md what is new."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, Channel
from accesscontrol.grants import Grants
from config import api_changes, openapi

HEAD = """\
<!-- Made by `manage.py api_reference` from what stands beside the views. Do not edit. -->

# The addresses of the REST API

All are below `/api/v1`. [The guide](api.md) tells how they are used; `/api/v1/openapi.json` has every parameter and
answer of what you may do, and `docs/openapi.json` all there is. Here `books` stands for any table: what one may do with
a table is as with the others, but that only a table with a trash has `restore`, and that one that is read only is
only read. *Right* is what one needs: on the table or the tables that it is about, or on the whole (`view_audit`,
`manage_backups`, `manage_access`). Where none stands, an account is enough; what it shows is what one may read.
"""
CHANGES_HEAD = """\
<!-- Made by `manage.py api_reference` by comparing docs/openapi.json with the one before. -->

# Changes of the REST API
"""


class Command(BaseCommand):
    """Keeps the reference of the REST API true, and its old promises."""

    help = "Write the reference of the REST API; with --check only tell whether it is up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the documents, or compare them."""
        folder = Path(settings.BASE_DIR) / "docs"
        document = openapi.document(administrator())
        wanted = {"openapi.json": snapshot(document), "api-reference.md": reference(document)}
        stale = [
            name
            for name, text in wanted.items()
            if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
        ]
        if check and stale:
            raise CommandError(f"docs/{stale[0]} is stale. Run `manage.py api_reference`.")
        if not check and stale:
            _note(folder, document)
            for name, text in wanted.items():
                (folder / name).write_text(text, encoding="utf-8")


def administrator() -> Actor:
    """This function will return somebody who may do everything, and is nobody in particular."""
    actor = Actor(User(username="administrator", is_superuser=True), Channel.COMMAND)
    actor.know(Grants(is_active=True, is_superuser=True, username="administrator"))
    return actor


def snapshot(document: dict[str, Any]) -> str:
    """This function will return the document as it is kept: a line for each address, and for each part."""
    lines = [
        f' "{name}": {_line(part)}' for name, part in document.items() if name not in {"paths", "components"}
    ]
    lines.append(f' "paths": {_lines(document["paths"])}')
    kinds = [f'  "{kind}": {_lines(parts)}' for kind, parts in sorted(document["components"].items())]
    lines.append(' "components": {\n' + ",\n".join(kinds) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(parts: dict[str, Any]) -> str:
    return "{\n" + ",\n".join(f'   "{name}": {_line(part)}' for name, part in sorted(parts.items())) + "\n  }"


def _line(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def reference(document: dict[str, Any]) -> str:
    """This function will return the table of all addresses, of one table as of them all."""
    chapters: dict[str, list[str]] = defaultdict(list)
    tables = _tables(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            (tag,) = operation["tags"]
            if tag in tables - {"books"}:
                continue
            answers = ", ".join(status for status in operation["responses"] if status < "400")
            refusals = ", ".join(status for status in operation["responses"] if status >= "400")
            address = path.removeprefix("/api/v1")
            cells = [f"`{method.upper()} {address}`", operation["summary"], _right(operation)]
            chapters[tag].append(f"| {' | '.join([*cells, answers, refusals])} |\n")
    head = "| Address | What it does | Right | Answers | Refusals |\n|---|---|---|---|---|\n"
    return HEAD + "".join(f"\n## {tag}\n\n{head}{''.join(chapters[tag])}" for tag in sorted(chapters))


def _right(operation: dict[str, Any]) -> str:
    """What one needs, also for what is others'."""
    mine, others = operation.get("x-right", ""), operation.get("x-right-others")
    return f"{mine}; of others: {others}".removeprefix("; ") if others else mine


def _tables(document: dict[str, Any]) -> set[str]:
    """The tags that stand for tables: those that have records to list."""
    return {path.split("/")[3] for path in document["paths"] if path.endswith("/{key}/versions/")}


def _note(folder: Path, document: dict[str, Any]) -> None:
    """Write what is new since the document that is kept.

    :raises CommandError: it would break programs, and the version does not say so
    """
    kept, notes = folder / "openapi.json", folder / "api-changes.md"
    version = document["info"]["version"]
    if not kept.exists():
        notes.write_text(f"{CHANGES_HEAD}\n## {version}\n\n- The first version.\n", encoding="utf-8")
        return
    before = json.loads(kept.read_text(encoding="utf-8"))
    broken, new = api_changes.breaking(before, document), api_changes.added(before, document)
    if broken and before["info"]["version"].split(".")[0] == version.split(".")[0]:
        raise CommandError(
            "Programs would break:\n" + "\n".join(broken) + "\nThat needs a new major version."
        )
    text, heading = notes.read_text(encoding="utf-8"), f"\n## {version}\n\n"
    found = [*(f"- Breaks: {line}." for line in broken), *(f"- New: {line}." for line in new)]
    lines = [
        line for line in found if line not in text.splitlines()
    ]  # a document that was set back is written again
    if not lines:
        return
    if heading not in text:
        text = text.replace(CHANGES_HEAD, f"{CHANGES_HEAD}{heading}", 1)
    before_it, _, after = text.partition(heading)
    notes.write_text(before_it + heading + "".join(f"{line}\n" for line in lines) + after, encoding="utf-8")

"""Writes docs/tools.md from the tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mcp_bridge import reference


class Command(BaseCommand):
    """Keeps the manual's page about the tools true."""

    help = "Write docs/tools.md; with --check only tell whether it is up to date."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 when stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Write the page, or compare it."""
        path = Path(settings.BASE_DIR) / "docs" / "tools.md"
        page = reference.page()
        if not check:
            path.write_text(page, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != page:
            raise CommandError("docs/tools.md is stale. Run `manage.py tools_reference`.")

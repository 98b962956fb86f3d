"""`manage.py auditlogflush`: closed, for it would delete the versions of records, which undo and history need."""

from __future__ import annotations

from typing import Any

from auditlog.management.commands.auditlogflush import Command as Flush
from django.core.management.base import CommandError


class Command(Flush):  # type: ignore[misc] # it has no types
    """Refuses what django-auditlog's command would delete."""

    help = "Not for this server: the versions of records are kept."

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse."""
        raise CommandError("auditlogflush would delete the versions of records, which undo and history need.")

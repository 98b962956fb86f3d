"""`manage.py loaddata`: closed, for what it writes is checked by nobody and in no trail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.loaddata import Command as LoadData


class Command(LoadData):
    """Refuses what Django's command would load: records, accounts and rights, past the services."""

    help = "Not for this server: records, accounts and rights come in through the tools and pages, which audit them."

    def handle(self, *fixture_labels: Any, **options: Any) -> None:
        """Refuse."""
        raise CommandError(
            "loaddata would write past the audit trail. Bring records in with the tools, accounts in the admin."
        )

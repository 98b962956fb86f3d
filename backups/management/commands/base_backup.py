"""`manage.py base_backup`: a copy of the whole server, from which any later moment can be brought back."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from backups.management import acting
from backups.pitr import services


class Command(BaseCommand):
    help = "Copy the whole server, and look at every file of the copy."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who does it."""
        acting.add_user(parser)

    def handle(self, *args: object, user: str | None, **options: object) -> None:
        """Take it, and tell what it is."""
        who, progress = acting.actor(user), acting.Told(self.stderr)  # type: ignore[arg-type] # Django's, which writes
        with acting.refused(who, "BACKUP_FULL"):
            made = services.take_base(actor=who, progress=progress)
        self.stdout.write(f"{made.name}: {made.size_bytes} bytes, from {made.start} to {made.end}")

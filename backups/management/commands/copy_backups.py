"""`manage.py copy_backups`: copies into the bucket what is not there yet; for cron, and before a machine is left."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from backups.management import acting
from backups.offsite import copying, watching


class Command(BaseCommand):
    help = (
        "Copy each backup into the bucket that is not there yet, encrypted, and read it back."
        " Where a worker runs, it does so by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who does it."""
        acting.add_user(parser)

    def handle(self, *args: object, user: str | None, **options: object) -> None:
        """Copy them, and tell which."""
        who = acting.actor(user)
        told = acting.Told(self.stderr)  # type: ignore[arg-type] # it writes
        with acting.refused(who, copying.OPERATION):
            try:
                copied = copying.copy_all(actor=who, progress=told)
            finally:
                watching.watch(timezone.now())
        for file in copied:
            self.stdout.write(file)
        self.stdout.write(f"{len(copied)} backups copied")

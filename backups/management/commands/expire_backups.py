"""`manage.py expire_backups`: deletes the backups that have had their time."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from backups import deletion
from backups.management import acting


class Command(BaseCommand):
    help = (
        "Delete the backups that the rules of retention let go. The newest and the last proven one always stay; "
        "so does the newest of each table."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether it is only asked, and who does it."""
        parser.add_argument("--dry-run", action="store_true", help="tell which, and delete none")
        acting.add_user(parser)

    def handle(self, *args: object, dry_run: bool, user: str | None, **options: object) -> None:
        """Delete them, and tell which."""
        who = acting.actor(user)
        with acting.refused(who, "DELETE_BACKUP"):
            gone = deletion.expire(actor=who, now=timezone.now(), dry_run=dry_run)
        for file in gone:
            self.stdout.write(file)
        self.stdout.write(f"{len(gone)} backups {'would be ' if dry_run else ''}deleted")

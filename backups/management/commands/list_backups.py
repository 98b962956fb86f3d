"""`manage.py list_backups`: which backups there are, and what is known of them."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from backups import services
from backups.catalogue import Found
from backups.management import acting


class Command(BaseCommand):
    help = "List the backups, the newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which, in what order, and who asks."""
        parser.add_argument("--type", choices=services.TYPES)
        parser.add_argument("--sort", choices=services.SORTS, default="date", help="newest or largest first")
        parser.add_argument("--limit", type=int, default=100, metavar="N")
        acting.add_user(parser)

    def handle(
        self,
        *args: object,
        type: str | None,  # noqa: A002 - the option's name
        sort: str,
        limit: int,
        user: str | None,
        **options: object,
    ) -> None:
        """Write a line for each."""
        who = acting.actor(user)
        with acting.refused(who, "LIST_BACKUPS"):
            found = services.list_backups(actor=who, type=type, sort_by=sort, limit=limit)
        for backup in found.backups:
            self.stdout.write(
                f"{backup.file:<48}{backup.size_bytes:>14}{backup.record_count:>12} rows  {_state(backup)}"
            )
        self.stdout.write(f"{found.total} backups, {found.total_bytes} bytes")
        for file in found.unreadable:
            self.stderr.write(f"{file} is no manifest that can be read.")


def _state(backup: Found) -> str:
    """What is known of it, in a few words."""
    said = "signed" if backup.is_signed else "trusted" if backup.is_trusted else "not trusted"
    if backup.is_proven:
        return f"{said}, proven {backup.verified_at:%Y-%m-%d}"
    if backup.is_valid is None:
        return f"{said}, not verified"
    return f"{said}, {'valid' if backup.is_valid else 'NOT VALID'} {backup.verified_at:%Y-%m-%d}"

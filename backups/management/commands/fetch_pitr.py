"""`manage.py fetch_pitr`: brings a base and the log since home from the bucket; needs no database."""

from __future__ import annotations

import shlex

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.errors import Refused
from backups.management import acting
from backups.pitr import fetching, recovery


class Command(BaseCommand):
    help = "Bring home what the bucket has of a server, for `restore_pitr`."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the moment, and of which server."""
        parser.add_argument(
            "--to",
            default=recovery.LATEST,
            metavar="TIME|NAME",
            help="what shall be brought back, as for restore_pitr (%(default)s)",
        )
        parser.add_argument("--system", metavar="ID", help="of which server, where the bucket has several")

    def handle(self, *args: object, to: str, system: str | None, **options: object) -> None:
        """Bring it home, and tell where it is."""
        progress = acting.Told(self.stderr)  # type: ignore[arg-type] # Django's, which writes
        try:
            folder = fetching.fetch(to=recovery.parse(to), system_id=system, progress=progress)
        except Refused as refusal:
            raise CommandError(" ".join(filter(None, (refusal.message, refusal.hint)))) from refusal
        self.stdout.write(
            f"{folder} has the base before it, and the log since. Next: manage.py restore_pitr --to {shlex.quote(to)}"
        )

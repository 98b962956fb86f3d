"""`manage.py receive_wal`: takes what the server writes, as it writes it, until it is told to end or loses it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.errors import Refused
from backups.pitr import receiver


class Command(BaseCommand):
    help = "Receive the write-ahead log; ends with the connection, and is to be started again then."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether there shall be no receiver any more."""
        parser.add_argument(
            "--forget",
            action="store_true",
            help="let the server keep nothing for a receiver any more, and end",
        )

    def handle(self, *args: object, forget: bool, **options: object) -> None:
        """Become the receiver."""
        try:
            if forget:
                receiver.forget()
            else:
                receiver.become()
        except Refused as refusal:
            raise CommandError("\n".join(filter(None, (refusal.message, refusal.hint)))) from refusal

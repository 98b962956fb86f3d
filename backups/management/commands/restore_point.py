"""`manage.py restore_point NAME`: names this moment, so that the server can be brought back to just here."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.errors import Refused
from backups.pitr import services


class Command(BaseCommand):
    help = "Name this moment in the write-ahead log, for `restore_pitr --to NAME`."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name."""
        parser.add_argument("name")

    def handle(self, *args: object, name: str, **options: object) -> None:
        """Name it."""
        try:
            services.name_moment(name)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"This moment is named {name}.")

"""Makes the database ready, then runs another command in the same process."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management import ManagementUtility, call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.prepare import NotPrepared, prepare


class Command(BaseCommand):
    """Writes to standard error alone, since the command that follows may speak a protocol on the other."""

    help = "Migrate, make the first administrator and load the sample library if need be; then run COMMAND."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a command line to run afterwards, behind `--`."""
        parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")

    def handle(self, *args: Any, command: list[str], **options: Any) -> None:
        """Prepare, make the administrator's account (its password is told to a person only), go on."""
        try:
            prepare(tell=self.stderr.write)
        except NotPrepared as problem:
            raise CommandError(str(problem)) from problem
        following = command[1:] if command[:1] == ["--"] else command
        call_command("ensure_admin", without_password=bool(following), verbosity=0, stdout=self.stderr)
        if following:
            ManagementUtility(["manage.py", *following]).execute()

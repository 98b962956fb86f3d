"""Makes an API key for an account, at the word of who runs commands here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accesscontrol import keys
from accesscontrol.errors import Refused


class Command(BaseCommand):
    """Makes a key, and writes its text, which nobody can read again, to standard output."""

    help = "Make an API key for an account, which may be one that nobody logs in to, and show it once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose key, and what it may do."""
        parser.add_argument("username", help="the account that a program with the key acts for")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument(
            "--scope", required=True, action="append", dest="scopes", metavar="SCOPE",
            help="a right, such as read or view_audit, or one on a table, such as update:books; any number of times",
        )  # fmt: skip
        parser.add_argument(
            "--network", action="append", default=[], dest="networks", metavar="NETWORK",
            help="from where it is good, such as 192.0.2.0/24; any number of times (anywhere)",
        )  # fmt: skip
        parser.add_argument(
            "--days", type=int, default=keys.DEFAULT_DAYS, help=f"how long it is good ({keys.DEFAULT_DAYS})"
        )

    def handle(
        self,
        *args: Any,
        username: str,
        name: str,
        scopes: list[str],
        networks: list[str],
        days: int,
        **options: Any,
    ) -> None:
        """Make the key."""
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {username!r}.")
        try:
            made = keys.create_for(
                user=user,
                name=name,
                scopes=scopes,
                networks=networks,
                expires_at=timezone.now() + timedelta(days=min(max(days, 0), keys.MAX_DAYS)),
            )
        except Refused as refusal:
            raise CommandError(" ".join(filter(None, (refusal.message, refusal.hint)))) from refusal
        self.stdout.write(made.text)

"""`manage.py changepassword`: Django's, with an audit row."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol import accounts
from accesscontrol.errors import Refused
from accesscontrol.management.asking import ask_password


class Command(BaseCommand):
    """Sets the password of a person's account, in one transaction with its audit row."""

    help = "Set the password of an account: for who lost theirs, administrators included."
    requires_migrations_checks = True
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account."""
        parser.add_argument("username", help="the account")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Ask for the password, and set it."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username!r}.")
        self.stdout.write(f"Setting the password of {username}.")
        try:
            accounts.reset_password(user=user, password=ask_password())
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"The password of {username} was changed.")

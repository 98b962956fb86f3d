"""`manage.py createsuperuser`: Django's, with an audit row."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol import accounts
from accesscontrol.errors import Refused
from accesscontrol.management.asking import ask, ask_password


class Command(BaseCommand):
    """Makes a superuser as Django's own command does, in one transaction with its audit row."""

    help = "Make a superuser. With --noinput the password is that of DJANGO_SUPERUSER_PASSWORD, or none."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what Django's command takes."""
        parser.add_argument("--username", help="the name to log in with")
        parser.add_argument("--email", default="", help="an address, where there is one")
        parser.add_argument(
            "--noinput", "--no-input", action="store_false", dest="interactive", help="ask nothing"
        )

    def handle(
        self, *args: Any, username: str | None, email: str, interactive: bool, verbosity: int, **options: Any
    ) -> None:
        """Ask for what is missing, and make the superuser."""
        if not interactive:
            username = username or os.environ.get("DJANGO_SUPERUSER_USERNAME")
            email = email or os.environ.get("DJANGO_SUPERUSER_EMAIL", "")
            password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
            if not username:
                raise CommandError("With --noinput, --username is needed.")
        else:
            username = username or ask("Username: ")
            password = ask_password()
        try:
            accounts.make_superuser(user=User(username=username, email=email), password=password)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        if verbosity > 0:
            self.stdout.write(f"The superuser {username} was made.")

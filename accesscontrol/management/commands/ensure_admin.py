"""Makes the first administrator."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from accesscontrol.accounts import is_administrator
from accesscontrol.actor import Actor, Channel
from accesscontrol.signals import access_changed


class Command(BaseCommand):
    """Makes an administrator where there is none who can log in, and tells the password once."""

    help = "Make the administrator ADMIN_USERNAME, unless there is an administrator who can log in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Let a caller whom nobody watches leave the password for the next time."""
        parser.add_argument(
            "--without-password",
            action="store_true",
            help="make the account without a password (unless ADMIN_PASSWORD is set): nobody would see it",
        )

    @transaction.atomic
    def handle(self, *args: Any, without_password: bool, verbosity: int, **options: Any) -> None:
        """Make or complete the account; say nothing when nothing was to do, unless asked to be verbose."""
        with connection.cursor() as cursor:  # programs that start together make one account, not two
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ensure_admin'))")
        name, password = settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD
        user = User.objects.filter(username=name).first()
        if any(map(is_administrator, User.objects.filter(is_superuser=True))):
            if verbosity > 0:
                self.stdout.write("There is an administrator already; nothing was changed.")
            return
        if user is not None and not (user.is_superuser and user.is_staff and user.is_active):
            raise CommandError(f"{name} exists and is no administrator. Set ADMIN_USERNAME to another name.")
        if without_password and not password:
            if user is None:
                _tell(User.objects.create_superuser(name))
            return
        user = user or User(username=name, is_superuser=True, is_staff=True)
        if password:
            _require_good(password, user)
        told = password or secrets.token_urlsafe(12)
        user.set_password(told)
        user.save()
        _tell(user)
        shown = "from ADMIN_PASSWORD" if password else f"{told}   (shown this once)"
        self.stdout.write(f"Administrator: {name}, password: {shown}")


def _require_good(password: str, user: User) -> None:
    """Do nothing where the password is one that anybody might choose for an account.

    :raises CommandError: it is too easily guessed
    """
    try:
        validate_password(password, user)
    except ValidationError as refusal:
        raise CommandError("\n".join(["ADMIN_PASSWORD can't be used:", *refusal.messages])) from None


def _tell(user: User) -> None:
    """Let the audit trail know of the administrator, who is their own maker."""
    access_changed.send(
        User,
        actor=Actor(user, Channel.COMMAND),
        operation="GRANT",
        subject=f"user {user.get_username()}",
        changes={"is_superuser": {"old": None, "new": True}},
    )

"""Who a command on the machine acts as, and how it tells what it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, TextIO

from django.contrib.auth.management import get_system_username
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from accesscontrol import service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from audit import refusals
from backups import database
from jobs import schedule
from jobs.progress import Progress

_EVERY_S: Final = 1.0
_MB: Final = 1_000_000


def add_user(parser: CommandParser) -> None:
    """This function will let a command take who acts."""
    parser.add_argument(
        "--user",
        metavar="NAME",
        help=f"the account that does it ({schedule.USER}, the service user of all scheduled work)",
    )


def actor(username: str | None) -> Actor:
    """This function will return who acts: the account of that name, or the service user of scheduled work.

    :raises CommandError: there is no such account, or a person has the service user's name
    """
    about = {"system_user": get_system_username()}
    if username is not None:
        account = User.objects.filter(username=username, is_active=True).first()
        if account is None:
            raise CommandError(f"There is no active account {username!r}.")
        return Actor(account, Channel.COMMAND, about)
    try:
        return Actor(service_users.get(schedule.USER, role=schedule.ROLE), Channel.COMMAND, about)
    except Refused as refusal:
        raise CommandError(refusal.message) from refusal


@contextmanager
def refused(who: Actor, operation: str, table: str | None = None) -> Iterator[None]:
    """This function will tell the trail and the terminal when an operation is refused, or the database is lost.

    :raises CommandError: it is
    """
    try:
        with database.translated():
            yield
    except Refused as refusal:
        refusals.record(who, operation, table, refusal)
        raise CommandError(" ".join(filter(None, (refusal.message, refusal.hint)))) from refusal


class Told(Progress):
    """Tells on the terminal how far the work is, a line for each part and then one a second."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._unit, self._done, self._total, self._told_at = "", 0, 0, 0.0

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        """This function will tell that a part begins."""
        self._unit, self._done, self._total, self._told_at = unit, 0, total, monotonic()
        self._out.write(f"{label} …\n")

    def advance(self, amount: int) -> None:
        """This function will tell how far the part is, now and then."""
        self._done += amount
        if monotonic() - self._told_at > _EVERY_S:
            self._told_at = monotonic()
            self._out.write(f"  {self._amount(self._done)}{f' of {self._total}' if self._total else ''}\n")

    def log(self, text: str) -> None:
        """This function will tell it."""
        self._out.write(f"{text}\n")

    def _amount(self, number: int) -> str:
        return f"{number / _MB:.0f} MB" if self._unit == "bytes" else f"{number} {self._unit}"

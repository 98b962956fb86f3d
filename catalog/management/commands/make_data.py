"""`manage.py make_data`: bulk data, to try the server under load."""

from __future__ import annotations

from time import perf_counter

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from catalog.sample import bulk


class Command(BaseCommand):
    """Makes a library of any size, the same for the same seed."""

    help = (
        "Make bulk data to try the server under load: scenes with the chapters, books, series, authors, characters and "
        "locations that they belong to. Each run adds; nothing that is there is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the size, the seed, and who it is done by."""
        parser.add_argument("--rows", type=int, required=True, metavar="N", help="how many scenes to make")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="other seeds give other texts")
        parser.add_argument("--user", required=True, metavar="NAME", help="the account that does it")
        parser.add_argument("--force", action="store_true", help="do it in production too")

    def handle(self, *args: object, rows: int, seed: int, user: str, force: bool, **options: object) -> None:
        """Make the data in one transaction, and tell what was made."""
        if settings.PRODUCTION and not force:
            raise CommandError(
                "This is production: made-up data does not belong here. With --force it is made."
            )
        account = User.objects.filter(username=user, is_active=True).first()
        if account is None:
            raise CommandError(f"There is no active account {user!r}.")
        started = perf_counter()
        try:
            made = bulk.make(actor=Actor(account, Channel.COMMAND), scenes=rows, seed=seed)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        for table, count in made.counts.items():
            self.stdout.write(f"{table:<12}{count:>10}")
        total = sum(made.counts.values())
        self.stdout.write(f"{total} records made in {perf_counter() - started:.1f} s.")

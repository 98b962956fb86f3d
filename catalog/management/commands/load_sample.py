"""`manage.py load_sample`: a small library of classics to look around in."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from accesscontrol import service_users
from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Refused
from catalog.sample import loader


class Command(BaseCommand):
    help = (
        "Load the sample library: classics with their chapters, scenes, characters and plots. "
        "A second run adds only what is missing, and changes nothing that is there."
    )

    def handle(self, **options: object) -> None:
        actor = Actor(user=service_users.get("load_sample", role="Editor"), channel=Channel.COMMAND)
        try:
            done = loader.load(actor=actor)
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        added = sum(table.added for table in done.values())
        if not added:
            self.stdout.write("The sample library is there already; nothing was added.")
            return
        for name, table in sorted(done.items()):
            self.stdout.write(f"{name:<28}{_told(table)}")
        self.stdout.write(f"{added} records added in {len(done)} tables.")


def _told(table: loader.Loaded) -> str:
    parts = [f"{table.added:>5} added"]
    if table.trashed:
        parts.append(f"{table.trashed} of them in the trash")
    if table.found:
        parts.append(f"{table.found} already there")
    if table.left_out:
        parts.append(f"{table.left_out} left out: they belong to records in the trash")
    return ", ".join(parts)

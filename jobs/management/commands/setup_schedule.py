"""Puts what the applications declare into the schedule."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from jobs import schedule


class Command(BaseCommand):
    """Changes nothing that is there: run it as often as you like."""

    help = "Add to the schedule what is not there yet; what an administrator changed stays."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Install the entries, and name the new ones."""
        for name in schedule.install():
            if verbosity:
                self.stdout.write(f"Scheduled: {name}")

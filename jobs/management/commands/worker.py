"""Works on jobs until it is told to end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import work


class Command(BaseCommand):
    """One worker of perhaps many, on this machine or others."""

    help = "Work on jobs until SIGTERM or Ctrl-C; a job that runs then is handed back."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many jobs at a time, and whether to keep the schedule too."""
        parser.add_argument("--processes", type=int, default=2, help="jobs at a time (2)")
        parser.add_argument("--beat", action="store_true", help="keep the schedule too, in one more process")

    def handle(self, *args: Any, processes: int, beat: bool, **options: Any) -> None:
        """Work."""
        work.run(processes=max(1, processes), with_beat=beat)

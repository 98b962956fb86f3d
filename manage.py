#!/usr/bin/env python
"""Runs the commands of the Database Admin Server, with its database when they need it."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

gc.disable()  # a tenth of a start; config.apps turns it on when all is imported

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from config import embedded
    from config.programs import ClusterError
except ImportError as error:
    raise SystemExit(f"{error}. Run script/bootstrap first, and use .venv/bin/python.") from error

# Commands that never connect. Any other gets the embedded server (unless DATABASE_URL names one).
WITHOUT_DATABASE = {
    "", "collectstatic", "compilemessages", "decrypt", "diffsettings", "fetch_pitr", "findstatic", "help",
    "makemessages",
    "receive_wal", "restore_pitr", "settings_table", "version",
}  # fmt: skip


def needs_database(arguments: list[str]) -> bool:
    """Tell whether the command line `arguments` (without the program) may connect to the database."""
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if {"-h", "--help", "--version"} & set(arguments):
        return False
    if command == "check":
        return any(argument.startswith("--database") for argument in arguments)
    return command not in WITHOUT_DATABASE


def end(number: int, _frame: FrameType | None) -> None:
    """Leave as after an error, so that everything is tidied up, when the system or a client ends us."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    try:
        if needs_database(sys.argv[1:]):
            embedded.use_if_configured()
        execute_from_command_line(sys.argv)
    except (ClusterError, ImproperlyConfigured) as error:
        raise SystemExit(f"manage.py: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()

"""Serves the web application, and everything that belongs to it, until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import os
import socket
from typing import Any, Final, cast

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import connections

from config.companion import Companion
from config.postgresql.base import DatabaseWrapper
from config.prepare import NotPrepared, prepare
from config.web import Web, keep_signals

PORT_MAX: Final = 65_535


class Command(BaseCommand):
    """The one process that a newcomer starts."""

    help = "Prepare the database if need be, then serve the web until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument(
            "--port", default=8000, type=_port, help="port to listen on (8000); 0 for any that is free"
        )
        parser.add_argument(
            "--no-worker",
            action="store_true",
            help="the web alone; start `manage.py worker --beat` elsewhere",
        )

    def handle(self, *args: Any, host: str, port: int, no_worker: bool, **options: Any) -> None:
        """Listen first, so that a port in use is told before anything is changed."""
        listening = _listen(host, port)
        try:
            prepare(tell=self.stderr.write)
        except NotPrepared as problem:
            raise CommandError(str(problem)) from problem
        call_command("ensure_admin", verbosity=0, stdout=self.stdout)
        if settings.PRODUCTION:
            call_command("collectstatic", interactive=False, verbosity=0)
        database = cast("DatabaseWrapper", connections["default"])
        database.close()
        database.close_pool()  # the workers are forked: each opens its own
        keep_signals()
        self.stdout.write(f"Serving http://{_shown(host)}:{listening.getsockname()[1]}/ - Ctrl-C ends it.")
        self.stdout.flush()
        os.environ.pop("PORT", None)  # gunicorn would listen there too
        companions = [] if no_worker else [Companion("worker", "--beat")]
        if settings.POINT_IN_TIME and not no_worker:
            companions.append(Companion("receive_wal"))
        Web(get_wsgi_application(), listening, settings.WEB_WORKERS, settings.WEB_THREADS, companions).run()


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"a port is a number up to {PORT_MAX}")
    return int(text)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `host` and `port`.

    :raises CommandError: it cannot
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} is in use, perhaps by another clone. Choose another: --port {port + 1}"
            ) from error
        raise CommandError(f"Cannot listen on {host}, port {port}: {error.strerror}") from error


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host

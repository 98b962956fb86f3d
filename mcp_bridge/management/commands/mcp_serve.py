"""Serves an agent over MCP on standard input and output."""

from __future__ import annotations

from typing import Any

import anyio
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accesscontrol.errors import AuthenticationRequired
from mcp_bridge import auth, server, stdio, worker

USAGE_ERROR = 2  # as argparse has it


class Command(BaseCommand):
    """Speaks the protocol on stdout; what it has to say otherwise goes to stderr."""

    help = "Serve an agent over MCP on standard input and output, with the rights of one account."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account: there is no anonymous access."""
        parser.add_argument(
            "--user", required=True, metavar="NAME", help="the account that the agent acts for"
        )

    def handle(self, *args: Any, user: str, **options: Any) -> None:
        """Serve until the client closes our standard input."""
        try:
            account = auth.by_name(user)
        except AuthenticationRequired as refusal:
            raise CommandError(refusal.message, returncode=USAGE_ERROR) from refusal
        except Error as error:
            raise CommandError(f"The database cannot be reached: {error}") from error
        worker.release()
        try:
            anyio.run(stdio.serve, server.build(account))
        finally:
            worker.release()

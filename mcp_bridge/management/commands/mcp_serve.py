"""Serves an agent over MCP on standard input and output."""

from __future__ import annotations

import os
from typing import Any

import anyio
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from accesscontrol.errors import AuthenticationRequired
from mcp_bridge import auth, server, stdio, worker
from mcp_bridge.auth import KEY_VARIABLE, Account

USAGE_ERROR = 2  # as argparse has it


class Command(BaseCommand):
    """Speaks the protocol on stdout; what it has to say otherwise goes to stderr."""

    help = "Serve an agent over MCP on standard input and output, with the rights of one account."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the account: there is no anonymous access."""
        parser.add_argument(
            "--user",
            metavar="NAME",
            help=f"the account that the agent acts for; not needed with an API key in {KEY_VARIABLE}",
        )

    def handle(self, *args: Any, user: str | None, **options: Any) -> None:
        """Serve until the client closes our standard input."""
        account = _account(user, os.environ.pop(KEY_VARIABLE, None))  # for nothing that is started from here
        worker.release()
        try:
            anyio.run(stdio.serve, server.build(account))
        finally:
            worker.release()


def _account(user: str | None, key: str | None) -> Account:
    """Who the agent acts for: whom a name or a key says.

    :raises CommandError: nobody, or both are given
    """
    if (user is None) == (not key):
        raise CommandError(
            f"Give either --user NAME or an API key in {KEY_VARIABLE}.", returncode=USAGE_ERROR
        )
    try:
        return auth.by_key(key) if key else auth.by_name(str(user))
    except AuthenticationRequired as refusal:
        raise CommandError(refusal.message, returncode=USAGE_ERROR) from refusal
    except Error as error:
        raise CommandError(f"The database cannot be reached: {error}") from error

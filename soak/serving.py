"""An MCP server in a process that was forked: the same as the program, without the seconds that its imports take."""

from __future__ import annotations

import os
import socket
import sys

from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from mcp_bridge.management.commands import mcp_serve


def serve(theirs: socket.socket, username: str, url: str) -> None:
    """This function will serve an agent on a socket, as the program does on its standard input and output."""
    for descriptor in (0, 1):
        os.dup2(theirs.fileno(), descriptor)
    theirs.close()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    place, ours = conninfo_to_dict(url), connection.settings_dict
    ours.update(
        USER=place["user"],
        PASSWORD=place["password"],
        HOST=place["host"],
        PORT=place["port"],
        NAME=place["dbname"],
    )
    call_command(mcp_serve.Command(), user=username)

"""The MCP server seen from outside: a process, spoken to in lines of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from accesscontrol import limits
from bench import cases, memory
from bench.measure import Case, Limit
from bench.scratch import WIDE_ROWS, Scratch

MAX_MEMORY_MB = 250
_IMPORTS = "import django; django.setup(); import mcp"


class Agent:
    """A client that does as little as can be done, so that what is measured is the server."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._number = 0
        self._ask(
            "initialize",
            {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            },
        )
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def tools(self) -> bytes:
        """This function will list the tools."""
        return self._ask("tools/list", {})

    def call(self, tool: str, arguments: dict[str, Any]) -> bytes:
        """This function will call a tool, and return the line that answers."""
        return self._ask("tools/call", {"name": tool, "arguments": arguments})

    def peak_mb(self) -> float:
        """This function will return the most memory that the server has had."""
        return memory.peak_mb(self.process.pid)

    def _ask(self, method: str, parameters: dict[str, Any]) -> bytes:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters})
        if self.process.stdout is None:
            raise TypeError("the server's answers need a pipe")
        line = self.process.stdout.readline()
        if b'"error":{' in line[:200] or b'"isError":true' in line[-200:] or not line:
            raise RuntimeError(f"{method} failed: {line[:500]!r}")
        return line

    def _send(self, message: dict[str, Any]) -> None:
        if self.process.stdin is None:
            raise TypeError("the server's questions need a pipe")
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()


@contextmanager
def agent(scratch: Scratch) -> Iterator[Agent]:
    """This function will start a server of its own for an agent, and end it."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "manage.py", "mcp_serve", "--user", scratch.editor.username],
        cwd=settings.BASE_DIR, env=scratch.environment | {"RATE_LIMITS": limits.DEFAULT},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        try:
            yield Agent(process)
        finally:
            if process.stdin:
                process.stdin.close()


def calling(scratch: Scratch, serving: Agent) -> Case:
    """This function will return the case of a small query over the protocol, beside the service alone."""
    arguments = {
        "table": "scenes", "where": {"id": {"$gt": cases.middle(scratch)}}, "limit": 10, "count": "none",
    }  # fmt: skip
    return Case(
        "MCP call, query 10 rows",
        lambda: serving.call("db_query_records", arguments),
        lambda: cases.query(scratch, 10),
        Limit(above_ms=2),
        "the service call",
    )


def starting(scratch: Scratch) -> Case:
    """This function will return the case of starting a server, up to its list of tools."""

    def start() -> None:
        with agent(scratch) as started:
            started.tools()
            started.process.kill()  # how long it takes to end is not asked

    return Case(
        "MCP server from start to tools/list",
        start,
        lambda: subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", _IMPORTS],
            cwd=settings.BASE_DIR, env=scratch.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            check=True, capture_output=True,
        ),
        Limit(ratio=1.3),
        "django.setup() and import mcp",
        seconds=20,
        max_rounds=9,
    )  # fmt: skip


def peak_memory_mb(scratch: Scratch, *, reads: int) -> tuple[float, int]:
    """This function will read the widest page again and again; (the server's peak memory, bytes of an answer)."""
    page = {
        "table": "scenes",
        "where": {"id": {"$gte": scratch.first_wide_scene}},
        "limit": WIDE_ROWS,
        "count": "none",
    }
    with agent(scratch) as serving:
        size = 0
        for _ in range(reads):
            size = len(serving.call("db_query_records", page))
        return serving.peak_mb(), size

"""The real process over its standard streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, execute_from_command_line
from django.db import connection
from mcp import Client, StdioServerParameters
from psycopg import sql

from mcp_bridge import auth, server, stdio, wire
from tests import databases
from tests.mcp_bridge.conftest import wired

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(settings.BASE_DIR)
INITIALIZE = {
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    },
}
PATIENCE_S = 20


class Process:
    """The server as a process, to which a test writes bytes of its own."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "mcp_serve", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.next_id = 0

    def send(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request, and return the answer: the next line on standard output."""
        self.next_id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.next_id, **request}).encode())
        answer = json.loads(self.process.stdout.readline())
        assert answer["id"] == self.next_id
        return answer

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return self.ask(method="tools/call", params={"name": tool, "arguments": arguments})["result"]

    def end(self) -> tuple[int, bytes, bytes]:
        """Close the server's standard input, and return its status and what it still wrote."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err

    def end_by(self, number: int) -> bytes:
        """End the server by a signal, its standard input open, and return what it has logged."""
        self.process.send_signal(number)
        assert self.process.wait(PATIENCE_S) == 0
        return self.process.stderr.read()


Start = Callable[..., Process]


@pytest.fixture
def start(database_environment: dict[str, str]) -> Iterator[Start]:
    """Return a function that starts the server, for Edith unless said otherwise."""
    started: list[Process] = []

    def start(*arguments: str, **environment: str) -> Process:
        process = Process(database_environment | environment, *(arguments or ("--user", "edith")))
        started.append(process)
        return process

    yield start
    for process in started:
        process.process.kill()
        process.process.communicate()


@pytest.fixture
def greeted(start: Start, editor: object) -> Process:
    """A server that has shaken hands."""
    process = start()
    process.ask(**INITIALIZE)
    return process


class TestWithTheClientOfTheSDK:
    @pytest.mark.parametrize(
        ("mode", "protocol", "starts"),
        [
            ("auto", "2026-07-28", True),
            ("legacy", "2025-11-25", False),
        ],  # the other tests speak the older one too
    )
    def test_lists_reads_writes_and_tells(self, database_environment, editor, mode, protocol, starts):
        command = StdioServerParameters(
            command=sys.executable,
            args=["manage.py", "mcp_serve", "--user", editor.username],
            env=database_environment,
            cwd=ROOT,
        )
        wires = wired(server.build(auth.by_name(editor.username)))

        async def main() -> None:
            async with Client(command if starts else wires, mode=mode) as client:
                assert client.protocol_version == protocol
                assert len((await client.list_tools()).tools) == 17
                inserted = await client.call_tool(
                    "db_insert_record", {"table": "authors", "data": {"name": "Émile"}}
                )
                assert json.loads(inserted.content[0].text) == inserted.structured_content
                found = await client.call_tool("db_query_records", {"table": "authors"})
                assert found.structured_content["records"] == [inserted.structured_content["record"]]
                refused = await client.call_tool("db_query_records", {"table": "autors"})
                assert refused.is_error
                logs = await client.call_tool("db_query_audit_logs", {})
                seen = [(log["operation"], log["success"]) for log in logs.structured_content["logs"]]
                assert seen == [("QUERY", False), ("QUERY", True), ("INSERT", True)]
                assert logs.structured_content["logs"][0]["client_info"]["protocol"] == protocol

        anyio.run(main)


class TestEnding:
    def test_an_end_of_input_without_a_word_ends_it_with_status_0(self, start, editor):
        assert start().end()[:2] == (0, b"")

    def test_a_signal_ends_it_though_input_is_open(self, greeted):
        assert b"Traceback" not in greeted.end_by(signal.SIGTERM)

    def test_a_client_that_no_longer_reads_ends_it(self, greeted):
        greeted.process.stdout.close()
        greeted.send(b'{"jsonrpc":"2.0","id":9,"method":"ping"}')
        assert greeted.process.wait(PATIENCE_S) == 0
        assert b"Traceback" not in greeted.process.stderr.read()


class TestAccount:
    def test_must_exist(self, capfd):
        with pytest.raises(SystemExit) as ended:
            execute_from_command_line(["manage.py", "mcp_serve", "--user", "mallory"])
        assert ended.value.code == 2
        assert capfd.readouterr() == ("", "CommandError: There is no active account 'mallory'.\n")

    def test_must_be_active(self, editor):
        User.objects.filter(pk=editor.user.pk).update(is_active=False)
        with pytest.raises(CommandError, match="no active account 'edith'") as refused:
            call_command("mcp_serve", user="edith")
        assert refused.value.returncode == 2

    def test_is_required(self):
        with pytest.raises(CommandError, match="--user"):
            call_command("mcp_serve")


class TestWithoutTheDatabase:
    @contextmanager
    def _away(self) -> Iterator[None]:
        """Cut every connection to the test database, and let nobody in."""
        name = connection.settings_dict["NAME"]
        connection.close()
        connection.close_pool()
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")

        with psycopg.connect(databases.url_of(name, settings.DATABASE_URL), autocommit=True) as inside:
            with databases.owner() as owner:
                owner.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
            inside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        try:
            yield
        finally:
            with databases.owner() as owner:
                owner.execute(allow.format(sql.Identifier(name), sql.SQL("true")))

    def test_calls_are_answered_and_work_again_when_it_is_back_until_a_signal(self, start, editor):
        server = start(DATABASE_POOL_TIMEOUT="1")
        server.ask(**INITIALIZE)
        assert server.call("db_list_tables")["isError"] is False
        with self._away():
            error = server.call("db_query_records", table="authors", where={"bad": 1})["structuredContent"]
            assert (error["error"], error["code"]) == (True, "UNAVAILABLE")
            listing = server.ask(method="tools/list")
            assert listing["error"]["data"]["code"] == "UNAVAILABLE"
        assert server.call("db_list_tables")["isError"] is False
        said = server.end_by(signal.SIGINT)  # as Ctrl-C in a terminal
        assert b'"refusal_not_in_trail"' in said
        assert b"KeyboardInterrupt" not in said


class TestLines:
    def test_are_read_across_chunks_and_too_long_ones_cut(self, monkeypatch):
        monkeypatch.setattr(stdio, "CHUNK_BYTES", 3)
        monkeypatch.setattr(wire, "MAX_LINE_BYTES", 8)
        reading, writing = os.pipe()
        os.write(writing, "12345678\n123456789\n\né\xff\nrest".encode())
        os.close(writing)
        assert list(stdio.read_lines(reading)) == ["12345678", "123\0", "", "éÿ", "rest"]
        os.close(reading)

"""What breaks the protocol layer gets a protocol error or is dropped; the next call is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Max

from accesscontrol.actor import Actor
from audit.models import AuditLog
from mcp_bridge import wire
from tests.mcp_bridge.test_stdio import INITIALIZE, Process

CALL = (
    b'{"jsonrpc":"2.0","id":"odd","method":"tools/call","params":{"name":"db_query_records","arguments":%s}}'
)
DIGITS = b"9" * 5_000

DROPPED = {
    "null": b"null",
    "empty-object": b"{}",
    "id-null": b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    "nothing": b"",
    "word": b"hello",
    "half": b'{"jsonrpc":"2.0","id":1,',
    "two-in-a-line": b'{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}',
    "list": b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    "invalid-utf-8": b'{"jsonrpc":"2.0","id":"\xff\xfe","method":"\xc3\x28"',
    "utf-16": '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"),
    "nul": b"\x00" * 100,
    "other-version": b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
    "no-version": b'{"id":1,"method":"ping"}',
    "id-object": b'{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}',
    "id-list": b'{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    "id-boolean": b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
    "method-number": b'{"jsonrpc":"2.0","id":1,"method":5}',
    "10000-lists": b"[" * 10_000,
    "10000-lists-closed": b"[" * 10_000 + b"]" * 10_000,
    "10000-objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "10000-deep-arguments": CALL % (b'{"where":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "surrogate-id": b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
    "answer-to-nothing": b'{"jsonrpc":"2.0","id":99,"result":{}}',
    "error-to-nothing": b'{"jsonrpc":"2.0","id":99,"error":{"code":1,"message":"x"}}',
    "unknown-notification": b'{"jsonrpc":"2.0","method":"notifications/x","params":{"a":[1]}}',
    "cancels-nothing": b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}',
    "cancels-nonsense": b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[{}]}}',
    "longest": b"x" * (wire.MAX_LINE_BYTES + 1),
    "id-of-5000-digits": b'{"jsonrpc":"2.0","id":' + DIGITS + b',"method":"ping"}',
    "digits-in-where": CALL % (b'{"table":"authors","where":{"id":' + DIGITS + b"}}"),
    "digits-in-limit": CALL % (b'{"table":"authors","limit":' + DIGITS + b"}"),
}
"""Lines that are no request: whatever comes of them, the server goes on."""

BROKEN = {
    "half": (DROPPED["half"], 1),
    "digits-in-where": (DROPPED["digits-in-where"], "odd"),
    "digits-in-limit": (DROPPED["digits-in-limit"], "odd"),
    "10000-deep-arguments": (DROPPED["10000-deep-arguments"], "odd"),
    "longest": (CALL % (b'{"a":"' + b"x" * wire.MAX_LINE_BYTES + b'"}'), "odd"),
    "method-number": (DROPPED["method-number"], 1),
}
"""Those of them that wait for an answer, and say under which id."""

ODD = {
    "fraction-in-limit": (CALL % (b'{"table":"authors","limit":1.' + DIGITS + b"}"), "VALIDATION_ERROR"),
    "exponent": (CALL % b'{"table":"authors","where":{"id":1e999}}', "VALIDATION_ERROR"),
    "nul": (CALL % b'{"table":"authors","where":{"name":"\\u0000"}}', "VALIDATION_ERROR"),
    "surrogate": (CALL % b'{"table":"authors","where":{"name":"\\ud800"}}', "VALIDATION_ERROR"),
    "same-argument-twice": (CALL % b'{"table":"no_such","table":"authors"}', None),
    "same-column-twice": (CALL % b'{"table":"authors","where":{"id":"x","id":1}}', None),
    "same-argument-twice-bad": (CALL % b'{"table":"authors","table":"no_such"}', "VALIDATION_ERROR"),
    "byte-order-mark-in-name": (CALL % '{"\ufefftable":"authors"}'.encode(), "VALIDATION_ERROR"),
    "list-of-100000": (CALL % (b'{"table":"authors","columns":["id"' + b',"id"' * 100_000 + b"]}"), None),
}
"""Requests that are well formed, with a call that is odd; of two members of one name the last counts, as in JSON."""


UNHOLDABLE = [
    {"table": "au\0thors"},
    {"where": {"name": "\0"}},
    {"where": {"name": "\ud800"}},
    {"where": {"name": "a\udfff😀"}},
    {"where": {"id": 10**300}},
    {"where": {"a" * 100_000: 1}},
    {"where": {"id": float("nan")}},
    {"where": {"id": float("inf")}},
    {"offset": 2**64},
    {"a\0b": 1},
]
"""Arguments of a query that neither a table nor a column can hold."""


@pytest.fixture
def server(database_environment: dict[str, str], editor: Actor) -> Iterator[Process]:
    """A server that nobody has spoken to."""
    process = Process(database_environment, "--user", "edith")
    yield process
    process.process.kill()
    process.process.communicate()


def is_answered(server: Process, name: str) -> None:
    """Make a call that is right, and skip what the server has to say of what came before it."""
    server.send(CALL.replace(b'"odd"', json.dumps(f"after {name}").encode()) % b'{"table":"authors"}')
    while (answer := json.loads(server.process.stdout.readline())).get("id") != f"after {name}":
        assert "error" in answer or "result" in answer, name
        assert "Traceback" not in json.dumps(answer), name
    assert answer["result"]["isError"] is False, name


def written() -> Callable[..., int]:
    """Return a function that counts the rows that the trail has from now on."""
    last = AuditLog.objects.aggregate(last=Max("id"))["last"] or 0
    return lambda **wanted: AuditLog.objects.filter(id__gt=last, **wanted).count()


def goes_on_after_each_line_that_is_no_request(server: Process) -> None:
    count = written()
    for name, line in DROPPED.items():
        server.send(line)
        is_answered(server, name)

    assert count(operation="QUERY", success=True) == len(DROPPED)
    assert not count(success=False)


def answers_each_broken_request(server: Process) -> None:
    for name, (line, request_id) in BROKEN.items():
        server.send(line)
        answer: dict[str, Any] = json.loads(server.process.stdout.readline())
        assert answer["id"] == request_id, name
        assert answer["error"]["code"] in {-32700, -32600}, name
        assert len(json.dumps(answer)) < 300, name


def answers_each_odd_call(server: Process) -> None:
    count = written()
    for name, (line, code) in ODD.items():
        server.send(line)
        answer: dict[str, Any] = json.loads(server.process.stdout.readline())
        assert answer["id"] == "odd", name
        result = answer["result"]
        assert (result["isError"], result["structuredContent"].get("code")) == (code is not None, code), name

    assert count(success=True) == sum(code is None for _, code in ODD.values())
    assert count(success=False) == sum(code is not None for _, code in ODD.values())


def answers_calls_that_have_the_same_id(server: Process) -> None:
    for _ in range(5):
        server.send(CALL % b'{"table":"authors"}')
    is_answered(server, "same ids")


def answers_whoever_sends_everything_at_once(server: Process) -> None:
    lines = [line for line in DROPPED.values() if len(line) < 100_000]
    server.process.stdin.write(b"\n".join(lines) + b"\n")
    server.process.stdin.flush()
    is_answered(server, "everything")


def shakes_hands_after_garbage(server: Process) -> None:
    for line in (b"\x80", b"{}", b'{"method":"x"}'):
        server.send(line)
    assert server.ask(**INITIALIZE)["result"]["serverInfo"]["name"] == "database-admin-server"


def refuses_wrong_requests(server: Process) -> None:
    assert server.ask(method="no/such")["error"]["code"] == -32601
    for params in ({"name": 5}, {"name": "db_list_tables", "arguments": [1]}):
        assert server.ask(method="tools/call", params=params)["error"]["code"] == -32602
    assert server.call("db_list_tables")["isError"] is False


def refuses_values_that_nothing_can_hold(server: Process) -> None:
    for values in UNHOLDABLE:
        result = server.call("db_query_records", **{"table": "authors", **values})
        assert result["structuredContent"]["code"] == "VALIDATION_ERROR", str(values)[:50]


def takes_a_line_of_many_megabytes(server: Process) -> None:
    bio = "x" * (8 * 1024 * 1024)
    answer = server.call("db_insert_record", table="authors", data={"name": "Long", "bio": bio})
    assert answer["structuredContent"]["record"]["bio"] == bio


def sessions() -> int:
    """Return how many sessions the test database has, this one included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return count


@pytest.mark.django_db(transaction=True)
def test_one_server_survives_all_of_it(server: Process) -> None:
    shakes_hands_after_garbage(server)
    goes_on_after_each_line_that_is_no_request(server)
    answers_each_broken_request(server)
    answers_each_odd_call(server)
    refuses_wrong_requests(server)
    refuses_values_that_nothing_can_hold(server)
    takes_a_line_of_many_megabytes(server)
    answers_calls_that_have_the_same_id(server)
    answers_whoever_sends_everything_at_once(server)

    status, out, err = server.end()
    assert (status, out) == (0, b"")  # nothing but the protocol
    assert b"call_refused" in err
    assert sessions() <= connection.pool.get_stats()["pool_size"]

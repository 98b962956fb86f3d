"""A row of the trail can always be written, whatever somebody sent, and says what is needed later."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection
from structlog.testing import capture_logs

from accesscontrol.actor import Actor, Channel
from accesscontrol.errors import Forbidden, InvalidInput
from audit import trail as audit_trail
from audit.models import AuditLog
from audit.trail import Entry
from catalog import registry
from catalog.services import records

Trail = Callable[..., list[AuditLog]]
HOSTILE = {
    "NUL": "a\x00b",
    "lone surrogates": "\ud800 and \udfff",
    "control characters": "".join(map(chr, range(32))) + "\x7f\x85\u2028\u202e",
    "quotes": "'; DROP TABLE audit_logs; -- \" \\ %s {} $1",
    "markup": "<script>alert(1)</script>",
    "beyond the basic plane": "🦉" * 3_000,
    "ten megabytes": "x" * 10_000_000,
    "a megabyte of NUL": "\x00" * 1_000_000,
}


@pytest.fixture
def actor(db: None) -> Actor:
    return Actor(User(username="ada"), Channel.MCP, {"ip": "192.0.2.7", "user_agent": "curl"})


class TestRecord:
    def test_says_who_did_what_to_what_when_and_how_it_went(self, actor: Actor, trail: Trail) -> None:
        change_id = uuid4()
        audit_trail.record(
            Entry(
                actor,
                "UPDATE",
                table_name="books",
                record_id="7",
                record_count=1,
                changes={"title": {"old": "A", "new": "B"}},
                change_id=change_id,
                query_hash="abc",
                dry_run=True,
                execution_time_ms=1.23456,
                client_info={"tool": "db_update_records"},
            )
        )

        (row,) = trail()
        with connection.cursor() as cursor:
            cursor.execute("SELECT transaction_timestamp(), clock_timestamp()")
            begun, now = cursor.fetchone()
        assert begun <= row.timestamp <= now
        assert {field: getattr(row, field) for field in (
            "operation", "table_name", "record_id", "user_id", "success", "error_message", "execution_time", "changes",
            "error_code", "record_count", "channel", "client_info", "request_id", "change_id", "dry_run", "query_hash",
        )} == {
            "operation": "UPDATE",
            "table_name": "books",
            "record_id": "7",
            "user_id": "ada",
            "success": True,
            "error_message": None,
            "execution_time": 1.235,
            "changes": {"title": {"old": "A", "new": "B"}},
            "error_code": None,
            "record_count": 1,
            "channel": "mcp",
            "client_info": {"ip": "192.0.2.7", "user_agent": "curl", "tool": "db_update_records"},
            "request_id": actor.request_id,
            "change_id": change_id,
            "dry_run": True,
            "query_hash": "abc",
        }  # fmt: skip

    @pytest.mark.parametrize("channel", list(Channel))
    def test_names_every_face(self, channel: Channel, trail: Trail, db: None) -> None:
        audit_trail.record(Entry(Actor(None, channel), "LOGIN"))

        assert (trail()[0].channel, trail()[0].user_id, trail()[0].client_info) == (str(channel), None, {})

    def test_takes_values_that_json_does_not_know(self, actor: Actor, trail: Trail) -> None:
        when, number = datetime(2026, 11, 22, tzinfo=UTC), uuid4()
        strange = {
            "decimal": Decimal("1.50"),
            "when": when,
            "uuid": number,
            "infinite": float("inf"),
            "nan": float("nan"),
            "bytes": b"\x00",
            "tuple": (1, None, True, 2.5),
            3: {"nested": ["\x00", {"\ud800": "\ud800"}]},
            "error": ValueError("\x00"),
        }
        audit_trail.record(Entry(actor, "UPDATE", changes=strange, client_info=strange))

        expected = {
            "decimal": "1.50",
            "when": str(when),
            "uuid": str(number),
            "infinite": "inf",
            "nan": "nan",
            "bytes": "b'\\x00'",
            "tuple": [1, None, True, 2.5],
            "3": {"nested": ["\ufffd", {"\ufffd": "\ufffd"}]},
            "error": "\ufffd",
        }
        assert trail()[0].changes == expected
        assert trail()[0].client_info == {"ip": "192.0.2.7", "user_agent": "curl"} | expected

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_takes_whatever_text_stands_wherever(self, text: str, trail: Trail, db: None) -> None:
        hostile = Actor(User(username=text), Channel.API, {"user_agent": text, text: [text]})
        audit_trail.record(
            Entry(hostile, "QUERY", text, text, changes={"title": {"old": text[:5_000]}}, error_message=text)
        )

        (row,) = trail()
        clean = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd").replace("\udfff", "\ufffd")
        assert row.error_message == clean[:2_000]
        assert row.user_id == row.record_id == clean[:500]
        assert row.table_name is None
        assert row.changes == {"title": {"old": clean[:5_000]}}
        assert len(json.dumps(row.client_info, ensure_ascii=False)) < 10_000
        if len(text) > 4_000:
            assert row.client_info["cut"] is True
            assert row.client_info["length"] > len(text)
        elif len(text) < 1_000:
            assert row.client_info == {"user_agent": clean, clean: [clean]}

    @pytest.mark.parametrize("name", ["books", "_x", "a" * 63, "audit_logs", "no_such_table", "t1"])
    def test_keeps_what_could_be_a_tables_name(self, actor: Actor, name: str, trail: Trail) -> None:
        audit_trail.record(Entry(actor, "QUERY", name))

        assert trail()[0].table_name == name

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "Books",
            "a" * 64,
            "1a",
            "books\n",
            "a b",
            "bücher",
            "x;y",
            "a.b",
            None,
            7,
            ["books"],
            {},
            b"books",
        ],
    )
    def test_keeps_nothing_else_as_a_tables_name(self, actor: Actor, name: object, trail: Trail) -> None:
        audit_trail.record_refusal(actor, "QUERY", name, InvalidInput("x"))  # type: ignore[arg-type]

        assert trail()[0].table_name is None


class TestRecordRefusal:
    def test_keeps_code_and_message_as_the_caller_was_told(self, actor: Actor, trail: Trail) -> None:
        audit_trail.record_refusal(actor, "INSERT", "books", Forbidden("You may not.", hint="Ask."), 12.3456)

        (row,) = trail()
        assert (row.success, row.error_code, row.error_message) == (
            False,
            "PERMISSION_DENIED",
            "You may not.",
        )
        assert (row.operation, row.table_name, row.user_id, row.execution_time) == (
            "INSERT",
            "books",
            "ada",
            12.346,
        )
        assert (row.record_id, row.record_count, row.changes, row.change_id) == (None, None, None, None)

    def test_outlives_the_rollback_of_what_was_refused(self, viewer: Actor, trail: Trail) -> None:
        table = registry.get("authors")
        with pytest.raises(Forbidden) as refusal:
            records.insert_record(actor=viewer, table=table, data={"name": "Nobody"})
        assert trail() == []

        audit_trail.record_refusal(viewer, "INSERT", table.name, refusal.value)

        (row,) = trail()
        assert (row.operation, row.table_name, row.success) == ("INSERT", "authors", False)
        assert (
            row.error_message == "You may not insert in authors: no role of victor grants insert on authors."
        )
        assert row.request_id == viewer.request_id
        assert not table.model._default_manager.filter(name="Nobody").exists()

    def test_goes_to_the_log_while_the_database_is_away(
        self, actor: Actor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object, **__: object) -> None:
            raise OperationalError("connection to server was lost")

        monkeypatch.setattr(audit_trail, "record", away)

        with capture_logs() as lines:
            audit_trail.record_refusal(actor, "INSERT", "books", Forbidden("You may not."))

        (line,) = lines
        assert line.pop("exc_info") is True
        assert line == {
            "event": "refusal_not_in_trail",
            "log_level": "error",
            "operation": "INSERT",
            "table": "books",
            "user": "ada",
            "channel": "mcp",
            "request_id": str(actor.request_id),
            "code": "PERMISSION_DENIED",
            "refusal": "You may not.",
        }

    def test_hides_no_mistake_of_ours(self, actor: Actor) -> None:
        with pytest.raises(IntegrityError):
            audit_trail.record_refusal(actor, "NO SUCH OPERATION", "books", Forbidden())

"""Stamps: an update that overwrites nothing that somebody else changed since it was looked at."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from accesscontrol.errors import Conflict
from audit.models import AuditLog
from catalog import models, registry
from catalog.services import records, stamps
from tests.catalog.services import builders

BOOKS = registry.get("books")
CHARACTERS = registry.get("characters")
EVENTS = registry.get("timeline_events")
SESSIONS = registry.get("writing_sessions")


def stamp_of(table: Any, record: Any, *columns: str) -> dict[str, str]:
    """Return what somebody who looks at a record now has seen."""
    return {n: stamps.digest(table.columns[n], getattr(record, table.columns[n].attname)) for n in columns}


class TestUpdate:
    def test_is_refused_where_what_it_overwrites_has_changed(self, writer: Any, editor: Any) -> None:
        book = builders.book(title="Old", word_count=1)
        seen = stamp_of(BOOKS, book, "title", "word_count")
        records.update_records(actor=editor, table=BOOKS, data={"title": "Theirs"}, where={"id": book.pk})

        with pytest.raises(Conflict) as refusal:
            records.update_records(
                actor=writer,
                table=BOOKS,
                data={"title": "Mine", "word_count": 2},
                where={"id": book.pk},
                stamp=seen,
            )

        assert refusal.value.details["columns"] == ["title"]
        assert models.Book.objects.filter(title="Theirs", word_count=1).exists()
        assert AuditLog.objects.filter(operation="UPDATE", success=True).count() == 1

    def test_minds_only_what_it_overwrites(self, writer: Any, editor: Any) -> None:
        book = builders.book(title="Old", word_count=1)
        seen = stamp_of(BOOKS, book, "title", "word_count")
        records.update_records(actor=editor, table=BOOKS, data={"title": "Theirs"}, where={"id": book.pk})

        records.update_records(
            actor=writer, table=BOOKS, data={"word_count": 2}, where={"id": book.pk}, stamp=seen
        )

        assert models.Book.objects.filter(title="Theirs", word_count=2).exists()

    def test_of_a_column_without_a_stamp_is_as_ever(self, writer: Any) -> None:
        book = builders.book(title="Old")

        records.update_records(
            actor=writer, table=BOOKS, data={"title": "New"}, where={"id": book.pk}, stamp={}
        )

        assert models.Book.objects.filter(title="New").exists()


class TestDigest:
    @pytest.mark.parametrize(
        ("table", "column", "python", "json"),
        [
            (EVENTS, "position", Decimal("1.500000"), "1.500000"),
            (EVENTS, "position", Decimal("1.5"), "1.500000"),
            (
                BOOKS,
                "published_at",
                datetime(2020, 1, 2, 3, 4, 5, 600, UTC),
                "2020-01-02T03:04:05.0006+00:00",
            ),
            (SESSIONS, "session_date", date(2020, 1, 2), "2020-01-02"),
            (CHARACTERS, "aliases", ["a", "b"], ["a", "b"]),
            (CHARACTERS, "attributes", {"a": 1, "b": [1.5]}, {"b": [1.5], "a": 1}),
            (BOOKS, "description", "one\r\ntwo", "one\ntwo"),
            (BOOKS, "genre", "", None),
            (BOOKS, "author_id", 7, 7),
        ],
    )
    def test_is_the_same_of_the_same_value(self, table: Any, column: str, python: Any, json: Any) -> None:
        field = table.columns[column]

        assert stamps.digest(field, python) == stamps.digest(field, json)

    @pytest.mark.parametrize(
        ("table", "column", "one", "other"),
        [
            (BOOKS, "title", "a", "a "),
            (BOOKS, "word_count", 0, None),
            (CHARACTERS, "aliases", [], None),
            (CHARACTERS, "aliases", ["a", "b"], ["b", "a"]),
            (CHARACTERS, "attributes", {"a": 1}, {"a": True}),
            (CHARACTERS, "attributes", {"a": 1}, {"a": 1.0}),
            (BOOKS, "word_count", 1, "not a number"),
            (BOOKS, "title", "a", "a\x00"),
        ],
    )
    def test_is_another_of_another_value(self, table: Any, column: str, one: Any, other: Any) -> None:
        field = table.columns[column]

        assert stamps.digest(field, one) != stamps.digest(field, other)

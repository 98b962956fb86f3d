from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import Error

from accesscontrol.errors import InvalidInput
from catalog.errors import NotNullViolation
from catalog.services import queries, records
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    AUTHORS,
    BOOKS,
    CHAPTERS,
    CHARACTERS,
    EVENTS,
    EXPORTS,
    GOALS,
    SERIES,
    SESSIONS,
    SQL_TEXTS,
)

BIGGEST, BIG_INTEGER = 2**63 - 1, 10**4000
OMEGA = "\N{GREEK CAPITAL LETTER OMEGA}"
UNICODE = f"{OMEGA} \N{GRINNING FACE} e\u0301 \u202e \u200d\ufeff\U0010ffff \x01\x7f\u0085"

REQUIRED: dict[str, dict[str, Any]] = {
    "authors": {"name": "somebody"},
    "series": {"title": "something"},
    "characters": {"name": "somebody"},
    "exports": {"format": "csv"},
    "timeline_events": {"title": "something"},
    "writing_goals": {"goal_type": "words", "target": 1},
    "writing_sessions": {"session_date": "2026-11-22"},
}


def required(table: Table) -> dict[str, Any]:
    """What a record of the table must have."""
    if table is BOOKS:
        return {"title": "something", "author_id": builders.author().pk}
    if table is CHAPTERS:
        return {"book_id": builders.book().pk, "chapter_num": 1}
    return REQUIRED[table.name]


def nested(depth: int, *, lists: bool) -> Any:
    value: Any = [] if lists else {}
    for _ in range(depth - 1):
        value = [value] if lists else {"a": value}
    return value


ACCEPTED: list[tuple[Table, str, Any, Any]] = [
    # texts, byte for byte
    *[(AUTHORS, "bio", text, text) for text in SQL_TEXTS],
    (AUTHORS, "bio", "", ""),
    (AUTHORS, "bio", None, None),
    (AUTHORS, "bio", "\r\n\t \n", "\r\n\t \n"),
    (AUTHORS, "bio", "  around  ", "  around  "),
    (AUTHORS, "bio", UNICODE, UNICODE),
    (AUTHORS, "bio", "\\x00 \\u0000 \\n", "\\x00 \\u0000 \\n"),
    (AUTHORS, "bio", "<b>&amp;</b>", "<b>&amp;</b>"),
    (AUTHORS, "name", OMEGA * 500, OMEGA * 500),
    # integers, at their ends
    (SERIES, "start_year", -10_000, -10_000),
    (BOOKS, "word_count", 0, 0),
    (BOOKS, "word_count", 2**31 - 1, 2**31 - 1),
    (EXPORTS, "size_bytes", BIGGEST, BIGGEST),
    (CHARACTERS, "age", 100_000, 100_000),
    (BOOKS, "word_count", 824.0, 824),
    (EXPORTS, "size_bytes", 2.0**53, 2**53),
    # numbers: no digit is lost
    (EVENTS, "position", "99999999999999.999999", "99999999999999.999999"),
    (EVENTS, "position", "-99999999999999.999999", "-99999999999999.999999"),
    (EVENTS, "position", Decimal("0.000001"), "0.000001"),
    (EVENTS, "position", 0.1, "0.100000"),
    (EVENTS, "position", 12, "12.000000"),
    (EVENTS, "position", "-0", "0.000000"),
    (EVENTS, "position", "007.50", "7.500000"),
    (EVENTS, "position", 1e13, "10000000000000.000000"),
    (EVENTS, "position", None, None),
    # times: UTC, microseconds kept
    (BOOKS, "published_at", "2026-11-22T20:15:00.123456Z", "2026-11-22T20:15:00.123456+00:00"),
    (BOOKS, "published_at", "2026-11-22T20:15:00.000001+00:00", "2026-11-22T20:15:00.000001+00:00"),
    (BOOKS, "published_at", "2026-11-22T20:15:00.5", "2026-11-22T20:15:00.5+00:00"),
    (BOOKS, "published_at", "2026-11-22 20:15", "2026-11-22T20:15:00+00:00"),
    (BOOKS, "published_at", "2026-11-22T20:15:00+05:30", "2026-11-22T14:45:00+00:00"),
    (BOOKS, "published_at", "2026-11-22T20:15:00-0330", "2026-11-22T23:45:00+00:00"),
    (BOOKS, "published_at", "2026-11-22", "2026-11-22T00:00:00+00:00"),
    (BOOKS, "published_at", date(2026, 11, 22), "2026-11-22T00:00:00+00:00"),
    (BOOKS, "published_at", datetime(2026, 11, 22, 1, tzinfo=UTC), "2026-11-22T01:00:00+00:00"),
    (
        BOOKS,
        "published_at",
        datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=14))),
        "2026-11-21T10:00:00+00:00",
    ),
    (BOOKS, "published_at", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
    (BOOKS, "published_at", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    (BOOKS, "published_at", "1600-02-29T00:00:00Z", "1600-02-29T00:00:00+00:00"),
    # dates
    (SESSIONS, "session_date", "2024-02-29", "2024-02-29"),
    (SESSIONS, "session_date", "0001-01-01", "0001-01-01"),
    (SESSIONS, "session_date", "9999-12-31", "9999-12-31"),
    (SESSIONS, "session_date", date(2026, 11, 22), "2026-11-22"),
    # booleans
    (GOALS, "is_active", False, False),
    (GOALS, "is_active", True, True),
    # lists
    (CHARACTERS, "aliases", [], []),
    (CHARACTERS, "aliases", None, None),
    (CHARACTERS, "aliases", [""], [""]),
    (CHARACTERS, "aliases", [*SQL_TEXTS, UNICODE, "a,b", '{"', "NULL", "null", "\\", " "], None),
    (CHARACTERS, "aliases", ("a", "b"), ["a", "b"]),
    (CHARACTERS, "aliases", ["x"] * 10_000, ["x"] * 10_000),
    # documents
    (CHARACTERS, "attributes", {}, {}),
    (CHARACTERS, "attributes", [], []),
    (CHARACTERS, "attributes", "text", "text"),
    (CHARACTERS, "attributes", "", ""),
    (CHARACTERS, "attributes", 0, 0),
    (CHARACTERS, "attributes", False, False),
    (CHARACTERS, "attributes", {"a": None, "b": [None, True, 1, 1.5, "x", {}]}, None),
    (CHARACTERS, "attributes", {text: text for text in SQL_TEXTS}, None),
    (CHARACTERS, "attributes", {"": "", " ": 1, UNICODE: UNICODE}, None),
    (CHARACTERS, "attributes", BIGGEST, BIGGEST),
    (CHARACTERS, "attributes", BIG_INTEGER, BIG_INTEGER),
    (CHARACTERS, "attributes", -BIG_INTEGER, -BIG_INTEGER),
    (CHARACTERS, "attributes", [0.1, 1.5e-300, 5e-324, -2.5, 1 / 3], None),
    (CHARACTERS, "attributes", nested(64, lists=True), None),
    (CHARACTERS, "attributes", nested(64, lists=False), None),
    (CHARACTERS, "attributes", {"$gt": 1}, {"$gt": 1}),
]


def show(value: Any) -> str:
    """A short name for a case."""
    if isinstance(value, Table):
        return value.name
    try:
        return repr(value)[:40]
    except (RecursionError, ValueError):
        return f"no repr: {type(value).__name__}"


class TestAccepted:
    @pytest.mark.parametrize(("table", "column", "value", "wanted"), ACCEPTED, ids=show)
    def test_comes_back_as_it_was(self, editor, table, column, value, wanted):
        wanted = value if wanted is None else wanted

        inserted = records.insert_record(
            actor=editor, table=table, data={**required(table), column: value}
        ).records[0]
        read = queries.query_records(actor=editor, table=table, where={"id": inserted["id"]}).records[0]

        assert (inserted[column], type(inserted[column])) == (wanted, type(wanted))
        assert read == inserted

    @pytest.mark.parametrize(("table", "column", "value", "wanted"), ACCEPTED[::3], ids=show)
    def test_comes_back_as_it_was_from_an_update(self, editor, table, column, value, wanted):
        key = records.insert_record(actor=editor, table=table, data=required(table)).records[0]["id"]

        records.update_records(actor=editor, table=table, data={column: value}, where={"id": key})
        read = queries.query_records(actor=editor, table=table, where={"id": key}).records[0]

        assert read[column] == (value if wanted is None else wanted)

    @pytest.mark.parametrize("text", ["x" * 1_000_000, OMEGA * 500_000, "line\r\n" * 160_000], ids=len)
    def test_a_megabyte_of_text_comes_back(self, editor, text):
        book = builders.book()
        data = {"book_id": book.pk, "chapter_num": 1, "content": text}

        key = records.insert_record(actor=editor, table=CHAPTERS, data=data).records[0]["id"]
        read = queries.query_records(actor=editor, table=CHAPTERS, columns=["content"], where={"id": key})

        assert read.records[0]["content"] == text

    @pytest.mark.parametrize("number", [1e308, -1.7976931348623157e308, 1e22, 1e16, 2.0])
    def test_a_float_in_a_document_comes_back_as_the_same_number(self, editor, number):
        data = {"name": "somebody", "attributes": {"n": number}}

        read = records.insert_record(actor=editor, table=CHARACTERS, data=data).records[0]["attributes"]["n"]

        assert float(read) == number


REFUSED: list[tuple[Table, str, Any]] = [
    # texts
    *[(AUTHORS, "bio", value) for value in (5, 1.5, True, ["a"], {"a": 1}, b"bytes")],
    (AUTHORS, "bio", "nul \x00"),
    (AUTHORS, "bio", "\x00"),
    (AUTHORS, "bio", "half \ud800"),
    (AUTHORS, "bio", "\udfff half"),
    (AUTHORS, "name", "x" * 501),
    (AUTHORS, "name", "x" * 10_000_000),
    (AUTHORS, "email", "x" * 255),
    # integers
    *[(BOOKS, "word_count", value) for value in (True, False, "5", "", 5.5, [5], {"n": 5}, "\u0665", "0x5")],
    *[(BOOKS, "word_count", value) for value in (1e300, float("nan"), float("inf"))],
    (BOOKS, "word_count", -1),
    (BOOKS, "word_count", 2**31),
    (BOOKS, "word_count", -(2**31) - 1),
    (BOOKS, "word_count", 10**5_000),
    (BOOKS, "word_count", math.inf),
    (BOOKS, "word_count", math.nan),
    (BOOKS, "word_count", Decimal(5)),
    (SERIES, "start_year", 10_001),
    (CHARACTERS, "age", 100_001),
    (EXPORTS, "size_bytes", 2**63),
    (EXPORTS, "size_bytes", -1),
    (EXPORTS, "size_bytes", 10**5_000),
    (GOALS, "target", 0),
    # foreign keys
    *[(BOOKS, "series_id", value) for value in (True, "1", 1.5, [1], {"id": 1}, 2**63, -(2**63) - 1, 10**5_000)],
    (BOOKS, "series_id", 2.0**54),
    # numbers
    *[(EVENTS, "position", value) for value in (True, [1], {}, "", " 1", "1e5", "1,5", "0x1", "1_000", "\u0661", "+1")],
    *[(EVENTS, "position", value) for value in ("NaN", "Infinity", "-inf", math.nan, math.inf, -math.inf)],
    *[(EVENTS, "position", Decimal(value)) for value in ("NaN", "sNaN", "Infinity", "1e999999", "1e-999999")],
    (EVENTS, "position", "100000000000000"),
    (EVENTS, "position", "0.0000001"),
    (EVENTS, "position", 1e308),
    (EVENTS, "position", 10**5_000),
    (EVENTS, "position", "9" * 41),
    # times
    *[(BOOKS, "published_at", value) for value in (0, True, 1732306500, 1.5, ["2026"], {}, "", "now", "tomorrow")],
    *[
        (BOOKS, "published_at", value)
        for value in (
            "2026-02-30T00:00:00Z", "2026-02-30", "2026-13-01T00:00:00Z", "2026-11-22T24:00:00Z",
            "2026-11-22T23:59:60Z", "2026-11-22T20:15:00.1234567Z", "2026-11-22T20Z", "20261122T201500Z",
            "2026-W47-7", "2026-326", "22.11.2026", "11/22/2026", "2026-11-22T20:15:00 CET", "infinity", "-infinity",
            "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0044-03-15 BC",
            "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-22T20:15:00+24:00",
            "2026-11-22T20:15:00+99:99", "\u0662\u0660\u0662\u0666-11-22", "2026-11-22T20:15:00Z\n",
            "2026-11-22\x00", "2026-11-22T20:15:00Z; DROP TABLE public.books",
        )
    ],
    (BOOKS, "published_at", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
    # dates
    *[
        (SESSIONS, "session_date", value)
        for value in (
            "2026-02-30", "0000-01-01", "10000-01-01", "2026-1-1", "20261122", "2026-11-22T00:00:00", "today",
            "infinity", "", 0, True, ["2026-11-22"], datetime(2026, 11, 22, tzinfo=UTC),
            "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0662", "2026-11-22\n",
        )
    ],
    # booleans
    *[(GOALS, "is_active", value) for value in (0, 1, "true", "t", "", [], 1.0)],
    # words of a list
    *[(BOOKS, "status", value) for value in ("drafty", "Draft", "draft ", "", 1, True, ["draft"], "x" * 10_000_000)],
    # lists
    *[(CHARACTERS, "aliases", value) for value in ("a", 5, {}, [1], [None], ["a", None], [["a"]], [{"a": 1}])],
    (CHARACTERS, "aliases", ["a", "\x00"]),
    (CHARACTERS, "aliases", ["\ud800"]),
    (CHARACTERS, "aliases", ["x"] * 10_001),
    # documents
    *[(CHARACTERS, "attributes", value) for value in (math.nan, math.inf, [math.nan], {"a": {"b": -math.inf}})],
    *[(CHARACTERS, "attributes", value) for value in ("\x00", ["\ud800"], {"\x00": 1}, {"a": "\udc00"}, {"\ud800": 1})],
    *[(CHARACTERS, "attributes", value) for value in ({1: 2}, {None: 1}, {"a"}, b"bytes", date(2026, 1, 1), 1j)],
    (CHARACTERS, "attributes", nested(65, lists=True)),
    (CHARACTERS, "attributes", nested(65, lists=False)),
    (CHARACTERS, "attributes", nested(100_000, lists=True)),
    (CHARACTERS, "attributes", 10**5_000),
    (CHARACTERS, "attributes", {"a": [-(10**5_000)]}),
]  # fmt: skip


class TestRefused:
    @pytest.mark.parametrize(("table", "column", "value"), REFUSED, ids=show)
    def test_names_the_column_and_never_reaches_the_database(self, editor, table, column, value):
        data = {**required(table), column: value}

        with pytest.raises(InvalidInput) as refusal:
            records.insert_record(actor=editor, table=table, data=data)

        assert column in refusal.value.message
        assert refusal.value.details["column"] == column
        assert len(str(refusal.value.as_dict())) < 1_000
        assert not isinstance(refusal.value.__cause__, Error)
        assert not table.model._default_manager.exists()

    @pytest.mark.parametrize(("table", "column", "value"), REFUSED[::4], ids=show)
    def test_in_an_update_too(self, editor, table, column, value):
        key = records.insert_record(actor=editor, table=table, data=required(table)).records[0]["id"]
        before = builders.stored(table, pk=key)

        with pytest.raises(InvalidInput) as refusal:
            records.update_records(actor=editor, table=table, data={column: value}, where={"id": key})

        assert refusal.value.details["column"] == column
        assert builders.stored(table, pk=key) == before


class TestNull:
    @pytest.mark.parametrize(
        ("table", "column"),
        [
            (AUTHORS, "name"),
            (BOOKS, "author_id"),
            (BOOKS, "status"),
            (CHARACTERS, "attributes"),
            (GOALS, "is_active"),
        ],
    )
    def test_in_a_required_column_is_refused_by_its_name(self, editor, table, column):
        with pytest.raises(NotNullViolation) as refusal:
            records.insert_record(actor=editor, table=table, data={**required(table), column: None})

        assert refusal.value.details["columns"] == [column]
        assert not isinstance(refusal.value.__cause__, Error)

    def test_in_an_update_of_a_required_column_is_refused_by_its_name(self, editor):
        book = builders.book()

        with pytest.raises(NotNullViolation) as refusal:
            records.update_records(actor=editor, table=BOOKS, data={"title": None}, where={"id": book.pk})

        assert refusal.value.details["columns"] == ["title"]

    def test_is_not_the_empty_text(self, editor):
        empty = builders.author(bio="").pk
        missing = builders.author(bio=None).pk

        found = queries.query_records(actor=editor, table=AUTHORS, where={"bio": ""}).records
        assert [record["id"] for record in found] == [empty]
        found = queries.query_records(actor=editor, table=AUTHORS, where={"bio": None}).records
        assert [record["id"] for record in found] == [missing]

    def test_inside_a_document_is_kept(self, editor):
        data = {"name": "somebody", "attributes": {"a": None, "b": [None]}}

        record = records.insert_record(actor=editor, table=CHARACTERS, data=data).records[0]

        assert record["attributes"] == {"a": None, "b": [None]}


class TestNames:
    @pytest.mark.parametrize(
        "name", ["author", "author__name", "pk", "Name", "name ", "name; --", "", "_state", 5, None]
    )
    def test_what_is_no_column_is_refused(self, editor, name):
        with pytest.raises(InvalidInput) as refusal:
            records.insert_record(actor=editor, table=AUTHORS, data={"name": "somebody", name: "x"})

        assert refusal.value.details["allowed"] == list(AUTHORS.columns)

    @pytest.mark.parametrize("data", [None, [], "name", [("name", "x")], 5])
    def test_data_that_is_no_object_is_refused(self, editor, data):
        with pytest.raises(InvalidInput, match="data must be an object"):
            records.insert_record(actor=editor, table=AUTHORS, data=data)

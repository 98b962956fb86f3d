from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection

from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, InvalidInput, LimitExceeded, ReadOnlyTable
from audit.models import AuditLog
from catalog import models
from catalog.exchange.services import export, import_records
from catalog.services import column_rules, records, undo
from jobs.progress import Cancelled, Progress
from tests.catalog.exchange.conftest import Import
from tests.catalog.services import builders
from tests.catalog.services.builders import (
    APPEARANCES,
    AUTHORS,
    BOOKS,
    CHARACTERS,
    EVENTS,
    GENRES,
    GOALS,
    LOCATIONS,
    SERIES,
    SESSIONS,
)
from tests.faces import samples

FIRST = datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
NASTY_TEXTS = (
    *builders.SQL_TEXTS,
    "",
    " leading and trailing ",
    'Quote " comma , semicolon ; back\\slash \\. \t tab',
    "line\nbreak",
    "line\r\nbreak",
    "\r",
    "\n",
    "\\.",
    "\\N",
    "=1+1",
    "'single'",
    '""',
    '"',
    "\u2028\u00a0\ufeff\U0001f600e\u0301",
    "\x01\x02\x1f\x7f",
    "x" * 100_000,
)


def rows_of(table: Any) -> list[dict[str, Any]]:
    return list(table.model._default_manager.order_by(*table.key).values())


def faults(call: Any, *arguments: Any, **options: Any) -> list[tuple[int, str | None]]:
    """Return (row, column) of what is told of each fault; nothing is imported, and a dry run tells the same."""
    table = arguments[0]
    before = rows_of(table)
    with pytest.raises(InvalidInput) as caught:
        call(*arguments, **options)
    errors = caught.value.details["errors"]
    assert call(*arguments, **options, dry_run=True).errors == errors
    assert caught.value.details["error_count"] >= len(errors)
    assert rows_of(table) == before
    assert all(error["message"].endswith(".") for error in errors)
    return [(error["row"], error["column"]) for error in errors]


class TestRoundTrip:
    @pytest.fixture
    def nasty(self, db: None) -> list[dict[str, Any]]:
        """Characters that hold everything that is hard to write."""
        for text in NASTY_TEXTS:
            builders.character(
                name=text[:500], description=text, personality=None, aliases=[text, "", "NULL", "{}", 'a"b'],
                attributes={"text": text, "deep": [{"a": None}, 1.50, True]}, created_at=FIRST,
            )  # fmt: skip
        builders.character(
            aliases=[], attributes={}, deleted_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
        )
        with connection.cursor() as cursor:  # digits that no float keeps
            cursor.execute(
                "UPDATE characters SET updated_at = '2026-01-01T00:00:00.000001Z',"
                """ attributes = '{"n": 0.10000000000000000000000000001, "m": 1e400, "z": 1.50}' WHERE role IS NULL"""
            )
        return rows_of(CHARACTERS)

    @pytest.mark.parametrize("format_", ["csv", "json"])
    @pytest.mark.parametrize("pretty", [False, True])
    def test_is_exact_byte_for_byte(self, manager, folder, imported, nasty, format_, pretty):
        options = {"delimiter": "\t"} if format_ == "csv" and pretty else {}
        made = export(
            actor=manager, table=CHARACTERS, format=format_, pretty=pretty, include_deleted=True, **options
        )
        models.Character.objects.all().delete()

        done = imported(CHARACTERS, (folder / made.export_file).read_bytes(), format_, **options)

        assert (done.imported, done.updated, done.skipped) == (len(nasty), 0, 0)
        assert rows_of(CHARACTERS) == nasty
        again = export(
            actor=manager, table=CHARACTERS, format=format_, pretty=pretty, include_deleted=True, **options
        )
        assert again.sha256 == made.sha256

    @pytest.mark.parametrize("table", samples.WRITABLE, ids=str)
    def test_of_a_record_of_any_table_is_exact(self, admin, folder, imported, table, is_whole):
        record = samples.made(table)
        rows = table.model._default_manager.filter(pk=record.pk)
        before = rows.values().get()
        turn = samples.WRITABLE.index(table) % 2  # with the next table the other format
        for format_ in ("csv", "json") if is_whole else ("csv", "json")[turn : turn + 1]:
            made = export(actor=admin, table=table, format=format_, where={"id": record.pk})
            content = (folder / made.export_file).read_bytes()

            assert imported(table, content, format_, on_conflict="update").skipped == 1
            rows.delete()
            assert imported(table, content, format_, on_conflict="update").imported == 1
            assert rows.values().get() == before


class TestCsv:
    def test_tells_null_from_the_empty_text(self, imported):
        imported(AUTHORS, 'name,bio\n"",""\nAnn,\n')

        assert [(a.name, a.bio) for a in models.Author.objects.order_by("id")] == [("", ""), ("Ann", None)]

    @pytest.mark.parametrize(
        "text",
        [
            "\ufeffname,bio\nAnn,x\n",
            "name,bio\r\nAnn,x\r\n",
            "name,bio\nAnn,x",
            '"name","bio"\n"Ann","x"\n\n\n',
            "bio,name\nx,Ann\r\n",
        ],
    )
    def test_is_read_however_it_is_written(self, imported, text):
        assert imported(AUTHORS, text).imported == 1
        assert models.Author.objects.get(name="Ann").bio == "x"

    def test_without_header_names_columns_by_place(self, imported):
        imported(AUTHORS, "5,Ann\n6,Bea\n", has_headers=False)

        assert list(models.Author.objects.order_by("id").values_list("id", "name")) == [
            (5, "Ann"),
            (6, "Bea"),
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "empty"),
            ("\ufeff", "empty"),
            ("nil,name\n1,Ann\n", "no column 'nil'"),
            ("name,name\nAnn,Ann\n", "name more than once"),
            ("Name\nAnn\n", "no column 'Name'"),
            ('"name\nAnn\n', "quote"),
            ("name\nAnn\n".encode("utf-16"), "UTF-16"),
            (b"name\nAnn\nM\xfcller\n", "0xFC in line 3"),
            (b"name\nAnn\n\xc3", "within a character"),
        ],
    )
    def test_that_can_not_be_read_is_refused(self, imported, text, message):
        with pytest.raises(InvalidInput, match=message):
            imported(AUTHORS, text)

    def test_of_many_blocks_is_whole(self, imported, monkeypatch):
        monkeypatch.setattr("catalog.exchange.reading.BLOCK_BYTES", 7)
        monkeypatch.setattr("catalog.exchange.staging._BLOCK_BYTES", 20)

        imported(AUTHORS, "name,bio\n" + "".join(f'"Ann {n}","ä\n""{n}"""\n' for n in range(30)))

        assert list(models.Author.objects.order_by("id").values_list("name", "bio")) == [
            (f"Ann {n}", f'ä\n"{n}"') for n in range(30)
        ]

    def test_ragged_rows_are_told_with_all_other_faults(self, imported):
        text = 'name,email\nAnn\nBea,b@x\nCid,c@x,d\n,d@x\n\x00,e\nEve,a\rb\nFay,"x\n'

        assert faults(imported, AUTHORS, text) == [
            (1, None), (3, None), (4, "name"), (5, None), (6, None), (7, None)
        ]  # fmt: skip

    def test_a_field_of_ten_megabytes_is_taken(self, imported):
        imported(AUTHORS, f'name,bio\nAnn,"{"x" * 10_000_000}"\n')

        assert len(models.Author.objects.get().bio) == 10_000_000

    def test_a_quote_that_is_never_closed_does_not_take_all_memory(self, imported, monkeypatch):
        monkeypatch.setattr("catalog.exchange.csv_records.MAX_RECORD_BYTES", 1_000)

        with pytest.raises(InvalidInput, match="longer than"):
            imported(AUTHORS, 'name\n"' + "x\n" * 2_000)


class TestJson:
    @pytest.mark.parametrize(
        "text",
        [
            '[{"name": "Ann"}, {"name": "Bea", "bio": null}]',
            '{"name": "Ann"}\n{"name": "Bea", "bio": null}\n',
            '\ufeff [\n{"name": "Ann"}\n,\n{"name": "Bea"}\n]\n',
            '{"name": "Ann"}{"name": "Bea"}',
        ],
    )
    def test_is_an_array_or_one_object_after_the_other(self, imported, text):
        assert imported(AUTHORS, text, "json").imported == 2
        assert set(models.Author.objects.values_list("name", "bio")) == {("Ann", None), ("Bea", None)}

    def test_records_may_name_different_columns(self, imported):
        author = builders.author()
        books = [
            {"author_id": author.pk, "title": "A"},
            {"author_id": author.pk, "title": "B", "status": "published", "id": 70},
        ]

        imported(BOOKS, json.dumps(books), "json")

        assert {(b.title, b.status) for b in models.Book.objects.all()} == {
            ("A", "draft"),
            ("B", "published"),
        }
        assert models.Book.objects.get(title="B").pk == 70

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "empty"),
            ("[", "not closed"),
            ('[{"name": "Ann"}', "not closed"),
            ('[{"name": "Ann"},]', "comma before the end"),
            ('[{"name": "Ann"} {"name": "Bea"}]', "comma is missing"),
            ('[] {"name": "Ann"}', "follows the array"),
            ('{"name": "Ann"}]', "too many"),
            ('[{"name": "Ann"', "record 1"),
            ("nil", "record 1"),
            ("[" * 100_000, "too deep"),
            ('[{"name": ' + "[" * 100_000, "too deep"),
        ],
    )
    def test_that_can_not_be_read_is_refused(self, imported, text, message):
        with pytest.raises(InvalidInput, match=message):
            imported(AUTHORS, text, "json")

    def test_of_nothing_imports_nothing(self, imported):
        assert imported(AUTHORS, "[]", "json").imported == 0

    def test_types_are_strict_and_every_fault_is_told(self, imported):
        author = builders.author()
        books = [
            {"author_id": str(author.pk), "title": 5, "word_count": True},
            {"author_id": author.pk, "title": "ok", "word_count": 10**30},
            {"author_id": author.pk, "title": "\u0000", "nil": 1},
            ["no object"],
            {"author_id": author.pk, "title": "a", "published_at": "yesterday"},
            {"author_id": author.pk, "title": "a", "word_count": 1.5},
            {"title": "a"},
        ]

        assert faults(imported, BOOKS, json.dumps(books), "json") == [
            (1, "author_id"), (1, "title"), (1, "word_count"), (2, "word_count"), (3, None), (4, None),
            (5, "published_at"), (6, "word_count"), (7, "author_id"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("value", "column"),
        [
            ("NaN", "attributes"), ("[Infinity]", "attributes"), ('{"a": 1, "a": 2}', "attributes"),
            ("[" * 65 + "]" * 65, "attributes"), ("9" * 5_000, "age"), ("1e-3", "age"), ("1e30", "age"),
            ('["a", null]', "aliases"), ('["\\ud800"]', "aliases"), ("{}", "aliases"),
        ],
    )  # fmt: skip
    def test_values_that_no_column_holds_are_told(self, imported, value, column):
        assert faults(imported, CHARACTERS, f'{{"name": "Ann", "{column}": {value}}}', "json") == [
            (1, column)
        ]

    def test_a_name_given_twice_is_a_fault(self, imported):
        assert faults(imported, AUTHORS, '{"name": "Ann", "name": "Bea"}', "json") == [(1, None)]


class TestValues:
    @pytest.mark.parametrize(
        "value",
        ["abc", "1.0", "1_000", "0x10", " 5", "+5", "99999999999999999999", "2147483648", "-1", '""', "NaN"],
    )
    def test_that_are_no_count_are_told(self, imported, value):
        author = builders.author()

        assert faults(imported, BOOKS, f"author_id,title,word_count\n{author.pk},A,{value}\n") == [
            (1, "word_count")
        ]

    @pytest.mark.parametrize(
        "value",
        ["now", "infinity", "2026-02-30", "2026-11-22T24:00Z", "0000-01-01", "10000-01-01", "0001-01-01T00:00+14:00",
         "2026-11-22 10:00:00.1234567Z", "1/2/2026", "2026-11-22 BC", "0044-03-15 00:00:00+00 BC",
         "10000-01-01 00:00:00+00"],
    )  # fmt: skip
    def test_that_are_no_time_are_told(self, imported, value):
        author = builders.author()

        assert faults(imported, BOOKS, f"author_id,title,published_at\n{author.pk},A,{value}\n") == [
            (1, "published_at")
        ]

    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
            ("2026-11-22T10:00+02:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
            ("2026-11-22 10:00:01.000001+00", datetime(2026, 11, 22, 10, 0, 1, 1, tzinfo=UTC)),
            ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ],
    )
    def test_times_are_read(self, imported, value, moment):
        author = builders.author()

        imported(BOOKS, f"author_id,title,published_at\n{author.pk},A,{value}\n")

        assert models.Book.objects.get().published_at == moment

    @pytest.mark.parametrize("value", ['"{{a},{b}}"', "{a", '"[2:3]={a,b}"', '"{a,NULL}"', '"[""a""]"'])
    def test_that_are_no_list_are_told(self, imported, value):
        assert faults(imported, CHARACTERS, f"name,aliases\nAnn,{value}\n") == [(1, "aliases")]

    @pytest.mark.parametrize("value", ["{", "NaN", "'a'", "[" * 65 + "]" * 65])
    def test_that_are_no_json_are_told(self, imported, value):
        assert faults(imported, CHARACTERS, f"name,attributes\nAnn,{value}\n") == [(1, "attributes")]

    @pytest.mark.parametrize("value", ["yes", "1", "TRUE", "on"])
    def test_that_are_neither_true_nor_false_are_told(self, imported, value):
        assert faults(imported, GOALS, f"goal_type,target,is_active\nwords,5,{value}\n") == [(1, "is_active")]

    @pytest.mark.parametrize("value", ["NaN", "1e5", "Infinity", "1,5"])
    def test_that_are_no_number_are_told(self, imported, value):
        assert faults(imported, EVENTS, f"title;position\nA;{value}\n", delimiter=";") == [(1, "position")]

    def test_each_rule_of_the_table_is_told_by_row_and_column(self, imported):
        text = (
            "book_id,session_date,started_at,ended_at,words_written\n"
            ",2026-01-01,2026-01-01T10:00Z,2026-01-01T09:00Z,5\n"
            ",2026-01-01,,,-1\n"
            ",,,,1\n"
            "999999999,2026-01-01,,,1\n"
        )

        assert faults(imported, SESSIONS, text) == [
            (1, None), (2, "words_written"), (3, "session_date"), (4, "book_id")
        ]  # fmt: skip
        assert faults(imported, BOOKS, f"author_id,title,status\n{builders.author().pk},{'x' * 501},nil\n") == [
            (1, "status"), (1, "title")
        ]  # fmt: skip

    def test_more_faults_than_are_listed_are_counted(self, imported):
        with pytest.raises(InvalidInput) as caught:
            imported(AUTHORS, "name,email\n" + ",x\n" * 250)

        assert len(caught.value.details["errors"]) == 100
        assert caught.value.details["error_count"] == 250 + 249  # and all addresses but the first
        assert caught.value.message.startswith("499 faults")


class TestReferences:
    def test_to_what_is_missing_or_in_the_trash_are_told(self, imported):
        trashed = builders.book(deleted_at=datetime.now(UTC))

        assert faults(imported, SESSIONS, f"book_id,session_date\n{trashed.pk},2026-01-01\n0,2026-01-01\n") == [
            (1, "book_id"), (2, "book_id")
        ]  # fmt: skip

    def test_to_the_trash_are_told_where_nothing_else_is_wrong(self, imported):
        trashed = builders.book(deleted_at=datetime.now(UTC))

        assert faults(imported, SESSIONS, f"book_id,session_date\n{trashed.pk},2026-01-01\n") == [
            (1, "book_id")
        ]

    def test_within_the_file_need_no_order(self, imported):
        imported(LOCATIONS, "id,parent_location_id,name\n8001,8002,Room\n8002,,House\n")

        assert models.Location.objects.get(pk=8001).parent_location_id == 8002

    def test_that_a_record_has_already_may_stay_in_the_trash(self, imported):
        book = builders.book()
        session = models.WritingSession.objects.create(book=book, session_date="2026-01-01")
        models.Book.objects.filter(pk=book.pk).update(deleted_at=datetime.now(UTC))

        done = imported(SESSIONS, f"id,book_id,notes\n{session.pk},{book.pk},x\n", on_conflict="update")

        assert done.updated == 1


class TestConflicts:
    def test_with_records_are_told(self, imported):
        author = builders.author(email="Ann@example.org")

        text = f"id,name,email\n{author.pk},A,\n,B,ann@EXAMPLE.org\n".replace("\n,B", "\n900001,B")
        assert faults(imported, AUTHORS, text) == [(1, "id"), (2, "email")]

    def test_within_the_file_are_told_whatever_becomes_of_others(self, imported):
        for on_conflict in ("error", "skip", "update"):
            assert faults(
                imported, AUTHORS, "id,name,email\n1,A,a@x\n1,B,A@X\n", on_conflict=on_conflict
            ) == [(2, "email"), (2, "id")]

    def test_with_the_trash_are_none_where_the_rule_does_not_see_it(self, imported):
        series = builders.series()
        builders.book(series=series, book_number=1, deleted_at=datetime.now(UTC))
        author = builders.author()

        done = imported(BOOKS, f"author_id,series_id,book_number,title\n{author.pk},{series.pk},1,A\n")

        assert done.imported == 1

    def test_are_skipped_when_asked(self, imported):
        author = builders.author(name="Old", email="a@x")

        done = imported(
            AUTHORS,
            f"id,name,email\n{author.pk},New,\n900001,New,A@x\n900002,Fresh,b@x\n",
            on_conflict="skip",
        )

        assert (done.imported, done.updated, done.skipped) == (1, 0, 2)
        assert set(models.Author.objects.values_list("name", flat=True)) == {"Old", "Fresh"}

    def test_are_updated_by_key_and_the_rest_inserted(self, imported):
        same, other = builders.author(name="Same", bio="b"), builders.author(name="Old", bio="kept")
        moment = models.Author.objects.get(pk=same.pk).updated_at

        done = imported(
            AUTHORS, f"id,name\n{same.pk},Same\n{other.pk},New\n900001,Fresh\n", on_conflict="update"
        )

        assert (done.imported, done.updated, done.skipped) == (1, 1, 1)
        assert models.Author.objects.get(pk=other.pk).name == "New"
        assert models.Author.objects.get(pk=other.pk).bio == "kept"
        assert models.Author.objects.get(pk=same.pk).updated_at == moment

    def test_are_updated_by_another_value_that_no_two_share(self, imported):
        author = builders.author(name="Old", email="Ann@x")

        done = imported(AUTHORS, "name,email\nNew,ann@x\nFresh,b@x\n", on_conflict="update")

        assert (done.imported, done.updated) == (1, 1)
        assert models.Author.objects.get(pk=author.pk).name == "New"

    def test_of_junctions_are_updated_by_both_columns(self, imported):
        row = builders.appearance(role="old")
        text = f"character_id,scene_id,role\n{row.character_id},{row.scene_id},new\n"

        assert faults(imported, APPEARANCES, text) == [(1, None)]
        assert imported(APPEARANCES, text, on_conflict="update").updated == 1
        assert models.CharacterScene.objects.get().role == "new"

    def test_an_update_without_a_key_is_refused(self, imported):
        with pytest.raises(InvalidInput, match="id, or email"):
            imported(AUTHORS, "name\nAnn\n", on_conflict="update")

    def test_an_update_may_lack_what_an_insert_needs(self, imported):
        book = builders.book()

        assert imported(BOOKS, f"id,title\n{book.pk},New\n", on_conflict="update").updated == 1
        assert faults(imported, BOOKS, f"id,title\n{book.pk},Newer\n900001,B\n", on_conflict="update") == [
            (2, "author_id")
        ]

    def test_an_update_keeps_what_a_json_record_does_not_name(self, imported):
        author = builders.author(name="Old", bio="kept")
        other = builders.author(name="Old", bio="old")
        found = [{"id": author.pk, "name": "New"}, {"id": other.pk, "bio": None}]

        imported(AUTHORS, json.dumps(found), "json", on_conflict="update")

        assert [(a.name, a.bio) for a in models.Author.objects.order_by("id")] == [
            ("New", "kept"), ("Old", None)
        ]  # fmt: skip

    def test_a_way_to_settle_them_that_there_is_not_is_refused(self, imported):
        with pytest.raises(InvalidInput, match="on_conflict"):
            imported(AUTHORS, "name\nA\n", on_conflict="overwrite")


class TestKeys:
    def test_the_sequence_moves_past_ids_that_come_with_the_file(self, manager, imported):
        imported(AUTHORS, "id,name\n70000,Ann\n7,Bea\n")

        done = records.insert_record(actor=manager, table=AUTHORS, data={"name": "Cid"})

        assert done.records[0]["id"] > 70_000

    @pytest.mark.parametrize("key", ["0", "-1", "9007199254740993", "x", '""'])
    def test_that_nobody_could_name_are_told(self, imported, key):
        assert faults(imported, AUTHORS, f"id,name\n{key},Ann\n") == [(1, "id")]

    @pytest.mark.parametrize("on_conflict", ["error", "skip", "update"])
    def test_are_given_to_rows_without_one_below_those_of_an_export(self, manager, imported, on_conflict):
        old = builders.author(name="Old")
        is_there = on_conflict != "error"
        known = f"{old.pk},Changed\n" if is_there else ""

        done = imported(AUTHORS, f"id,name\n{known},Ann\n900001,Bea\n,Cid\n", on_conflict=on_conflict)

        names = dict(models.Author.objects.values_list("name", "pk"))
        assert done.imported == 3
        assert 900001 < names["Ann"] == names["Cid"] - 1
        assert ("Changed" in names) is (on_conflict == "update")
        fresh = records.insert_record(actor=manager, table=AUTHORS, data={"name": "Dan"})
        assert fresh.records[0]["id"] == names["Cid"] + 1  # none is spent on nothing

    def test_of_a_record_that_is_known_otherwise_need_not_be_told(self, imported):
        author = builders.author(name="Old", email="ann@x")

        done = imported(
            AUTHORS, "id,name,email\n,New,ann@x\n,Bea,bea@x\n", on_conflict="update", match=["email"]
        )

        assert (done.imported, done.updated) == (1, 1)
        assert models.Author.objects.get(pk=author.pk).name == "New"

    def test_and_managed_columns_may_come_with_the_file(self, imported):
        text = "id,name,created_at,updated_at\n5,Ann,2001-01-01,2002-01-01\n"

        imported(AUTHORS, text)

        author = models.Author.objects.get(pk=5)
        assert (author.created_at.year, author.updated_at.year) == (2001, 2002)


class TestRights:
    def test_need_import_and_insert(self, editor):
        with pytest.raises(Forbidden, match="import"):
            import_records(actor=editor, table=AUTHORS, format="csv", source=b"name\nAnn\n")

    def test_nobody_imports_into_read_only_tables(self, admin, imported):
        with pytest.raises(ReadOnlyTable):
            imported(GENRES, "name\nAnn\n", actor=admin)

    @pytest.mark.parametrize("format_", ["csv", "json"])
    def test_columns_that_are_hidden_or_read_only_are_refused_by_name(
        self, admin, manager, imported, format_
    ):
        role = manager.user.groups.get()
        for column, access in (("email", "hidden"), ("bio", "read_only")):
            column_rules.set_column_rule(actor=admin, role=role, table=AUTHORS, column=column, access=access)
        builders.author(email="ann@x")

        def run(column: str) -> None:
            record = {"name": "Ann", column: "ann@x"}
            text = json.dumps([record]) if format_ == "json" else f"name,{column}\nAnn,ann@x\n"
            imported(AUTHORS, text, format_, actor=Actor(manager.user, manager.channel))

        with pytest.raises(InvalidInput, match="no column 'email'"):
            run("email")
        with pytest.raises(Forbidden, match="may not set bio"):
            run("bio")
        assert models.Author.objects.count() == 1


class TestRecord:
    def test_is_one_row_of_the_trail_with_versions_and_can_be_undone(self, manager, imported):
        author = builders.author(name="Old")
        done = imported(AUTHORS, f"id,name\n{author.pk},New\n900001,Fresh\n", on_conflict="update")

        log = AuditLog.objects.get(operation="IMPORT_CSV")
        assert (log.table_name, log.record_count, log.change_id, log.dry_run) == (
            "authors", 2, done.change_id, False
        )  # fmt: skip
        assert log.changes["records"][0]["key"] == str(author.pk)
        assert log.changes["records"][0]["changes"]["name"] == {"old": "Old", "new": "New"}
        undone = undo.undo_change(actor=Actor(manager.user, manager.channel), change_id=done.change_id)
        assert undone is not None
        assert list(models.Author.objects.values_list("name", flat=True)) == ["Old"]

    def test_versions_are_those_of_the_same_write_made_otherwise(self, manager, imported):
        values = {
            "name": "Ann",
            "aliases": ["a", 'b"'],
            "attributes": {"a": [1, None]},
            "description": "x\ny",
        }
        made = records.insert_record(actor=manager, table=CHARACTERS, data=values)
        one = LogEntry.objects.get(cid=str(made.change_id))
        imported(CHARACTERS, json.dumps([values]), "json")
        two = LogEntry.objects.latest("id")

        besides = {"id", "created_at", "updated_at"}
        assert {k: v for k, v in two.changes.items() if k not in besides} == {
            k: v for k, v in one.changes.items() if k not in besides
        }
        assert two.changes.keys() == one.changes.keys()
        same = (
            "content_type_id",
            "action",
            "serialized_data",
            "actor_id",
            "actor_email",
            "object_repr",
            "changes_text",
        )
        assert [getattr(two, name) for name in same if name != "object_repr"] == [
            getattr(one, name) for name in same if name != "object_repr"
        ]
        assert (two.object_pk, two.object_id) == (str(two.changes["id"][1]), two.changes["id"][1])

    def test_a_dry_run_counts_and_leaves_only_its_row(self, imported):
        author = builders.author(name="Old")
        text = f"id,name\n{author.pk},New\n900001,Fresh\n"

        done = imported(AUTHORS, text, on_conflict="update", dry_run=True)

        assert (done.imported, done.updated, done.errors) == (1, 1, [])
        assert list(models.Author.objects.values_list("name", flat=True)) == ["Old"]
        assert AuditLog.objects.get(operation="IMPORT_CSV").dry_run

    def test_a_file_that_is_too_large_is_refused(self, imported, settings):
        settings.IMPORT_MAX_MB = 1

        with pytest.raises(LimitExceeded, match="1 MB"):
            imported(AUTHORS, "name,bio\nAnn," + "x" * 1_000_000)

    def test_leaves_no_table_behind_for_the_next_one(self, imported):
        imported(AUTHORS, "name\nAnn\n")
        imported(SERIES, "title\nA\n")

        assert models.Series.objects.count() == models.Author.objects.count() == 1


class Unwanted(Progress):
    """Progress of what is cancelled as it begins to write."""

    label = ""

    def begin(self, label: str, total: int = 0, unit: str = "bytes") -> None:
        self.label = label

    def check(self) -> None:
        if self.label == "Write":
            raise Cancelled


def test_what_is_cancelled_leaves_nothing(imported: Import) -> None:
    with pytest.raises(Cancelled):
        imported(AUTHORS, "name\nAnn\n", progress=Unwanted())

    assert not models.Author.objects.exists()

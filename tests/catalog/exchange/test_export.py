from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError

from accesscontrol.actor import Actor
from accesscontrol.errors import Forbidden, InvalidInput
from audit.models import AuditLog
from catalog import models
from catalog.exchange import exporting
from catalog.exchange.services import Exported, export
from catalog.services import column_rules, queries
from jobs.files import StoreFailed
from jobs.progress import Cancelled, Progress
from tests.catalog.services import builders
from tests.catalog.services.builders import AUDIT_LOGS, AUTHORS, BOOKS, CHARACTERS

NASTY = {
    "name": 'Quote " comma , semicolon ; back\\slash \\. \t tab',
    "description": "line\nbreak\r\nand both\r",
    "appearance": "",
    "personality": None,
    "aliases": ["", "a,b", 'q"', "{}", "NULL", "back\\", "new\nline"],
    "attributes": {"a": [1, None, "\u2028\U0001f600"], "q": '"', "n": 1.50},
    "goals": "\\.",
}


def text_of(folder: Path, exported: Exported) -> str:
    return (folder / exported.export_file).read_bytes().decode()


def exported(actor: Actor, table: Any, format_: str = "json", **options: Any) -> Exported:
    return export(actor=actor, table=table, format=format_, **options)


class TestJson:
    def test_is_what_a_query_answers(self, manager, folder):
        builders.character(**NASTY)
        builders.character()
        page = queries.query_records(actor=manager, table=CHARACTERS)

        made = exported(manager, CHARACTERS)

        lines = text_of(folder, made).splitlines()
        assert lines[0] == "["
        assert lines[-1] == "]"
        assert [
            line.removesuffix(",") for line in text_of(folder, made).split("\n")[1:-2]
        ] == page.records.texts
        assert json.loads(text_of(folder, made)) == list(page.records)

    def test_pretty_says_the_same(self, manager, folder):
        builders.character(**NASTY)
        builders.character()

        plain = json.loads(text_of(folder, exported(manager, CHARACTERS)))
        made = exported(manager, CHARACTERS, pretty=True)

        assert json.loads(text_of(folder, made)) == plain
        assert made.record_count == 2
        assert "\n " in text_of(folder, made)

    @pytest.mark.parametrize("pretty", [True, False])
    def test_of_nothing_is_an_empty_array(self, manager, folder, pretty):
        made = exported(manager, CHARACTERS, pretty=pretty)

        assert text_of(folder, made) == "[]\n"
        assert made.record_count == 0

    def test_of_more_than_a_block_is_whole(self, manager, folder, monkeypatch):
        monkeypatch.setattr("catalog.exchange.writing.BLOCK_BYTES", 100)
        for _ in range(7):
            builders.author()

        made = exported(manager, AUTHORS)

        assert len(json.loads(text_of(folder, made))) == made.record_count == 7


class TestCsv:
    def test_tells_null_from_the_empty_text(self, manager, folder):
        builders.author(name="", email=None, bio='say "no"\n')

        made = exported(manager, AUTHORS, "csv", columns=["name", "email", "bio"])

        assert text_of(folder, made) == 'name,email,bio\n"",,"say ""no""\n"\n'
        assert made.record_count == 1

    def test_keeps_microseconds_arrays_and_json(self, manager, folder):
        moment = datetime(1857, 5, 1, 23, 59, 59, 123456, tzinfo=UTC)
        builders.character(**NASTY, created_at=moment)

        made = exported(
            manager, CHARACTERS, "csv", columns=["created_at", "aliases", "attributes"], delimiter=";"
        )

        header, row = csv.reader(io.StringIO(text_of(folder, made), newline=""), delimiter=";")
        assert header == ["created_at", "aliases", "attributes"]
        assert row[0] == "1857-05-01 23:59:59.123456+00"
        assert row[1] == '{"","a,b","q\\"","{}","NULL","back\\\\","new\nline"}'
        assert json.loads(row[2]) == NASTY["attributes"]

    def test_without_headers(self, manager, folder):
        builders.author(name="Ann")

        made = exported(manager, AUTHORS, "csv", columns=["name"], include_headers=False)

        assert text_of(folder, made) == "Ann\n"
        assert made.record_count == 1

    def test_puts_an_apostrophe_before_formulas_only_when_asked(self, manager, folder):
        for name in ("=1+1", "@x", "-", "plain"):
            builders.author(name=name)

        kept = exported(manager, AUTHORS, "csv", columns=["name"])
        escaped = exported(manager, AUTHORS, "csv", columns=["name"], escape_formulas=True)

        assert text_of(folder, kept).split() == ["name", "=1+1", "@x", "-", "plain"]
        assert text_of(folder, escaped).split() == ["name", "'=1+1", "'@x", "'-", "plain"]

    @pytest.mark.parametrize("delimiter", ['"', "\n", "ab", "", "a", "é", None])
    def test_refuses_a_delimiter_that_could_not_be_told(self, manager, delimiter):
        with pytest.raises(InvalidInput, match="delimiter"):
            exported(manager, AUTHORS, "csv", delimiter=delimiter)


class TestRows:
    def test_are_those_that_match_in_the_order_of_their_keys(self, manager, folder):
        made = [builders.book(word_count=count, title=f"100 % '{count}'") for count in (5, 20, 30, 40)]

        found = exported(
            manager, BOOKS, where={"word_count": {"$gt": 10}, "title": {"$like": "100 \\% '%"}}, limit=2,
            columns=["title", "id"],
        )  # fmt: skip

        assert json.loads(text_of(folder, found)) == [
            {"title": book.title, "id": book.pk} for book in made[1:3]
        ]

    def test_in_the_trash_come_only_when_asked_for(self, manager):
        builders.book(deleted_at=datetime.now(UTC))

        assert exported(manager, BOOKS).record_count == 0
        assert exported(manager, BOOKS, include_deleted=True).record_count == 1

    @pytest.mark.parametrize("value", builders.SQL_TEXTS)
    def test_are_found_by_values_that_look_like_sql(self, manager, value):
        builders.author(name=value)
        builders.author()

        assert exported(manager, AUTHORS, where={"name": value}).record_count == 1

    @pytest.mark.parametrize(
        "options",
        [{"where": {"nil": 1}}, {"columns": ["nil"]}, {"columns": []}, {"limit": 0}, {"limit": True}],
    )
    def test_that_can_not_be_meant_are_refused(self, manager, options):
        with pytest.raises(InvalidInput):
            exported(manager, AUTHORS, **options)


class TestRights:
    def test_need_export_and_read(self, viewer, writer):
        for actor in (viewer, writer):
            with pytest.raises(Forbidden, match="export"):
                exported(actor, AUTHORS)

    def test_hidden_columns_are_not_there(self, admin, manager, folder):
        role = manager.user.groups.get()
        column_rules.set_column_rule(actor=admin, role=role, table=AUTHORS, column="email", access="hidden")
        builders.author(email="ann@example.org")

        found = json.loads(text_of(folder, exported(manager, AUTHORS)))

        assert "email" not in found[0]
        for options in ({"columns": ["email"]}, {"where": {"email": "ann@example.org"}}):
            with pytest.raises(InvalidInput, match="no column 'email'"):
                exported(manager, AUTHORS, **options)

    def test_of_the_trail_is_one_s_own_rows(self, manager, admin, auditor, folder):
        queries.query_records(actor=admin, table=AUTHORS)
        queries.query_records(actor=auditor, table=AUDIT_LOGS)

        seen = {row["user_id"] for row in json.loads(text_of(folder, exported(auditor, AUDIT_LOGS)))}

        assert {admin.username, auditor.username} <= seen


class TestRecord:
    def test_is_in_exports_and_in_the_trail(self, manager, folder):
        builders.author()

        made = exported(manager, AUTHORS, "csv")

        content = (folder / made.export_file).read_bytes()
        assert made.sha256 == hashlib.sha256(content).hexdigest()
        assert made.size_bytes == len(content)
        row = models.Export.objects.get()
        assert (row.table_name, row.format, row.file_name, row.row_count, row.size_bytes, row.sha256, row.status) == (
            "authors", "csv", made.export_file, 1, len(content), made.sha256, "done",
        )  # fmt: skip
        log = AuditLog.objects.get(operation="EXPORT_CSV")
        assert (log.table_name, log.record_count, log.success) == ("authors", 1, True)
        assert log.client_info["export_file"] == made.export_file

    def test_two_in_a_second_have_two_names(self, manager):
        names = {exported(manager, AUTHORS).export_file for _ in range(3)}

        assert len(names) == 3

    @pytest.mark.parametrize("at", ["trail", "file"])
    def test_nothing_is_left_where_something_fails(self, manager, folder, monkeypatch, at):
        builders.author()

        def fail(*_: object) -> None:
            if at == "file":
                raise OSError(errno.ENOSPC, "No space left on device")
            raise RuntimeError("no trail")

        if at == "trail":
            monkeypatch.setattr(exporting.Work, "finish", fail)
        else:
            monkeypatch.setattr("jobs.files.os.fsync", fail)
        with pytest.raises((RuntimeError, StoreFailed)):
            exported(manager, AUTHORS)

        assert list(folder.iterdir()) == []
        assert not models.Export.objects.exists()
        assert not AuditLog.objects.filter(operation="EXPORT_JSON").exists()


class Unwanted(Progress):
    """Progress of what is cancelled at the first look."""

    def check(self) -> None:
        raise Cancelled


class TestEndedOnTheWay:
    @pytest.mark.parametrize("rows", [10, 100_000])
    def test_by_a_fault_of_the_database(self, manager, folder, monkeypatch, rows):
        monkeypatch.setattr(
            "catalog.exchange.selection.Selection.json",
            lambda *_, **__: f"COPY (SELECT 1 / ({rows} - n) FROM generate_series(1, {rows}) n) TO STDOUT",  # noqa: S608
        )

        with pytest.raises(DataError, match="division by zero"):
            exported(manager, AUTHORS)

        assert list(folder.iterdir()) == []
        assert manager.grants.is_active  # the connection is as good as before

    def test_by_a_disk_that_is_full(self, manager, folder, monkeypatch):
        def fail(*_: object) -> None:
            raise StoreFailed

        builders.author()
        monkeypatch.setattr("jobs.files.NewFile.write", fail)

        with pytest.raises(StoreFailed):
            exported(manager, AUTHORS)

        assert list(folder.iterdir()) == []
        assert models.Author.objects.exists()


class TestCancelled:
    def test_between_blocks_leaves_nothing(self, manager, folder):
        builders.author()

        with pytest.raises(Cancelled):
            exported(manager, AUTHORS, progress=Unwanted())

        assert list(folder.iterdir()) == []
        assert not models.Export.objects.exists()

    def test_stops_a_statement_that_says_nothing(self, manager, folder, monkeypatch):
        monkeypatch.setattr(
            "catalog.exchange.selection.Selection.json",
            lambda *_, **__: "COPY (SELECT pg_sleep(60)) TO STDOUT",
        )

        with pytest.raises(Cancelled):
            exported(manager, AUTHORS, progress=Unwanted())

        assert list(folder.iterdir()) == []
        assert manager.grants.is_active  # the connection is as good as before

"""Every way of writing keeps what each record was, complete, and what became of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, connection

from accesscontrol.actor import Actor
from accesscontrol.errors import Refused
from audit import history
from audit.operation import Terms
from catalog.services import batch, records, trash, undo
from catalog.table import Table
from tests.catalog.services import builders
from tests.catalog.services.builders import APPEARANCES, AUTHORS, BOOKS, CHARACTERS, EXPORTS, GOALS

DIGITS = (
    '{"n": 0.12345678901234567890123456789, "big": 123456789012345678901234567890, "t": 1.10, "e": 1e400}'
)
TEXTS = ["", " ", "a\\b\"c'd", "line\nand\ttab", "Ünïcödé 漢字 🜁 e\u0301", "%s {0} $$", "null", "\u2028"]


def row_of(table: Table, **key: Any) -> dict[str, Any] | None:
    """A row as PostgreSQL tells it, numbers and all, past the services."""
    condition = " AND ".join(f"{name} = %s" for name in key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT row_to_json(t)::text FROM public.{table.name} t WHERE {condition}",  # noqa: S608 - our own names
            list(key.values()),
        )
        found = cursor.fetchone()
    return json.loads(found[0]) if found else None


def only(change_id: UUID) -> history.Version:
    (version,) = history.of_change(change_id)
    return version


class TestOfOneRecord:
    def test_inserted(self, writer):
        change = records.insert_record(actor=writer, table=AUTHORS, data={"name": "Jane", "bio": None})

        version = only(change.change_id)
        key = change.records[0]["id"]
        assert (version.model, version.key, version.before) == (AUTHORS.model, str(key), None)
        assert version.after == row_of(AUTHORS, id=key) == change.records[0]

    def test_updated(self, writer):
        author = builders.author(bio="old", updated_at="2001-02-03T04:05:06.789Z")
        before = row_of(AUTHORS, id=author.pk)

        change = records.update_records(
            actor=writer, table=AUTHORS, data={"bio": None, "name": author.name}, where={"id": author.pk}
        )

        version = only(change.change_id)
        assert version.before == before
        assert version.after == row_of(AUTHORS, id=author.pk)
        entry = LogEntry.objects.get(cid=str(change.change_id))
        assert set(entry.changes) == {"bio", "updated_at"}
        assert entry.changes["bio"] == ["old", None]
        assert (entry.actor, entry.action) == (writer.user, LogEntry.Action.UPDATE)

    @pytest.mark.parametrize("soft_delete", [True, False])
    def test_deleted(self, editor, soft_delete):
        person = builders.character(attributes={"a": [1, None, {"b": "ß"}]}, aliases=["x", "y,z"])
        before = row_of(CHARACTERS, id=person.pk)

        change = records.delete_records(
            actor=editor, table=CHARACTERS, where={"id": person.pk}, soft_delete=soft_delete
        )

        version = only(change.change_id)
        assert version.before == before
        assert version.after == row_of(CHARACTERS, id=person.pk)
        assert (version.after is None) is not soft_delete

    def test_deleted_with_what_the_database_deletes_along(self, editor):
        appearance = builders.appearance(role="hero")
        key = {"character_id": appearance.character_id, "scene_id": appearance.scene_id}
        junction = row_of(APPEARANCES, **key)

        change = records.delete_records(
            actor=editor, table=CHARACTERS, where={"id": key["character_id"]}, soft_delete=False
        )

        versions = {version.model: version for version in history.of_change(change.change_id)}
        assert versions.keys() == {CHARACTERS.model, APPEARANCES.model}
        assert versions[APPEARANCES.model].before == junction
        assert versions[APPEARANCES.model].after is None
        assert versions[APPEARANCES.model].key == APPEARANCES.format_key(key)

    def test_restored(self, editor):
        book = builders.book(deleted_at="2020-01-01T00:00:00Z")
        before = row_of(BOOKS, id=book.pk)

        change = trash.restore_records(actor=editor, table=BOOKS, where={"id": book.pk})

        version = only(change.change_id)
        assert (version.before, version.after) == (before, row_of(BOOKS, id=book.pk))

    def test_purged(self, admin):
        book = builders.book(deleted_at="2020-01-01T00:00:00Z")
        before = row_of(BOOKS, id=book.pk)

        change = trash.purge_records(actor=admin, table=BOOKS, where={"id": book.pk})

        version = only(change.change_id)
        assert (version.before, version.after) == (before, None)

    def test_undone(self, editor):
        author = builders.author(bio="old")
        first = records.update_records(
            actor=editor, table=AUTHORS, data={"bio": "new"}, where={"id": author.pk}
        )
        between = row_of(AUTHORS, id=author.pk)

        change = undo.undo_change(actor=editor, change_id=first.change_id)

        version = only(change.change_id)
        assert (version.before, version.after) == (between, row_of(AUTHORS, id=author.pk))


class TestOfBatches:
    def test_inserted_updated_and_deleted(self, editor):
        inserted = batch.insert_records(
            actor=editor, table=AUTHORS, records=[{"name": text or "x", "bio": text} for text in TEXTS]
        )
        versions = {version.key: version for version in history.of_change(inserted.change_id)}
        keys = [record["id"] for record in inserted.records]
        assert {key: version.after for key, version in versions.items()} == {
            str(key): row_of(AUTHORS, id=key) for key in keys
        }
        before = {str(key): row_of(AUTHORS, id=key) for key in keys}

        updated = batch.update_records(
            actor=editor,
            table=AUTHORS,
            updates=[{"where": {"id": key}, "data": {"bio": f"{key}"}} for key in keys],
        )
        versions = {version.key: version for version in history.of_change(updated.change_id)}
        assert {key: version.before for key, version in versions.items()} == before
        assert {version.after["bio"] for version in versions.values()} == {str(key) for key in keys}

        deleted = batch.delete_records(actor=editor, table=AUTHORS, conditions_=[{"id": key} for key in keys])
        versions = {version.key: version for version in history.of_change(deleted.change_id)}
        assert {version.before["bio"] for version in versions.values()} == {str(key) for key in keys}
        assert all(version.after is None for version in versions.values())

    def test_belong_to_one_change_and_to_who_made_it(self, writer):
        change = batch.insert_records(actor=writer, table=AUTHORS, records=[{"name": "a"}, {"name": "b"}])

        entries = LogEntry.objects.all()
        assert {(entry.cid, entry.actor) for entry in entries} == {(str(change.change_id), writer.user)}
        assert entries[0].additional_data["channel"] == "command"


class TestOfValues:
    def test_keep_every_digit(self, editor):
        person = builders.character()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE public.characters SET attributes = %s::jsonb WHERE id = %s", [DIGITS, person.pk]
            )
            cursor.execute("SELECT attributes::text FROM public.characters WHERE id = %s", [person.pk])
            (before,) = cursor.fetchone()
        change = records.delete_records(
            actor=editor, table=CHARACTERS, where={"id": person.pk}, soft_delete=False
        )

        undo.undo_change(actor=editor, change_id=change.change_id)

        with connection.cursor() as cursor:
            cursor.execute("SELECT attributes::text FROM public.characters WHERE id = %s", [person.pk])
            assert cursor.fetchone() == (before,)

    @pytest.mark.parametrize("text", TEXTS)
    def test_keep_every_character(self, editor, text):
        person = builders.character(aliases=[text, ""], attributes={text: [text]}, backstory=text)
        before = row_of(CHARACTERS, id=person.pk)

        change = records.delete_records(
            actor=editor, table=CHARACTERS, where={"id": person.pk}, soft_delete=False
        )
        assert only(change.change_id).before == before
        undo.undo_change(actor=editor, change_id=change.change_id)

        assert row_of(CHARACTERS, id=person.pk) == before

    def test_keep_dates_booleans_and_great_numbers(self, editor):
        goal = builders.goal(starts_on="2026-02-28", is_active=False)
        export = EXPORTS.model._default_manager.create(format="csv", row_count=2**63 - 1)
        for table, row in ((GOALS, goal), (EXPORTS, export)):
            before = row_of(table, id=row.pk)
            change = records.delete_records(actor=editor, table=table, where={"id": row.pk})
            assert only(change.change_id).before == before
            undo.undo_change(actor=editor, change_id=change.change_id)
            assert row_of(table, id=row.pk) == before


class TestOfNothing:
    def test_are_none_where_nothing_was_written(self, editor):
        author = builders.author()
        records.update_records(actor=editor, table=AUTHORS, data={"bio": "x"}, where={"id": 10**12})
        records.delete_records(actor=editor, table=AUTHORS, where={"id": 10**12})
        records.update_records(
            actor=editor,
            table=AUTHORS,
            data={"bio": "x"},
            where={"id": author.pk},
            terms=Terms(dry_run=True),
        )
        with pytest.raises(Refused):
            records.insert_record(actor=editor, table=AUTHORS, data={"bio": "x"})

        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("write", ["insert", "update", "trash", "delete"])
    def test_cannot_be_missing(self, editor: Actor, monkeypatch: pytest.MonkeyPatch, write: str):
        author = builders.author()
        real = history.circumstances
        monkeypatch.setattr(history, "circumstances", lambda *of: {**real(*of), "content_type": None})
        of_author: dict[str, Any] = {"actor": editor, "table": AUTHORS, "where": {"id": author.pk}}
        writes = {
            "insert": lambda: records.insert_record(actor=editor, table=AUTHORS, data={"name": "x"}),
            "update": lambda: records.update_records(**of_author, data={"bio": "x"}),
            "trash": lambda: records.delete_records(**of_author),
            "delete": lambda: records.delete_records(**of_author, soft_delete=False),
        }
        before = list(AUTHORS.model._default_manager.values())

        with pytest.raises((Refused, IntegrityError)):
            writes[write]()

        assert list(AUTHORS.model._default_manager.values()) == before

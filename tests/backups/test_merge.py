"""Restoring into what is there: nothing is deleted, references hold, and what was written can be undone."""

from __future__ import annotations

import psycopg
import pytest

from accesscontrol.actor import Actor, on_this_machine
from accesscontrol.errors import ConfirmationRequired, InvalidInput, NotFound, ReadOnlyTable
from audit.models import AuditLog
from backups import restoring, services
from backups.errors import BackupInvalid
from catalog import registry
from catalog.errors import DuplicateKey, ForeignKeyViolation
from catalog.services.records import insert_record
from catalog.services.undo import undo_change
from tests.backups.restores import State, backup, merge, merge_table, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("library")]

DAMAGE = """
DELETE FROM public.book_genres WHERE book_id < 4;
DELETE FROM public.chapters WHERE book_id = 1;
UPDATE public.books SET title = 'Changed ' || id, updated_at = now() WHERE id IN (2, 3);
UPDATE public.genres SET description = 'changed' WHERE id = 1;
INSERT INTO public.authors (name) VALUES ('Newer');
"""


class TestFull:
    def test_overwrites_what_changed_and_adds_what_is_missing(self, owner):
        before, file = state(owner), backup()
        owner.execute(DAMAGE)

        told = merge(file, on_conflict="overwrite", safety_backup=True)

        now = state(owner)
        assert {name for name in now if now[name] != before[name]} == {"authors"}
        assert now["authors"][0] == before["authors"][0] + 1
        counts = {one["table"]: one for one in told.tables}
        assert (counts["books"]["overwritten"], counts["books"]["inserted"]) == (2, 0)
        assert counts["books"]["referring"] == {"chapters": 8}
        assert (counts["chapters"]["inserted"], counts["chapters"]["unchanged"]) == (4, 236)
        assert (told.overwritten, told.skipped) == (3, 0)
        assert told.safety_backup

    def test_skip_keeps_what_is_there(self, owner):
        file = backup()
        owner.execute(DAMAGE)

        told = merge(file, on_conflict="skip")

        assert owner.execute("SELECT title FROM public.books WHERE id = 2").fetchone() == ("Changed 2",)
        assert (told.skipped, told.overwritten) == (3, 0)
        assert told.record_count == 4 + 9

    def test_by_default_a_conflict_is_an_error_that_names_records_and_a_dry_run_counts(self, owner):
        file = backup()
        owner.execute(DAMAGE)
        before = state(owner)

        with pytest.raises(DuplicateKey) as refused:
            merge(file)

        assert refused.value.details["keys"] == ["1"]  # of genres, which come before the books
        assert state(owner) == before

        told = merge(file, on_conflict="overwrite", dry_run=True, safety_backup=True)

        assert (told.overwritten, told.record_count, told.safety_backup) == (3, 16, None)
        assert state(owner) == before
        assert AuditLog.objects.get(operation="RESTORE_FULL", success=True).dry_run

    def test_records_that_refer_to_each_other_come_back_together(self, owner):
        file = backup()
        owner.execute(
            "UPDATE public.locations SET name = 'x', updated_at = now(); DELETE FROM public.locations WHERE id = 2"
        )
        owner.execute("UPDATE public.locations SET parent_location_id = NULL")

        merge(file, on_conflict="overwrite")

        assert owner.execute("SELECT name FROM public.locations ORDER BY id").fetchall() == [
            ("Bath",),
            ("Pump Room",),
        ]


class TestTable:
    @pytest.mark.parametrize("of_one", [False, True])
    def test_brings_the_table_back_and_can_be_undone(self, owner, admin, of_one):
        file = backup()
        if of_one:
            file = services.create_table(actor=on_this_machine(), table="chapters").backup_file
        before: State = state(owner)
        owner.execute("DELETE FROM public.chapters WHERE book_id < 3; UPDATE public.books SET title = 'x'")
        broken = state(owner)

        told = merge_table(file, "chapters", safety_backup=of_one)

        assert state(owner)["chapters"] == before["chapters"]
        assert state(owner)["books"] == broken["books"]
        assert (told.table, told.record_count) == ("chapters", 8)
        assert bool(told.safety_backup) is of_one
        undo_change(actor=admin, change_id=told.change_id)
        assert state(owner) == broken

    def test_refuses_to_break_a_reference(self, owner):
        file = backup()
        owner.execute("DELETE FROM public.book_genres; DELETE FROM public.chapters; DELETE FROM public.books")
        before = state(owner)

        with pytest.raises(ForeignKeyViolation):
            merge_table(file, "chapters")
        assert state(owner) == before

    def test_refuses_a_value_that_another_record_has_now(self, owner):
        file = backup()
        owner.execute(
            "UPDATE public.authors SET email = NULL WHERE id = 1;"
            "INSERT INTO public.authors (name, email) VALUES ('Thief', 'author1@example.org')"
        )
        with pytest.raises(DuplicateKey):
            merge_table(file, "authors", on_conflict="overwrite")
        assert merge_table(file, "authors", on_conflict="skip").skipped == 1

    def test_sequences_are_past_what_came_back(self, owner, admin):
        highest = owner.execute("SELECT max(id) FROM public.authors").fetchone()[0]
        file = backup()
        owner.execute("ALTER SEQUENCE public.authors_id_seq RESTART WITH 5")

        owner.execute("DELETE FROM public.book_genres; DELETE FROM public.chapters; DELETE FROM public.books")
        owner.execute("DELETE FROM public.series; DELETE FROM public.authors")
        merge_table(file, "authors")

        made = insert_record(actor=admin, table=registry.get("authors"), data={"name": "Anew"})
        assert made.records[0]["id"] > highest

    def test_refuses_what_is_no_matter_of_one_table(self, owner):
        file = backup()
        table = services.create_table(actor=on_this_machine(), table="books").backup_file

        for name in ("genres", "audit_logs"):
            with pytest.raises(ReadOnlyTable):
                merge_table(file, name)
        with pytest.raises(NotFound):
            merge_table(table, "chapters")
        with pytest.raises(InvalidInput):
            merge(table)
        with pytest.raises(InvalidInput):
            merge_table(file, "books", on_conflict="update")

    def test_refuses_a_table_that_has_other_columns_now(self, owner: psycopg.Connection):
        file = backup()
        owner.execute("ALTER TABLE public.tropes ADD extra text")

        with pytest.raises(BackupInvalid, match="another schema"):
            merge_table(file, "tropes")


class TestPlan:
    def test_is_read_and_agreed_to_once(self, owner, admin: Actor):
        file = backup()
        owner.execute("DELETE FROM public.book_genres")

        def restore(token: str | None) -> restoring.Restored:
            return restoring.restore_full(actor=admin, backup_file=file, drop_existing=True, plan_token=token)

        with pytest.raises(ConfirmationRequired) as shown:
            restore(None)
        told = {one["table"]: one for one in shown.value.details["plan"]["tables"]}
        assert (told["book_genres"]["records_now"], told["book_genres"]["records_then"]) == (0, 180)
        restore(shown.value.details["plan_token"])
        assert owner.execute("SELECT count(*) FROM public.book_genres").fetchone() == (180,)
        with pytest.raises(ConfirmationRequired):
            restore(shown.value.details["plan_token"])

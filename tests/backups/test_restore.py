"""Restoring the whole: whatever was broken, the catalog becomes what the backup holds, or stays as it is."""

from __future__ import annotations

import psycopg
import pytest
from django.core.management import call_command

from accesscontrol.errors import Conflict
from audit.models import AuditLog
from backups.errors import OwnerNeeded, TrailDiffers
from catalog import registry
from catalog.services.queries import query_records
from catalog.services.records import insert_record, update_records
from catalog.services.undo import undo_change
from tests.backups.restores import backup, replace, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("owner")]


class TestDropExisting:
    def test_brings_back_what_was_deleted_changed_truncated_and_dropped(self, owner, library, admin):
        before, file = state(owner), backup()
        owner.execute("TRUNCATE public.chapters CASCADE")
        owner.execute("UPDATE public.books SET title = 'gone'")
        owner.execute("DELETE FROM public.book_genres")
        owner.execute("DROP TABLE public.writing_goals CASCADE")
        owner.execute("DROP INDEX public.books_author_id_idx")

        restored = replace(file, safety_backup=True)

        assert state(owner) == before
        assert restored.safety_backup
        assert restored.record_count >= sum(count for count, _ in before.values())
        call_command("check", databases=["default"], fail_level="WARNING")
        inserted = insert_record(actor=admin, table=registry.get("authors"), data={"name": "Anew"})
        assert inserted.records[0]["id"] > 0
        log = AuditLog.objects.filter(operation="RESTORE_FULL", success=True).get()
        assert log.changes["backup"]["new"] == file
        assert log.client_info["safety_backup"] == restored.safety_backup
        assert not owner.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before_restore%'"
        ).fetchall()

    def test_the_trail_goes_on_and_stays_protected(self, owner, library, admin):
        file = backup()
        insert_record(actor=admin, table=registry.get("authors"), data={"name": "Later"})
        rows = AuditLog.objects.count()

        replace(file)

        assert AuditLog.objects.count() >= rows + 1
        for statement in ("DELETE FROM public.audit_logs", "TRUNCATE public.audit_logs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(statement)

    def test_refuses_where_the_trail_was_changed(self, owner, library, admin):
        insert_record(actor=admin, table=registry.get("authors"), data={"name": "Told"})
        owner.execute("ALTER TABLE public.audit_logs DISABLE TRIGGER USER")
        for tampering in (
            "UPDATE public.audit_logs SET user_id = 'eve' WHERE id = (SELECT min(id) FROM public.audit_logs)",
            "DELETE FROM public.audit_logs WHERE id = (SELECT min(id) FROM public.audit_logs)",
        ):
            file = backup()
            owner.execute(tampering)
            owner.execute("UPDATE public.books SET title = 'gone'")
            before = state(owner)

            with pytest.raises(TrailDiffers, match="1 of the rows"):
                replace(file)

            assert state(owner) == before, tampering

    def test_sequences_stay_past_what_was_given_since(self, owner, library, admin):
        file = backup()
        later = insert_record(actor=admin, table=registry.get("authors"), data={"name": "Later"}).records[0][
            "id"
        ]

        replace(file)

        assert (
            insert_record(actor=admin, table=registry.get("authors"), data={"name": "Anew"}).records[0]["id"]
            > later
        )

    def test_begins_an_epoch_from_before_which_undo_and_cursors_are_refused(self, library, admin):
        change = update_records(
            actor=admin, table=registry.get("authors"), data={"bio": "x"}, where={"name": {"$null": False}}
        )
        page = query_records(actor=admin, table=registry.get("authors"), limit=1)

        replace(backup())

        with pytest.raises(Conflict, match="restored"):
            undo_change(actor=admin, change_id=change.change_id)
        with pytest.raises(Conflict, match="restored"):
            query_records(actor=admin, table=registry.get("authors"), limit=1, cursor=page.next_cursor)

    def test_a_process_without_the_owner_refuses(self, settings, library):
        file = backup()
        settings.DATABASE_OWNER_URL = None

        with pytest.raises(OwnerNeeded):
            replace(file)

    def test_a_dry_run_tells_and_changes_nothing(self, owner, library):
        file, before = backup(), state(owner)
        owner.execute("DELETE FROM public.book_genres")

        told = replace(file, dry_run=True)

        found = next(one for one in told.tables if one["table"] == "book_genres")
        assert (found["records_now"], found["records_then"]) == (0, before["book_genres"][0])
        assert state(owner) != before
        assert AuditLog.objects.get(operation="RESTORE_FULL").dry_run

"""What is written or looked at with every change of a record: no index that nothing reads, no foreign key."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection

from accesscontrol.actor import Actor
from audit import record_versions
from catalog import registry
from catalog.services import records

INDEXES = """
SELECT regexp_replace(pg_get_indexdef(indexrelid), '.* USING btree ', '') FROM pg_index
 WHERE indrelid = 'app.auditlog_logentry'::regclass"""
FOREIGN_KEYS = (
    "SELECT conname FROM pg_constraint WHERE conrelid = 'app.auditlog_logentry'::regclass AND contype = 'f'"
)


def found_by(statement: str) -> list[str]:
    """Return what a SELECT of one column finds, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return sorted(value for (value,) in cursor.fetchall())


def test_versions_are_found_by_number_record_change_time_and_account(db: None) -> None:
    assert found_by(INDEXES) == ['("timestamp")', "(actor_id)", "(cid)", "(id)", "(object_pk)"]


def test_versions_refer_to_nothing_that_would_be_locked(db: None) -> None:
    assert found_by(FOREIGN_KEYS) == []


def test_versions_stay_as_nobodys_where_their_account_is_deleted(editor: Actor) -> None:
    authors = registry.get("authors")
    made = records.insert_record(actor=editor, table=authors, data={"name": "Ann"})
    key = authors.format_key(made.records[0])
    (before,) = record_versions.of_record(authors.model, key, limit=10)

    User.objects.filter(pk=editor.user.pk if editor.user else None).delete()

    (after,) = record_versions.of_record(authors.model, key, limit=10)
    assert (before.username, after.username) == ("edith", None)
    assert after.changes == before.changes
    assert found_by("SELECT actor_id FROM app.auditlog_logentry") == [None]

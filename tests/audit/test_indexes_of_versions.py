"""Each index of the versions is written with every change of a record: there is none that nothing reads."""

from __future__ import annotations

from django.db import connection

INDEXES = """
SELECT regexp_replace(pg_get_indexdef(indexrelid), '.* USING btree ', '') FROM pg_index
 WHERE indrelid = 'app.auditlog_logentry'::regclass"""


def test_versions_are_found_by_number_record_change_time_and_account(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        found = sorted(definition for (definition,) in cursor.fetchall())

    assert found == ['("timestamp")', "(actor_id)", "(cid)", "(id)", "(object_pk)"]

"""Takes away the indexes of versions that nothing reads; each would be written with every change of a record.

django-auditlog makes them, and its models go on to say so; nothing here depends on that. Versions are found by record
(object_pk), by change (cid), by number and by time; actor_id is for whoever deletes an account. What is left out: the
numeric key, which is in object_pk too; the kind of change and of record, by which nobody looks without one of those;
and LIKE, which nobody asks for.
"""

from __future__ import annotations

from django.db import migrations

UNREAD = {
    "auditlog_logentry_action_229afe39": "action",
    "auditlog_logentry_cid_9f467263_like": "cid varchar_pattern_ops",
    "auditlog_logentry_content_type_id_75830218": "content_type_id",
    "auditlog_logentry_object_id_09c2eee8": "object_id",
    "auditlog_logentry_object_pk_6e3219c0_like": "object_pk varchar_pattern_ops",
}


class Migration(migrations.Migration):
    dependencies = [("audit", "0013_refusals_by_user"), ("auditlog", "0017_add_actor_email")]

    operations = [
        migrations.RunSQL(
            f"DROP INDEX app.{name}", f"CREATE INDEX {name} ON app.auditlog_logentry ({column})"
        )
        for name, column in UNREAD.items()
    ]

"""Takes away the foreign keys of versions, which PostgreSQL would look at, and lock, at each commit of a change.

All who write at once would lock the same two rows: that of the account, and that of the kind of record. As with the
trail, nothing is in the way of keeping a version. The ORM goes on to do what these keys are for: where an account is
deleted its versions stay, as nobody's; kinds of records are not deleted.
"""

from __future__ import annotations

from django.db import migrations

KEYS = {
    "auditlog_logentry_actor_id_959271d2_fk_auth_user_id": ("actor_id", "auth_user"),
    "auditlog_logentry_content_type_id_75830218_fk_django_co": ("content_type_id", "django_content_type"),
}


class Migration(migrations.Migration):
    dependencies = [("audit", "0014_indexes_of_versions")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE app.auditlog_logentry DROP CONSTRAINT {name}",
            f"ALTER TABLE app.auditlog_logentry ADD CONSTRAINT {name} FOREIGN KEY ({column})"
            f" REFERENCES app.{table} (id) DEFERRABLE INITIALLY DEFERRED",
        )
        for name, (column, table) in KEYS.items()
    ]

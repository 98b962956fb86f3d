"""The gate of the catalog: who writes, or reads for long, holds it open; a restore of the whole closes it first.

A table of nothing, locked and never read. Without it a snapshot taken before a restore reads the restored tables as empty, and a
restore that locks table after table meets writers in a deadlock.
"""

from __future__ import annotations

from django.conf import settings
from django.db import migrations
from psycopg import sql

APP_ROLE = sql.Identifier(settings.APP_ROLE).as_string()

CREATE = f"""
CREATE TABLE app.restore_gate ();
COMMENT ON TABLE app.restore_gate IS 'Locked by who writes the catalog, and against them by a restore: see audit/timeouts.py.';
REVOKE ALL ON app.restore_gate FROM {APP_ROLE};
GRANT SELECT ON app.restore_gate TO {APP_ROLE};
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_covering_index")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE app.restore_gate")]

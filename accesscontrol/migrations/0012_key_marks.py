"""The mark of what everybody may do changes with keys too: who knows a key under the mark of now need not read it again."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

_marks = import_module("accesscontrol.migrations.0008_access_version")  # whose name is no identifier

# Not with the columns that say when a key was used last, nor with new keys, of which nobody knows anything.
KEYS = """
CREATE TRIGGER accesscontrol_apikey_access
    AFTER DELETE OR TRUNCATE
       OR UPDATE OF user_id, prefix, digest, old_digest, old_expires_at, scopes, networks, expires_at
    ON app.accesscontrol_apikey FOR EACH STATEMENT EXECUTE FUNCTION app.change_access_version();
"""
PROGRAMS = _marks.WATCH.format(table="accesscontrol_serviceuser")
DROP = """
DROP TRIGGER accesscontrol_apikey_access ON app.accesscontrol_apikey;
DROP TRIGGER accesscontrol_serviceuser_access ON app.accesscontrol_serviceuser;
"""


class Migration(migrations.Migration):
    dependencies = [("accesscontrol", "0011_rate_limits")]

    operations = [migrations.RunSQL(KEYS + PROGRAMS, DROP)]

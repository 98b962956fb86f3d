"""A function that makes the table in which an import looks at rows before they count.

The application's role may make no table, not even a temporary one: one named `audit_logs` would hide the trail from whoever
asks next on that connection. This function, with its owner's rights, makes one of one name and of texts alone, that
lives as long as the transaction. Whoever may call it gains nothing else, so its grants need no care in a restore.
"""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE FUNCTION app.make_import_rows(names text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $$
BEGIN
    DROP TABLE IF EXISTS pg_temp.import_rows;
    EXECUTE format(
        'CREATE TEMPORARY TABLE import_rows (_row bigint, _faults jsonb, _shape integer, %s) ON COMMIT DROP',
        (SELECT string_agg(format('%I text', n.name), ', ' ORDER BY n.place)
           FROM unnest(names) WITH ORDINALITY AS n (name, place)));
    GRANT SELECT, INSERT ON pg_temp.import_rows TO SESSION_USER;
END
$$;

COMMENT ON FUNCTION app.make_import_rows(text[]) IS 'Makes the temporary table import_rows: see catalog/exchange/staging.py.';
"""


class Migration(migrations.Migration):
    dependencies = [("accesscontrol", "0004_service_users")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION app.make_import_rows(text[])")]

"""A function with which an operation begins: its limits, the gate where it writes, and the rights of its caller.

One round trip instead of two, with a plan that is kept. Its name is not "begin": psql would take that for the beginning
of a body. It runs with the caller's own rights. What it sets holds until
the transaction ends.
"""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE FUNCTION app.begin_operation(
    member bigint, statement_ms integer, lock_ms integer, synchronous boolean, writes boolean
) RETURNS TABLE (codename text, origin text, tables text[])
    LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM pg_catalog.set_config('statement_timeout', statement_ms::text, true),
            pg_catalog.set_config('lock_timeout', lock_ms::text, true),
            pg_catalog.set_config('synchronous_commit', CASE WHEN synchronous THEN 'on' ELSE 'off' END, true);
    IF writes THEN
        LOCK TABLE app.restore_gate IN ACCESS SHARE MODE;
    END IF;
    RETURN QUERY SELECT * FROM app.grants_of(member);
END
$$;

COMMENT ON FUNCTION app.begin_operation(bigint, integer, integer, boolean, boolean) IS
    'Limits, gate and rights at the beginning of an operation: see audit/timeouts.py.';
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0009_alerts"), ("accesscontrol", "0006_plan_free_roles")]

    operations = [
        migrations.RunSQL(
            CREATE, "DROP FUNCTION app.begin_operation(bigint, integer, integer, boolean, boolean)"
        )
    ]

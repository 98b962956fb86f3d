"""The function with which an operation begins: rights that the caller knows already are not read again.

The first row is the mark of app.access_version, in `origin`; the rows of app.grants_of follow where the caller knew another one.
"""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

BEFORE = import_module("audit.migrations.0010_begin_operation").CREATE

DROP_BEFORE = "DROP FUNCTION app.begin_operation(bigint, integer, integer, boolean, boolean);"

CREATE = """
CREATE FUNCTION app.begin_operation(
    member bigint, known uuid, statement_ms integer, lock_ms integer, synchronous boolean, writes boolean
) RETURNS TABLE (codename text, origin text, tables text[])
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    current_version uuid;
BEGIN
    PERFORM pg_catalog.set_config('statement_timeout', statement_ms::text, true),
            pg_catalog.set_config('lock_timeout', lock_ms::text, true),
            pg_catalog.set_config('synchronous_commit', CASE WHEN synchronous THEN 'on' ELSE 'off' END, true);
    IF writes THEN
        LOCK TABLE app.restore_gate IN ACCESS SHARE MODE;
    END IF;
    IF member IS NOT NULL THEN
        -- The mark first: what changes between the two statements is known under an old mark, and read again.
        SELECT version INTO STRICT current_version FROM app.access_version;
        RETURN QUERY VALUES ('version', current_version::text, NULL::text[]);
        IF known IS DISTINCT FROM current_version THEN
            RETURN QUERY SELECT * FROM app.grants_of(member);
        END IF;
    END IF;
END
$$;

COMMENT ON FUNCTION app.begin_operation(bigint, uuid, integer, integer, boolean, boolean) IS
    'Limits, gate and rights at the beginning of an operation: see audit/timeouts.py.';
"""

DROP = "DROP FUNCTION app.begin_operation(bigint, uuid, integer, integer, boolean, boolean);"


class Migration(migrations.Migration):
    dependencies = [("audit", "0010_begin_operation"), ("accesscontrol", "0008_access_version")]

    operations = [migrations.RunSQL(DROP_BEFORE + CREATE, DROP + BEFORE)]

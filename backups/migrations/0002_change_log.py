"""The log of changed keys, from which incremental backups know what to hold.

The triggers that fill it come after every migrate and every restore, from backups/schema/capture.sql.
"""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE TABLE app.change_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    txid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    table_name text NOT NULL,
    is_new boolean NOT NULL,
    keys bigint[]
);
ALTER TABLE app.change_log ALTER keys SET STORAGE EXTERNAL; -- to compress numbers takes longer than to write them
CREATE INDEX change_log_txid_idx ON app.change_log (txid);
COMMENT ON TABLE app.change_log IS 'The keys of the rows that a statement changed in a table of schema public: see backups/capture.py.';
COMMENT ON COLUMN app.change_log.id IS 'Of two entries for one row, the smaller came first.';
COMMENT ON COLUMN app.change_log.txid IS 'The transaction, not one of its savepoints.';
COMMENT ON COLUMN app.change_log.is_new IS 'The keys came with this statement; otherwise they were there before.';
COMMENT ON COLUMN app.change_log.keys IS 'Of each column of the key all values, one column after the other; NULL for all rows that there were.';

CREATE TABLE app.change_log_horizon (pruned_before xid8 NOT NULL);
COMMENT ON TABLE app.change_log_horizon IS 'In one row: of transactions before this one, entries of the log may be gone.';

CREATE FUNCTION app.prune_change_log(before xid8) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pruned bigint;
BEGIN
    UPDATE app.change_log_horizon SET pruned_before = before WHERE pruned_before < before;
    DELETE FROM app.change_log WHERE txid < before;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;
COMMENT ON FUNCTION app.prune_change_log(xid8) IS 'Forgets what no incremental backup needs any more; who needs it after all is told to make a full one.';
"""
DROP = """
DROP FUNCTION app.prune_change_log(xid8);
DROP TABLE app.change_log_horizon;
DROP TABLE app.change_log;
"""


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_verification_and_trust")]

    operations = [migrations.RunSQL(CREATE, DROP)]

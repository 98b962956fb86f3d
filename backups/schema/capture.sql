-- Has every change of schema public note the keys of its rows in app.change_log, for incremental backups: see
-- backups/capture.py. Runs as the owner after every migrate and every restore, any number of times. What is as it should
-- be is left alone: whatever is made anew here may have missed a change, and so no backup builds on one from before.

DO $capture$
DECLARE
    found record;
    wanted record;
    body text;
BEGIN
    IF to_regclass('app.change_log') IS NULL THEN
        RETURN; -- restored from before there was one: its migration comes
    END IF;

    -- A backup leaves both empty: what they say is of this server alone.
    INSERT INTO app.change_log_horizon SELECT '0' WHERE NOT EXISTS (SELECT FROM app.change_log_horizon);

    REVOKE ALL ON app.change_log, app.change_log_horizon FROM :"app_role";
    REVOKE ALL ON SEQUENCE app.change_log_id_seq FROM :"app_role";
    GRANT SELECT ON app.change_log, app.change_log_horizon TO :"app_role";
    GRANT SELECT ON SEQUENCE app.change_log_id_seq TO :"app_role"; -- a backup reads where it stands

    FOR found IN
        SELECT c.oid, c.oid::regclass AS name, 'capture_' || string_agg(a.attname, '_' ORDER BY k.place) AS function,
               string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) AS columns,
               string_agg(format('array_agg(q.%I)', a.attname), ' || ' ORDER BY k.place) AS keys,
               bool_and(a.atttypid = 'bigint'::regtype) AS suits
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
         CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
         GROUP BY c.oid
    LOOP
        IF NOT found.suits THEN
            RAISE EXCEPTION 'The key of % is no bigint: app.change_log can''t hold it.', found.name;
        END IF;
        body := format($template$
DECLARE
    most constant integer := 1000000; -- with more in one statement, all rows count as changed
    before bigint[];
    after bigint[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO app.change_log (table_name, is_new) VALUES (TG_TABLE_NAME, false);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        SELECT %1$s INTO before FROM (SELECT %2$s FROM old_rows LIMIT most + 1) q;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT %1$s INTO after FROM (SELECT %2$s FROM new_rows LIMIT most + 1) q;
    END IF;
    IF cardinality(coalesce(before, after)) > most THEN
        INSERT INTO app.change_log (table_name, is_new) VALUES (TG_TABLE_NAME, false);
    ELSIF before = after THEN
        INSERT INTO app.change_log (table_name, is_new, keys) VALUES (TG_TABLE_NAME, false, before);
    ELSE
        IF before IS NOT NULL THEN
            INSERT INTO app.change_log (table_name, is_new, keys) VALUES (TG_TABLE_NAME, false, before);
        END IF;
        IF after IS NOT NULL THEN
            INSERT INTO app.change_log (table_name, is_new, keys) VALUES (TG_TABLE_NAME, true, after);
        END IF;
    END IF;
    RETURN NULL;
END
$template$, found.keys, found.columns);
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc
                        WHERE pronamespace = 'app'::regnamespace AND proname = found.function AND prosrc = body) THEN
            EXECUTE format(
                'CREATE OR REPLACE FUNCTION app.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER'
                ' SET search_path = pg_catalog, pg_temp AS %L', found.function, body);
            EXECUTE format(
                'COMMENT ON FUNCTION app.%I() IS ''Trigger: notes the keys of changed rows for incremental backups.''',
                found.function);
        END IF;
        FOR wanted IN
            SELECT 'capture_' || lower(v.event) AS name, v.* FROM (VALUES
                ('INSERT', 'REFERENCING NEW TABLE AS new_rows'),
                ('UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
                ('DELETE', 'REFERENCING OLD TABLE AS old_rows'),
                ('TRUNCATE', '')) AS v (event, rows)
        LOOP
            CONTINUE WHEN EXISTS (
                SELECT FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
                 WHERE t.tgrelid = found.oid AND t.tgname = wanted.name AND t.tgenabled = 'A'
                   AND p.pronamespace = 'app'::regnamespace AND p.proname = found.function);
            EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', wanted.name, found.name);
            EXECUTE format(
                'CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION app.%I()',
                wanted.name, wanted.event, found.name, wanted.rows, found.function);
            -- Also for the owner, for superusers, and with session_replication_role = replica.
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.name, wanted.name);
        END LOOP;
    END LOOP;
END
$capture$;

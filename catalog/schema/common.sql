-- What all tables have in common: the trigger behind updated_at, and the comments on columns that mean the
-- same everywhere. It can run again at any time, and does after a migration that adds a table.

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.relname AS table_name, a.attname AS column_name
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'audit_logs'
           AND a.attname IN ('id', 'created_at', 'updated_at', 'deleted_at') AND NOT a.attisdropped
    LOOP
        EXECUTE format('COMMENT ON COLUMN public.%I.%I IS %L', found.table_name, found.column_name,
            CASE found.column_name
                WHEN 'id' THEN 'Number of the record, given by the database. An insert may bring its own.'
                WHEN 'created_at' THEN 'When the record was made; kept by the database.'
                WHEN 'updated_at' THEN 'When the record was last changed; kept by the database.'
                ELSE 'When the record was put into the trash. Empty for a record in use.'
            END);
        -- An UPDATE that sets updated_at itself (a restore, an undo) is believed: so it can be exact.
        IF found.column_name = 'updated_at' THEN
            EXECUTE format(
                'CREATE OR REPLACE TRIGGER %I BEFORE UPDATE ON public.%I FOR EACH ROW '
                'WHEN (NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at) '
                'EXECUTE FUNCTION public.set_updated_at()',
                found.table_name || '_set_updated_at', found.table_name);
        END IF;
    END LOOP;
END
$$;

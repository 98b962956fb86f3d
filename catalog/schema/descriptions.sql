-- What the database says of its tables, for catalog/services/live.py. In PL/pgSQL, since it keeps the plans for the length
-- of a session: planning these queries takes longer than running them. They run with the rights of whoever calls them,
-- and show what every role may read in pg_catalog. With public on the search path, definitions name its tables as we do.

CREATE FUNCTION app.foreign_keys(of_table regclass DEFAULT NULL)
    RETURNS TABLE (
        name name, "table" name, "column" name, references_table name, references_column name,
        nullable boolean, on_delete text
    )
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public
    SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    -- One look by primary key for each name: joined, PostgreSQL would read all of pg_class first.
    RETURN QUERY
    SELECT k.conname, r.relname, a.attname, p.relname, b.attname, NOT a.attnotnull,
           CASE k.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'r' THEN 'restrict'
                              ELSE 'no action' END
      FROM pg_constraint k
     CROSS JOIN LATERAL (SELECT relname FROM pg_class WHERE oid = k.conrelid OFFSET 0) r
     CROSS JOIN LATERAL (SELECT relname FROM pg_class WHERE oid = k.confrelid OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1] OFFSET 0) a
     CROSS JOIN LATERAL (
           SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1] OFFSET 0) b
     WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
       AND (of_table IS NULL OR of_table IN (k.conrelid, k.confrelid))
     ORDER BY r.relname, a.attname;
END
$$;

COMMENT ON FUNCTION app.foreign_keys(regclass) IS 'The foreign keys of schema public, or those from and to one table.';

CREATE FUNCTION app.table_description(table_name text) RETURNS json
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, public
    SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    described CONSTANT regclass := format('public.%I', table_name)::regclass;
BEGIN
    RETURN (
    SELECT json_build_object(
        'description', coalesce(obj_description(described, 'pg_class'), ''),
        'columns', (
            SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
                       CASE WHEN a.attidentity <> '' THEN 'generated' ELSE pg_get_expr(d.adbin, d.adrelid) END AS default,
                       coalesce(col_description(a.attrelid, a.attnum), '') AS description
                  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                 WHERE a.attrelid = described AND a.attnum > 0 AND NOT a.attisdropped
                 ORDER BY a.attnum) item),
        'indexes', (
            SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT i.relname AS name, x.indisunique AS "unique", x.indisprimary AS "primary",
                       (SELECT array_agg(pg_get_indexdef(x.indexrelid, n, true) ORDER BY n)
                          FROM generate_series(1, x.indnkeyatts) AS n) AS columns,
                       pg_get_expr(x.indpred, x.indrelid) AS predicate
                  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                 WHERE x.indrelid = described
                 ORDER BY x.indisprimary DESC, i.relname) item),
        'constraints', (
            SELECT coalesce(json_agg(item), '[]') FROM (
                SELECT k.conname AS name,
                       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' ELSE 'check' END AS type,
                       (SELECT array_agg(a.attname ORDER BY c.position)
                          FROM unnest(k.conkey) WITH ORDINALITY AS c (number, position)
                          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number) AS columns,
                       pg_get_constraintdef(k.oid) AS definition
                  FROM pg_constraint k
                 WHERE k.conrelid = described AND k.contype IN ('p', 'u', 'c')
                 ORDER BY k.contype DESC, k.conname) item),
        'foreign_keys', (SELECT coalesce(json_agg(item), '[]') FROM app.foreign_keys(described) item)
    ));
END
$$;

COMMENT ON FUNCTION app.table_description(text) IS 'A table of schema public: its comment, columns, indexes, constraints and foreign keys.';

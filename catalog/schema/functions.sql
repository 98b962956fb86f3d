-- Functions that the tables need. They live in public, so that a dump of the schema is complete.

CREATE OR REPLACE FUNCTION public.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := pg_catalog.now();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION public.set_updated_at() IS 'Trigger: marks a changed row, unless the statement itself says when it was changed.';

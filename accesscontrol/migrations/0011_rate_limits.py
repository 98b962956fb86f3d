"""The buckets that all processes share, and the functions through which alone the application's role changes them.

A bucket is a moment: when it will be full again. What is taken puts it off; time does the rest, so that nothing has to be
filled up. The table is UNLOGGED: after a crash of the server it is empty, every bucket full, and a commit that
touched nothing else waits for no disk. Reading it is for backups, which lock and describe every table.
"""

from __future__ import annotations

from django.conf import settings
from django.db import migrations
from psycopg import sql

APP_ROLE = sql.Identifier(settings.APP_ROLE).as_string()

CREATE = f"""
CREATE UNLOGGED TABLE app.rate_bucket (
    name text COLLATE "C" PRIMARY KEY,
    full_at double precision NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE app.rate_bucket IS 'When each bucket of a limit is full again, in seconds of the epoch: see accesscontrol/buckets.py.';
REVOKE ALL ON app.rate_bucket FROM {APP_ROLE};
GRANT SELECT ON app.rate_bucket TO {APP_ROLE};
"""

TAKE = """
CREATE FUNCTION app.take_rate(
    names text[], units double precision[], periods double precision[], prices integer[], charges double precision[],
    wanted integer
) RETURNS TABLE (bucket text, granted integer, ahead double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off -- plans outlive the time when there were few
AS $$
DECLARE
    moment double precision;
BEGIN
    -- All are locked, the missing ones made, in one order: no two callers wait for each other.
    INSERT INTO app.rate_bucket AS b (name, full_at)
    SELECT n, 0 FROM unnest(names) AS n ORDER BY n COLLATE "C"
        ON CONFLICT (name) DO UPDATE SET full_at = 0 WHERE false;
    moment := extract(epoch FROM clock_timestamp());

    -- `ahead`: in how many seconds the bucket is full. A debt is forgiven beyond five periods, and so is a clock set back.
    RETURN QUERY
    WITH seen AS MATERIALIZED (
        SELECT a.name, a.price * a.unit AS step, a.period,
               greatest(0, least(greatest(0, b.full_at - moment), CASE WHEN a.price = 0 THEN 6 ELSE 1 END * a.period)
                           + a.charge * a.unit) AS ahead
          FROM unnest(names, units, periods, prices, charges) AS a (name, unit, period, price, charge)
          JOIN app.rate_bucket b ON b.name = a.name COLLATE "C"
    ), room AS (
        SELECT min(CASE WHEN s.step > 0 THEN floor((s.period - s.ahead) / s.step + 0.01)
                        WHEN s.ahead < s.period THEN 'infinity' ELSE 0 END) AS permits
          FROM seen s
    ), verdict AS (  -- more than one only where there is plenty
        SELECT CASE WHEN permits < 1 THEN 0 ELSE least(wanted, greatest(1, floor(permits / 8))) END::integer AS permits
          FROM room
    )
    UPDATE app.rate_bucket b
       SET full_at = moment + s.ahead + v.permits * s.step
      FROM seen s, verdict v
     WHERE b.name = s.name COLLATE "C"
    RETURNING b.name, v.permits, b.full_at - moment;
END
$$;
COMMENT ON FUNCTION app.take_rate(text[], double precision[], double precision[], integer[], double precision[], integer) IS
    'Takes permits from all the buckets of a caller, or from none: see accesscontrol/buckets.py.';

CREATE FUNCTION app.forget_full_rates() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM app.rate_bucket
         WHERE name IN (SELECT name FROM app.rate_bucket
                         WHERE full_at < extract(epoch FROM clock_timestamp()) ORDER BY name FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION app.forget_full_rates() IS 'Deletes the buckets that are full, which is as good as having none.';
"""

DROP = """
DROP FUNCTION app.forget_full_rates();
DROP FUNCTION app.take_rate(text[], double precision[], double precision[], integer[], double precision[], integer);
DROP TABLE app.rate_bucket;
"""


class Migration(migrations.Migration):
    dependencies = [("accesscontrol", "0010_api_keys")]

    operations = [migrations.RunSQL(CREATE + TAKE, DROP)]

"""A mark that changes whenever anything does that rights hang on, whoever changes it, and never comes back.

Who knows the rights of somebody under the mark of now need not read them again: see accesscontrol/grants.py. It is set
by triggers, in the transaction of the change.
"""

from __future__ import annotations

from django.db import migrations

OF = (
    "auth_user", "auth_group", "auth_permission", "auth_user_groups", "auth_user_user_permissions",
    "auth_group_permissions", "guardian_groupobjectpermission", "guardian_userobjectpermission",
    "accesscontrol_columnrule", "accesscontrol_planfreerole",
)  # fmt: skip

CREATE = """
CREATE TABLE app.access_version (version uuid NOT NULL);
INSERT INTO app.access_version VALUES (gen_random_uuid());
COMMENT ON TABLE app.access_version IS 'The mark of what everybody may do as of now, in one row: see accesscontrol/grants.py.';

CREATE FUNCTION app.change_access_version() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE app.access_version SET version = gen_random_uuid();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION app.change_access_version() IS 'Trigger: tells those who know somebody''s rights to read them again.';
"""

WATCH = """
CREATE TRIGGER {table}_access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON app.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION app.change_access_version();
"""

DROP = """
DROP FUNCTION app.change_access_version() CASCADE;
DROP TABLE app.access_version;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accesscontrol", "0007_name_among_grants"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
    ]

    operations = [migrations.RunSQL(CREATE + "".join(WATCH.format(table=table) for table in OF), DROP)]

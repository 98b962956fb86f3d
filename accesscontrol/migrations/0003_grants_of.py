"""A function that reads what one user has been granted: PL/pgSQL keeps its plan for the length of a connection.

Every call asks, and planning the query takes PostgreSQL longer than answering it. The function runs with the caller's own
rights.
"""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE FUNCTION app.grants_of(member bigint) RETURNS TABLE (codename text, origin text, tables text[])
    LANGUAGE plpgsql STABLE
    SET search_path = app, pg_catalog
AS $$
#variable_conflict use_column
BEGIN
    -- The user first, where the account is active; then every grant, with what gives it; then the rules on columns.
    RETURN QUERY
    WITH roles AS MATERIALIZED (
        SELECT g.id, 'role ' || g.name AS origin
          FROM auth_user_groups m JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = member
    ), given AS MATERIALIZED (
        SELECT o.permission_id, r.origin, array_agg(o.object_pk::text) AS tables
          FROM guardian_groupobjectpermission o JOIN roles r ON r.id = o.group_id GROUP BY o.permission_id, r.origin
         UNION ALL
        SELECT o.permission_id, 'a personal grant', array_agg(o.object_pk::text)
          FROM guardian_userobjectpermission o WHERE o.user_id = member GROUP BY o.permission_id
         UNION ALL
        SELECT o.permission_id, r.origin, ARRAY['']
          FROM auth_group_permissions o JOIN roles r ON r.id = o.group_id
         UNION ALL
        SELECT o.permission_id, 'a personal grant', ARRAY['']
          FROM auth_user_user_permissions o WHERE o.user_id = member
    )
    SELECT NULL::text, CASE WHEN u.is_superuser THEN 'superuser' ELSE 'user' END, ARRAY['']
      FROM auth_user u WHERE u.id = member AND u.is_active
     UNION ALL
    SELECT p.codename::text, g.origin, g.tables
      FROM given g JOIN auth_permission p ON p.id = g.permission_id
      JOIN django_content_type t ON t.id = p.content_type_id
     WHERE t.app_label = 'accesscontrol' AND t.model = 'catalogtable'
     UNION ALL
    SELECT 'column ' || c.access, r.origin, array_agg(c.table_id || '.' || c.column_name)
      FROM accesscontrol_columnrule c JOIN roles r ON r.id = c.role_id GROUP BY c.access, r.origin;
END
$$;

COMMENT ON FUNCTION app.grants_of(bigint) IS 'What a user has been granted, and by what: see accesscontrol/grants.py.';
"""


class Migration(migrations.Migration):
    dependencies = [("accesscontrol", "0002_column_rules")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION app.grants_of(bigint)")]

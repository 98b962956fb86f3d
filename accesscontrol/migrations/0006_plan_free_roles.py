"""Operations that a role does without a plan, read along with all that its members have been granted."""

from __future__ import annotations

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

BEFORE = import_module("accesscontrol.migrations.0003_grants_of").CREATE.replace(
    "CREATE", "CREATE OR REPLACE", 1
)

REPLACE = """
CREATE OR REPLACE FUNCTION app.grants_of(member bigint) RETURNS TABLE (codename text, origin text, tables text[])
    LANGUAGE plpgsql STABLE
    SET search_path = app, pg_catalog
AS $$
#variable_conflict use_column
BEGIN
    -- The user first, where the account is active; then every grant, with what gives it; then the rules on columns; last
    -- the operations without plans.
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
      FROM accesscontrol_columnrule c JOIN roles r ON r.id = c.role_id GROUP BY c.access, r.origin
     UNION ALL
    SELECT 'no plan', 'roles', array_agg(f.operation::text)
      FROM accesscontrol_planfreerole f JOIN roles r ON r.id = f.role_id HAVING count(*) > 0;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accesscontrol", "0005_import_rows"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanFreeRole",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("operation", models.CharField(max_length=20)),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="auth.group"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("role", "operation"), name="freed_once")],
            },
        ),
        migrations.RunSQL(REPLACE, BEFORE),
    ]

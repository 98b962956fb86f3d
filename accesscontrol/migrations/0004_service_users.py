"""The mark of accounts that are programs', on the two that there were, which were known by their names.

The application's role may set the mark, and not change or remove it: the database does that when the account goes.
"""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from psycopg import sql

TABLE = sql.Identifier("app", "accesscontrol_serviceuser")
GOES_WITH_THE_ACCOUNT = (
    sql.SQL("ALTER TABLE {} ADD FOREIGN KEY (user_id) REFERENCES app.auth_user ON DELETE CASCADE")
    .format(TABLE)
    .as_string()
)
IS_NOT_TAKEN_BACK = (
    sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}")
    .format(TABLE, sql.Identifier(settings.APP_ROLE))
    .as_string()
)
MARK = (
    sql.SQL(
        "INSERT INTO {} (user_id) SELECT id FROM app.auth_user WHERE username IN ('load_sample', 'schedule')"
        " AND starts_with(password, '!') AND NOT is_staff AND NOT is_superuser"
    )
    .format(TABLE)
    .as_string()
)


class Migration(migrations.Migration):
    dependencies = [
        ("accesscontrol", "0003_grants_of"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="ServiceUser",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="auth.user",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        *(
            migrations.RunSQL(statement, migrations.RunSQL.noop)
            for statement in (GOES_WITH_THE_ACCOUNT, IS_NOT_TAKEN_BACK, MARK)
        ),
    ]

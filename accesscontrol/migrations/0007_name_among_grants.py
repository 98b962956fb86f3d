"""The name of the account, read along with all that it has been granted."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

BEFORE = import_module("accesscontrol.migrations.0006_plan_free_roles").REPLACE

REPLACE = BEFORE.replace(
    "CASE WHEN u.is_superuser THEN 'superuser' ELSE 'user' END, ARRAY['']",
    "CASE WHEN u.is_superuser THEN 'superuser' ELSE 'user' END, ARRAY[u.username::text]",
)


class Migration(migrations.Migration):
    dependencies = [("accesscontrol", "0006_plan_free_roles")]

    operations = [migrations.RunSQL(REPLACE, BEFORE)]

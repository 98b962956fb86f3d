"""Functions that describe the tables: what they read is always as it is now."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_state")]

    operations = [run_sql("catalog", "descriptions.sql")]

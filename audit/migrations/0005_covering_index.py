"""Makes the index of the trail's times hold what a summary reads."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_kept_answers")]

    operations = [run_sql("audit", "covering_index.sql")]

"""Makes the table audit_logs with its triggers."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [run_sql("audit", "audit_logs.sql")]

"""Brings the words of the lookup tables up to date: files of backups may come from outside."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_descriptions"), ("audit", "0006_files_from_outside")]

    operations = [run_sql("catalog", "lookups.sql")]

"""Brings the words of the lookup tables up to date: the trail tells of copies of backups."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_trash"), ("audit", "0016_copies_of_backups")]

    operations = [run_sql("catalog", "lookups.sql")]

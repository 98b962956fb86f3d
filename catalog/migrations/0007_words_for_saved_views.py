"""Brings the words of the lookup tables up to date: the trail tells of kept lists, and of sessions that are over."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_saved_views"), ("audit", "0012_saved_views_and_sessions")]

    operations = [run_sql("catalog", "lookups.sql")]

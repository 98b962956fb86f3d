"""Makes the indexes that a search by words reads."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_words_for_backups")]

    operations = [run_sql("catalog", "search.sql")]

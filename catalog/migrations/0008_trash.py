"""Makes the indexes that the list of the trash reads."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_words_for_saved_views")]

    operations = [run_sql("catalog", "trash.sql")]

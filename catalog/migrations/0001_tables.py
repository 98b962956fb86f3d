"""Makes the tables, in an order in which each comes after those it refers to, and their first rows."""

from __future__ import annotations

from django.db import migrations

from audit.sql_files import run_sql

FILES = (
    "functions.sql",
    "manuscript.sql",
    "classification.sql",
    "world.sql",
    "people.sql",
    "scenes.sql",
    "plot.sql",
    "work.sql",
    "common.sql",
    "lookups.sql",
)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [run_sql("catalog", name) for name in FILES]

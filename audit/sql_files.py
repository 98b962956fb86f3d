"""Reads the SQL files in an app's schema folder; here, in the lowest app that has some, for all apps.

A file that a released migration runs is never edited afterwards, for new installations would then differ
from old ones. A later change is a new file with a migration of its own. The exceptions are files that may run
any number of times (catalog's common.sql, lookups.sql): edit them, and add a migration that runs them again:

    operations = [run_sql("catalog", "changes/0003_add_reviews.sql"), run_sql("catalog", "common.sql")]
"""

from __future__ import annotations

from importlib.resources import files

from django.db.migrations.operations import RunSQL


def read_sql(app: str, name: str) -> str:
    """This function will return the text of `<app>/schema/<name>`."""
    return files(app).joinpath("schema", name).read_text(encoding="utf-8")


def run_sql(app: str, name: str) -> RunSQL:
    """This function will return the migration operation that runs a whole file, in the migration's transaction.

    Without parameters, so a % in the file is just a %. There is no way back: undoing it would drop tables
    and what people wrote into them.
    """
    return RunSQL(read_sql(app, name))

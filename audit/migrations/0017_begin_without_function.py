"""Operations begin with plain statements, which cost PostgreSQL a third less than the function did: see audit/timeouts.py."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

_function = import_module("audit.migrations.0011_begin_with_known_rights")  # whose name is no identifier


class Migration(migrations.Migration):
    dependencies = [("audit", "0016_copies_of_backups")]

    operations = [migrations.RunSQL(_function.DROP, _function.CREATE)]

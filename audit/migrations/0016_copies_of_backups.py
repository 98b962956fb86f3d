"""Three operations more: a backup is copied into a bucket, fetched from there, and its copy is deleted."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

_files = import_module("audit.migrations.0006_files_from_outside")  # whose name is no identifier
_last = import_module("audit.migrations.0012_saved_views_and_sessions")
ADDED = ("COPY_BACKUP", "FETCH_BACKUP", "DELETE_COPY")
BEFORE = (*_last.BEFORE, *_last.ADDED)


class Migration(migrations.Migration):
    dependencies = [("audit", "0015_versions_refer_to_nothing")]

    operations = [migrations.RunSQL(_files.allow(*BEFORE, *ADDED), _files.allow(*BEFORE))]

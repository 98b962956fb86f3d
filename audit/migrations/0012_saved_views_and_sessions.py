"""Three operations more: somebody keeps a list or deletes one, and sessions that are over are forgotten."""

from __future__ import annotations

from importlib import import_module

from django.db import migrations

_last = import_module("audit.migrations.0006_files_from_outside")  # whose name is no identifier
ADDED = ("SAVE_VIEW", "DELETE_VIEW", "EXPIRE_SESSIONS")
BEFORE = (*_last.BEFORE, *_last.ADDED)


class Migration(migrations.Migration):
    dependencies = [("audit", "0011_begin_with_known_rights")]

    operations = [migrations.RunSQL(_last.allow(*BEFORE, *ADDED), _last.allow(*BEFORE))]

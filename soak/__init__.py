"""Long runs under load, kills and faults, and what must hold after each: script/soak, docs/operations.md."""

from __future__ import annotations

import os

import django
from django.apps import apps

if not apps.ready:  # here, since the modules below import models
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

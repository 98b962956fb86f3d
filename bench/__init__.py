"""How fast the server is, as ratios to the bare work measured beside it: script/bench, docs/performance.md."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()  # here, since the modules below import models

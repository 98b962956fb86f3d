"""The web application for ASGI servers."""

from __future__ import annotations

import os
from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.use_if_configured()
application = get_asgi_application()
# All pages, before workers are forked: the first request waits for none.
import_module(settings.ROOT_URLCONF)

"""The web application for WSGI servers."""

from __future__ import annotations

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.use_if_configured()
application = get_wsgi_application()
# All pages, before workers are forked: the first request waits for none.
import_module(settings.ROOT_URLCONF)

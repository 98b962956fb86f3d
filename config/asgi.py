"""The web application for ASGI servers."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.use_if_configured()
application = get_asgi_application()

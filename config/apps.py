"""The applications that compose the others."""

from __future__ import annotations

import atexit
import gc
from typing import Any

from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin import apps
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class ConfigConfig(AppConfig):
    """Brings the commands that belong to no single part."""

    default = True
    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        """Let the collector look at nothing that is imported, and at nothing at the end: that took half a second."""
        gc.freeze()
        gc.enable()  # manage.py begins without
        atexit.register(gc.freeze)


class AdminConfig(apps.SimpleAdminConfig):
    """Django's admin, with our site in place of its own; its pages are imported where they are served, or checked."""

    default = False
    default_site = "config.site.AdminSite"

    def ready(self) -> None:
        """Register Django's checks."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(*args: Any, **options: Any) -> list[checks.CheckMessage]:
    admin.autodiscover()
    return check_admin_app(*args, **options)

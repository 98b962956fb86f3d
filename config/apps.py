"""The applications that compose the others."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps


class ConfigConfig(AppConfig):
    """Brings the commands that belong to no single part."""

    default = True
    name = "config"
    verbose_name = "Configuration"


class AdminConfig(apps.AdminConfig):
    """Django's admin, with our site in place of its own."""

    default = False
    default_site = "config.site.AdminSite"

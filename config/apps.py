"""The application that composes the others."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Brings the commands that belong to no single part."""

    name = "config"
    verbose_name = "Configuration"

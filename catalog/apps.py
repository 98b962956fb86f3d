from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let rights follow every migrate, and register the system checks."""
        from catalog import access, checks  # noqa: F401, PLC0415 - they need the models

        post_migrate.connect(access.sync_access, sender=self)

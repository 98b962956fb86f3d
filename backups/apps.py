from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BackupsConfig(AppConfig):
    name = "backups"
    verbose_name = "Backups"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the capture of changes follow every migrate."""
        from backups import capture  # noqa: PLC0415 - it needs the settings

        post_migrate.connect(capture.sync, sender=self)

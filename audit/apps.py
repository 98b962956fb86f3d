from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Record what signals tell."""
        from audit import listeners  # noqa: F401, PLC0415 - it needs the models

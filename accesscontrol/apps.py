from __future__ import annotations

from django.apps import AppConfig


class AccessControlConfig(AppConfig):
    name = "accesscontrol"
    verbose_name = "Access"

    def ready(self) -> None:
        """Let a session begin with what is known of whoever logs in."""
        from accesscontrol import listeners  # noqa: F401, PLC0415 - it needs the models

"""Keeps the schedule: wakes workers when something is due."""

from __future__ import annotations

from typing import Any

from celery.beat import Service
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from jobs import schedule


class Command(BaseCommand):
    """One is enough; several do no harm, as each slot is done once."""

    help = "Keep the schedule until SIGTERM or Ctrl-C."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Install what is new in the schedule, and keep it."""
        schedule.install()
        application = import_string(settings.CELERY_APP)
        Service(application, scheduler_cls=application.conf.beat_scheduler).start()

"""Takes django-auditlog's own pages away: they show versions past the services."""

from __future__ import annotations

from auditlog.models import LogEntry
from django.contrib import admin

admin.site.unregister(LogEntry)

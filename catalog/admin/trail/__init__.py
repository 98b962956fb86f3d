"""The pages of the audit trail."""

from __future__ import annotations

from django.contrib import admin

from audit.models import AuditLog
from catalog.admin.trail.pages import TrailPages


def register(site: admin.AdminSite) -> None:
    """This function will give the trail its pages."""
    site.register(AuditLog, TrailPages)

"""The addresses of the admin's pages that are no model's own: one line each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import include, path

from backups.admin import BackupPages
from catalog.admin.diagram import DiagramPage
from catalog.admin.rights import RightsPages
from config import profile, searching
from config.keys import KeyPages


def urls(site: admin.AdminSite) -> list[Any]:
    """This function will return the addresses."""
    return [
        path("backups/", include(BackupPages(site).urls())),
        path("diagram/", include(DiagramPage(site).urls())),
        path("keys/", include(KeyPages(site).urls())),
        path("rights/", include(RightsPages(site).urls())),
        path("search/", site.admin_view(searching.page), name="search"),
        path("profile/", include(profile.urls(site))),
    ]

"""The catalog's pages in the admin; Django imports this package when it starts."""

from __future__ import annotations

from django.contrib import admin

from catalog.admin import tables, trail

__all__ = ["trail"]

tables.register(admin.site)

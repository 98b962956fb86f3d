"""The catalog's pages in the admin; Django imports this package when it starts."""

from __future__ import annotations

from django.contrib import admin

from catalog.admin import tables

tables.register(admin.site)

"""Gives the site the catalog's pages. Django imports this module once the site is there, which needs some of them."""

from __future__ import annotations

from django.contrib import admin

from catalog.admin import junctions, tables
from catalog.admin.trail import pages as trail

tables.register(admin.site)
junctions.register(admin.site)
trail.register(admin.site)

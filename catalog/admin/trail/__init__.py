"""The pages of the audit trail; importing them registers them."""

from __future__ import annotations

from catalog.admin.trail import pages

__all__ = ["pages"]

"""The admin pages of this app; importing them registers them."""

from __future__ import annotations

from jobs.admin import jobs, schedule

__all__ = ["jobs", "schedule"]

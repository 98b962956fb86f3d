"""The pages of backups in the admin."""

from __future__ import annotations

from backups.admin.pages import BackupPages

__all__ = ["BackupPages"]

"""Exports and imports, for every face."""

from __future__ import annotations

from catalog.exchange.exporting import Exported, export
from catalog.exchange.importing import Imported, OnConflict, import_records

__all__ = ["Exported", "Imported", "OnConflict", "export", "import_records"]

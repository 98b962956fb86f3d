"""Exports and imports, for every face."""

from __future__ import annotations

from catalog.exchange.exporting import Exported, export
from catalog.exchange.formats import Format
from catalog.exchange.importing import Imported, import_records
from catalog.exchange.order import OnConflict
from catalog.exchange.reading import Source

__all__ = ["Exported", "Format", "Imported", "OnConflict", "Source", "export", "import_records"]

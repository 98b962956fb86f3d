"""Exports and imports, for every face."""

from __future__ import annotations

from catalog.exchange.exporting import Exported, export

__all__ = ["Exported", "export"]

"""The pages that say and set who may do what."""

from __future__ import annotations

from catalog.admin.rights.pages import RightsPages

__all__ = ["RightsPages"]

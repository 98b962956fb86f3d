"""System checks: models, registry and the live database say the same."""

from __future__ import annotations

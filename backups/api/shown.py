"""A backup as programs are shown it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backups.catalogue import Found
from backups.describing import Described


@dataclass(frozen=True)
class BackupTable:
    table: str
    records: int


@dataclass(frozen=True)
class BackupLook:
    """What somebody found who looked at a backup."""

    verified_at: datetime
    deep: bool
    valid: bool
    checks: list[dict[str, Any]]
    user_id: str


@dataclass(frozen=True)
class BackupShown:
    """All that is known of a backup; what it holds as far as its manifest may be believed."""

    backup: Found
    is_ours: bool
    holds: list[BackupTable]
    looks: list[BackupLook]
    trusted_by: str | None


def shown(described: Described) -> BackupShown:
    """This function will return a backup as programs are shown it."""
    tables = sorted(described.claims.tables.items())
    return BackupShown(
        backup=described.found,
        is_ours=described.is_ours,
        holds=[BackupTable(name, state.rows) for name, state in tables],
        looks=[
            BackupLook(look.verified_at, look.deep, look.valid, look.checks, look.username)
            for look in described.looks
        ],
        trusted_by=described.trust.username if described.trust else None,
    )

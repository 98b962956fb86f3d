"""The keys of backups: from one secret, one key for each purpose. The newest signs, older ones still open."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_LABEL: Final = "database-admin-server backup: "


@dataclass(frozen=True)
class Key:
    """One secret, never shown; `id` names it and gives nothing of it away."""

    material: str = field(repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits."""
        return self.derive("id")[:8].hex()

    def derive(self, purpose: str, salt: bytes | None = None) -> bytes:
        """This function will return the key of 32 bytes for a purpose, unlike that for any other (HKDF, RFC 5869)."""
        return HKDF(SHA256(), 32, salt, f"{_LABEL}{purpose}".encode()).derive(self.material.encode())


def ring() -> Sequence[Key]:
    """This function will return the keys that are in use, newest first; development has one made by itself."""
    given: Sequence[str] = settings.BACKUP_KEYS
    return [Key(material) for material in given or [_development_key(Path(settings.BACKUP_DEVELOPMENT_KEY))]]


def newest() -> Key:
    """This function will return the key that new backups are signed and encrypted with."""
    return ring()[0]


def find(key_id: str) -> Key | None:
    """This function will return the key of that id, or None where it is not in use any more."""
    return next((key for key in ring() if key.id == key_id), None)


def _development_key(path: Path) -> str:
    """Return the key in the file, made once; another program may be first."""
    if not path.exists():
        new = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_urlsafe(48).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)  # complete, or not at all
        new.unlink()
    return path.read_text(encoding="ascii")

"""Keys made of SECRET_KEY, one for each purpose; older ones of SECRET_KEY_FALLBACKS still hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_LABEL: Final = "database-admin-server: "


def derived(purpose: str) -> list[bytes]:
    """This function will return the keys of 32 bytes for a purpose, the one in use first (HKDF, RFC 5869)."""
    return [_derive(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


@lru_cache(maxsize=64)
def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, None, f"{_LABEL}{purpose}".encode()).derive(secret.encode())

"""The keys of access tokens: the first signs, all verify, each by the one algorithm that it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings

from accesscontrol import secret_keys

_PEM: Final = "-----BEGIN"
_PURPOSE: Final = "access tokens"


@dataclass(frozen=True)
class JwtKey:
    """One key; `id` names it in a token and gives nothing of it away."""

    id: str
    algorithm: str
    signs: Any = field(repr=False)  # None where it only verifies
    verifies: Any = field(repr=False)


def newest() -> JwtKey:
    """This function will return the key that new tokens are signed with."""
    return _ring()[0]


def find(key_id: object) -> JwtKey | None:
    """This function will return the key of that id, or None where it is not in use any more."""
    return next((key for key in _ring() if key.id == key_id), None)


def _ring() -> tuple[JwtKey, ...]:
    if given := tuple(settings.JWT_KEYS):
        return _read(given)
    return tuple(_symmetric(material) for material in secret_keys.derived(_PURPOSE))


@lru_cache(maxsize=8)
def _read(given: tuple[str, ...]) -> tuple[JwtKey, ...]:
    return tuple(_asymmetric(key) if key.startswith(_PEM) else _symmetric(key.encode()) for key in given)


def _symmetric(material: bytes) -> JwtKey:
    return JwtKey(_id(b"id of a key of access tokens: " + material), "HS256", material, material)


def _asymmetric(pem: str) -> JwtKey:
    """A key in PEM: config.readers has seen to it that it is Ed25519 or RSA, and without a password."""
    private: Any = None if "PUBLIC KEY" in pem else load_pem_private_key(pem.encode(), None)
    public: Any = load_pem_public_key(pem.encode()) if private is None else private.public_key()
    told = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return JwtKey(_id(told), "RS256" if isinstance(public, RSAPublicKey) else "EdDSA", private, public)


def _id(told: bytes) -> str:
    return sha256(told).hexdigest()[:16]

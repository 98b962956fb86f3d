"""How the text of a setting becomes a value: a reader returns it, or raises a ValueError that says what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

SECRET_KEY_MIN_LENGTH: Final = 50
BACKUP_KEY_MIN_LENGTH: Final = 32
JWT_KEY_MIN_LENGTH: Final = 32
RSA_MIN_BITS: Final = 2048


def text(value: str) -> str:
    """Return `value` as it is."""
    return value


def boolean(value: str) -> bool:
    """Read true/false, yes/no, on/off, 1/0 in any case."""
    try:
        return {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False,
                "off": False}[value.strip().lower()]  # fmt: skip
    except KeyError:
        raise ValueError("must be true or false") from None


def names(value: str) -> list[str]:
    """Read a comma-separated list; blanks are dropped."""
    return [name for part in value.split(",") if (name := part.strip())]


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `minimum` to `maximum`."""

    def read(value: str) -> int:
        if not value.strip().isascii() or not value.strip().isdigit():
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        number = int(value)
        if not minimum <= number <= maximum:
            raise ValueError(f"must be from {minimum} to {maximum}")
        return number

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader that takes one of `choices`, in any case."""

    def read(value: str) -> str:
        for choice in choices:
            if value.strip().lower() == choice.lower():
                return choice
        raise ValueError(f"must be one of {', '.join(choices)}")

    return read


def postgresql_url(value: str) -> str:
    """Read a PostgreSQL URL that names a user and a database; libpq's parameters may follow as a query."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.username and parts.path.strip("/"))
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a URL like postgresql://user:password@host:5432/database")
    return value


def broker_url(value: str) -> str:
    """Read the URL of a broker that has been tried: Redis, or our own spool in a folder."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.path.strip("/")) if parts.scheme == "spool" else bool(parts.hostname)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"redis", "rediss", "spool"}:
        raise ValueError("must be a URL like redis://:password@host:6379/0, or spool:///a/folder")
    return value


def secret_key(value: str) -> str:
    """Read a key long enough to sign with."""
    if len(value) < SECRET_KEY_MIN_LENGTH:
        raise ValueError(f"must have at least {SECRET_KEY_MIN_LENGTH} characters")
    return value


def backup_keys(value: str) -> list[str]:
    """Read the keys of backups, newest first, each long enough to encrypt with."""
    found = names(value)
    if any(len(key) < BACKUP_KEY_MIN_LENGTH for key in found):
        raise ValueError(f"must have at least {BACKUP_KEY_MIN_LENGTH} characters in each of its keys")
    return found


def http_url(value: str) -> str:
    """Read the URL of a server, without a name or password in it."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.hostname) and not (parts.username or parts.password)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"http", "https"}:
        raise ValueError("must be a URL like https://s3.example, without a user")
    return value


def prefix(value: str) -> str:
    """Read what the names of objects begin with, and end it with a slash."""
    path = value.strip().strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._=/-]{0,500}", path, re.ASCII) or ".." in path.split("/"):
        raise ValueError("must be of letters, digits and . _ = - with / between")
    return f"{path}/" if path else ""


def redis_url(value: str) -> str:
    """Read the URL of a Redis server."""
    try:
        parts = urlsplit(value)
        complete = bool(parts.path.strip("/") if parts.scheme == "unix" else parts.hostname)
    except ValueError:
        complete = False
    if not complete or parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must be a URL like redis://:password@host:6379/1")
    return value


def jwt_keys(value: str) -> list[str]:
    """Read the keys of access tokens, newest first: texts long enough to sign with, or keys in PEM."""
    found = names(value)
    for key in found:
        if key.startswith("-----BEGIN"):
            _require_pem(key)
        elif len(key) < JWT_KEY_MIN_LENGTH:
            raise ValueError(f"must have at least {JWT_KEY_MIN_LENGTH} characters in each of its keys")
    if found and "PUBLIC KEY-----" in found[0]:
        raise ValueError("must begin with a key that can sign")
    return found


def _require_pem(key: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - hardly anybody has such keys
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
        load_pem_public_key,
    )

    try:
        read: object = (
            load_pem_public_key(key.encode()) if "PUBLIC" in key else load_pem_private_key(key.encode(), None)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("has a key in PEM that can't be read; one with a password can't") from None
    if isinstance(read, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        if read.key_size < RSA_MIN_BITS:
            raise ValueError(f"has an RSA key of less than {RSA_MIN_BITS} bits")
    elif not isinstance(read, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        raise ValueError("has a key in PEM that is neither Ed25519 nor RSA")

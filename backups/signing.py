"""Signatures of manifests: HMAC-SHA256 over the document as canonical JSON, with a key of its own."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

from backups import keys
from backups.keys import Key


def canonical(document: Mapping[str, Any]) -> bytes:
    """This function will return the one spelling of a JSON document: sorted keys, no spaces, ASCII."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def sign(document: Mapping[str, Any]) -> dict[str, str]:
    """This function will return the signature of a document by the newest key."""
    key = keys.newest()
    return {"key_id": key.id, "value": _value(document, key)}


def is_signed(document: Mapping[str, Any], signature: Mapping[str, str] | None) -> bool:
    """This function will say whether one of our keys made the signature of exactly this document."""
    key = keys.find(signature["key_id"]) if signature else None
    return (
        signature is not None
        and key is not None
        and hmac.compare_digest(signature["value"], _value(document, key))
    )


def _value(document: Mapping[str, Any], key: Key) -> str:
    return hmac.digest(key.derive("manifest signature"), canonical(document), "sha256").hex()

"""The text of a key, dbas_PREFIX_SECRET. The prefix is kept and shown; of the secret only a digest is kept.

The digest is an HMAC whose key is made of SECRET_KEY, so that a copy of the table opens nothing. The secret is of 256
bits by chance, so that nothing slower is needed.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import datetime
from hmac import digest as hmac
from typing import Final

from accesscontrol import secret_keys
from accesscontrol.models import ApiKey

FORM: Final = re.compile(r"dbas_(?P<prefix>[A-Za-z0-9]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
_PREFIX: Final = re.compile("[A-Za-z0-9]{12}")
_ALPHABET: Final = string.ascii_letters + string.digits
_PURPOSE: Final = "API keys"


def new_prefix() -> str:
    """This function will return the part of a new key that everybody may see."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def is_prefix(text: str) -> bool:
    """This function will say whether a text has the form of a prefix."""
    return _PREFIX.fullmatch(text) is not None


def renew(key: ApiKey, keep_until: datetime | None = None) -> str:
    """This function will give a key a new secret, and return its text; the present one may be kept for a while."""
    secret = secrets.token_urlsafe(32)
    if keep_until is not None:
        key.old_digest, key.old_expires_at = key.digest, keep_until
    key.digest = digests(key.prefix, secret)[0]
    return f"dbas_{key.prefix}_{secret}"


def digests(prefix: str, secret: str) -> list[str]:
    """This function will return what may be kept of a secret: by the present SECRET_KEY, then by each before it."""
    text = f"{prefix}_{secret}".encode()
    return [hmac(key, text, "sha256").hex() for key in secret_keys.derived(_PURPOSE)]

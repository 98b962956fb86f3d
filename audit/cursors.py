"""Where a page ended, as a signed text: the cursor of the next page.

A cursor belongs to its caller and its query, and expires after a day, or when the whole catalog is restored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.core import signing

from accesscontrol.actor import Actor
from accesscontrol.errors import InvalidInput
from audit import epochs

GOOD_FOR = timedelta(hours=24)
MAX_CHARS = 20_000
_LONG = 200  # characters; what is shorter packs to nearly the same
_SALT = "audit.cursors"
_write = json.JSONEncoder(sort_keys=True, default=str).encode
_compact = json.JSONEncoder(separators=(",", ":")).encode


class _Serializer(signing.JSONSerializer):
    """Django's, with an encoder that is made once."""

    def dumps(self, obj: Any) -> bytes:
        """Return a value as JSON."""
        return _compact(obj).encode("latin-1")


def seal(actor: Actor, query: Sequence[object], last: Sequence[Any]) -> str:
    """This function will return the cursor of a page that ended with a row whose order columns are `last`."""
    now = datetime.now(UTC).timestamp()
    is_long = any(isinstance(value, str) and len(value) > _LONG for value in last)
    return signing.dumps(
        [actor.username, _digest(query), list(last), now],
        salt=_SALT,
        serializer=_Serializer,
        compress=is_long,
    )


def unseal(actor: Actor, query: Sequence[object], cursor: object) -> list[Any]:
    """This function will return what `seal` was given as `last`.

    :raises InvalidInput: no cursor of ours, too old, another caller's, or of another query
    :raises Conflict: the catalog was restored since
    """
    if not isinstance(cursor, str) or len(cursor) > MAX_CHARS:
        raise _invalid("is not one that a page has given")
    try:
        username, digest, last, sealed_at = signing.loads(cursor, salt=_SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired as error:
        raise _invalid("has expired") from error
    except (signing.BadSignature, ValueError) as error:
        raise _invalid("is not one that a page has given") from error
    if username != actor.username or digest != _digest(query):
        raise _invalid("belongs to another query: keep what is asked for as it was, but for the limit")
    epochs.require_same(datetime.fromtimestamp(sealed_at, UTC), "The cursor")
    return list(last)


def _digest(query: Sequence[object]) -> str:
    text = _write(query)
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _invalid(problem: str) -> InvalidInput:
    return InvalidInput(f"The cursor {problem}.", hint="Start again without a cursor.", argument="cursor")
